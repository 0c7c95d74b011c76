"""The actions on accounts and sessions."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import msgspec

from serai.chassis.auth.principal import Principal
from serai.chassis.errors import NotFound
from serai.chassis.ids import new_id
from serai.contracts.user import (
    ADDRESS_TAKEN,
    PASSWORD_CHANGED,
    USER_REGISTERED,
    ChangePassword,
    IssuedLink,
    LinkExpired,
    Register,
    Registered,
    RequestPasswordReset,
    ResetPassword,
    Session,
    SignedIn,
    SignIn,
    UpdateUser,
    User,
    UserDetails,
    UserEvent,
    VerifyEmail,
)
from serai.user import domain, links, store
from serai.user.deps import Deps
from serai.user.domain import (
    PER_ACCOUNT,
    PER_ADDRESS,
    EmailNotVerified,
    EmailVerifiedAlready,
    InvalidCredentials,
    LastAdmin,
    LinkInvalid,
    SessionEnded,
    WrongPassword,
)
from serai.user.link_emails import publish_with_link
from serai.user.passwords import COMMON
from serai.user.tokens import ACCESS_LIFE_S


@dataclass(frozen=True, slots=True)
class Grant:
    """The result of a sign-in or a refresh: the response, and the refresh token for the cookie."""

    signed_in: SignedIn
    refresh_token: str


async def register(deps: Deps, request: Register) -> Registered:
    """Create an account, or tell the owner of an existing one about the attempt. The response and its duration do not
    reveal which."""
    account = domain.new_account(request.email, request.password, request.name, COMMON)
    password_hash = await deps.passwords.hash(account.password)
    user_id = new_id()
    async with deps.database.transaction() as tx:
        if await store.add_account(tx, user_id, account, password_hash, "customer"):
            await publish_with_link(tx, deps.feed, USER_REGISTERED, user_id, "verify_email")
        elif (owner := await store.note_address_taken(tx, account.email)) is not None:
            await deps.feed.append(tx, ADDRESS_TAKEN, owner, UserEvent(owner))
    deps.feed.nudge()
    return Registered(account.email, account.name)


async def sign_in(deps: Deps, request: SignIn, address: str, user_agent: str) -> Grant:
    """`address` is the client's.

    Raises `InvalidCredentials` for whatever is wrong, `SignInBusy` and `SignInSlowed` before checking the password, and
    `EmailNotVerified` where verification is required, after requesting another verification email.
    """
    email = domain.normalize_email(request.email)
    account = _account_subject(email)
    async with deps.database.connection() as conn:
        known = await store.sign_in_facts(conn, email, account, address)
    if not known.known_address:
        # From an address that the owner has signed in from before, failures from elsewhere do not delay them.
        await deps.throttle.wait(account, domain.sign_in_delay_s(PER_ACCOUNT, known.account_level))
        await deps.throttle.wait(address, domain.sign_in_delay_s(PER_ADDRESS, known.address_level))
    password = domain.normalize_password(request.password)
    matches = await deps.passwords.matches(password, known.password_hash)
    if not matches or known.user is None or known.password_hash is None or known.disabled:
        async with deps.database.connection() as conn:
            await store.count_failure(conn, account, address)
        raise InvalidCredentials
    try:
        _require_verified(deps, known.user)
    except EmailNotVerified:
        await deps.link_emails.request("verify_email", email)
        raise
    password_hash = await _rehash_if_outdated(deps, known.user.id, password, known.password_hash)
    session_id, token = new_id(), secrets.token_urlsafe(32)
    async with deps.database.transaction() as tx:
        opened = await store.open_session(
            tx,
            session_id,
            known.user.id,
            password_hash,
            address,
            domain.normalize_user_agent(user_agent),
            domain.hash_of(token),
        )
        if not opened:
            raise InvalidCredentials
        await store.forget_failures(tx, account)
    return _grant(deps, known.user, session_id, token)


async def refresh(deps: Deps, token: str | None) -> Grant:
    """Exchange a refresh token for an access token and a successor; see `domain.evaluate`.

    Raises `SessionEnded`, and `EmailNotVerified` for a session from before verification was required.
    """
    if token is None or not domain.looks_like_token(token):
        raise SessionEnded
    token_hash = domain.hash_of(token)
    async with deps.database.transaction() as tx:
        stored = await store.lock_token(tx, token_hash)
        verdict = "refuse" if stored is None else domain.evaluate(stored.token, stored.now)
        if stored is not None and verdict in ("rotate", "repeat"):
            _require_verified(deps, stored.user)
        if stored is not None and verdict == "rotate":
            salt = secrets.token_bytes(32)
            successor = _successor(token, salt)
            await store.rotate(tx, stored.session_id, token_hash, salt, domain.hash_of(successor))
            return _grant(deps, stored.user, stored.session_id, successor)
        if stored is not None and verdict == "repeat":
            return _grant(deps, stored.user, stored.session_id, _successor(token, cast("bytes", stored.salt)))
        if stored is not None and verdict == "replay":
            await store.end_session(tx, stored.session_id)
    raise SessionEnded


async def sign_out(deps: Deps, token: str | None) -> None:
    if token is not None and domain.looks_like_token(token):
        async with deps.database.connection() as conn:
            await store.end_session_of_token(conn, domain.hash_of(token))


async def me(deps: Deps, caller: Principal) -> User:
    """Raises `SessionEnded`, also while the access token is still valid."""
    async with deps.database.connection() as conn:
        found = await store.user_in_session(conn, caller.user, _session_id(caller))
    if found is None:
        raise SessionEnded
    return found


async def sessions(deps: Deps, caller: Principal, before: UUID | None, limit: int) -> list[Session]:
    async with deps.database.connection() as conn:
        return await store.sessions_of(conn, caller.user, _session_id(caller), before, limit)


async def end_session(deps: Deps, caller: Principal, session_id: UUID) -> None:
    """Raises `NotFound` for a session that does not exist, has ended or belongs to somebody else."""
    async with deps.database.connection() as conn:
        if not await store.end_own_session(conn, caller.user, session_id):
            raise NotFound


async def end_other_sessions(deps: Deps, caller: Principal) -> None:
    async with deps.database.connection() as conn:
        await store.end_sessions(conn, caller.user, but=_session_id(caller))


async def rename(deps: Deps, caller: Principal, name: str | msgspec.UnsetType) -> User:
    if name is not msgspec.UNSET:
        normal = domain.new_name(name)
        await me(deps, caller)
        async with deps.database.connection() as conn:
            await store.rename(conn, caller.user, normal)
    return await me(deps, caller)


async def change_password(deps: Deps, caller: Principal, request: ChangePassword, address: str) -> None:
    """Ends all other sessions and all password reset links. Raises `WrongPassword`, which counts as a failed
    sign-in."""
    password = domain.new_password(request.new_password, COMMON, field="new_password")
    account = _account_subject(caller.email)
    async with deps.database.connection() as conn:
        known = await store.sign_in_facts(conn, caller.email, account, address)
    await deps.throttle.wait(account, domain.sign_in_delay_s(PER_ACCOUNT, known.account_level))
    current = domain.normalize_password(request.current_password)
    if known.password_hash is None or not await deps.passwords.matches(current, known.password_hash):
        async with deps.database.connection() as conn:
            await store.count_failure(conn, account, address)
        raise WrongPassword(field="current_password")
    password_hash = await deps.passwords.hash(password)
    async with deps.database.transaction() as tx:
        if not await store.set_password_hash(tx, caller.user, known.password_hash, password_hash):
            raise WrongPassword(field="current_password")
        await store.end_sessions(tx, caller.user, but=_session_id(caller))
        await links.delete_links(tx, caller.user, "reset_password")
        await store.forget_failures(tx, account)
        await deps.feed.append(tx, PASSWORD_CHANGED, caller.user, UserEvent(caller.user))
    deps.feed.nudge()


async def request_password_reset(deps: Deps, request: RequestPasswordReset) -> None:
    """Does the same work whether or not the address has an account; see `serai.user.link_emails`."""
    await deps.link_emails.request("reset_password", domain.normalize_email(request.email))


async def reset_password(deps: Deps, request: ResetPassword) -> None:
    """Also verifies the address, and ends all sessions and links of the account. Raises `LinkInvalid`."""
    password = domain.new_password(request.password, COMMON, field="password")
    token_hash = _hash_of_link_token(request.token)
    async with deps.database.connection() as conn:
        if await links.user_of_token(conn, token_hash, "reset_password") is None:
            raise LinkInvalid(field="token")
    password_hash = await deps.passwords.hash(password)
    async with deps.database.transaction() as tx:
        user_id = await links.redeem(tx, token_hash, "reset_password")
        if user_id is None:
            raise LinkInvalid(field="token")
        await links.delete_links(tx, user_id, "verify_email")
        email = await store.reset_password(tx, user_id, password_hash)
        await store.end_sessions(tx, user_id)
        await store.forget_failures(tx, _account_subject(email))
        await deps.feed.append(tx, PASSWORD_CHANGED, user_id, UserEvent(user_id))
    deps.feed.nudge()


async def verify_email(deps: Deps, request: VerifyEmail) -> None:
    """Raises `LinkInvalid`."""
    async with deps.database.transaction() as tx:
        user_id = await links.redeem(tx, _hash_of_link_token(request.token), "verify_email")
        if user_id is None:
            raise LinkInvalid(field="token")
        await store.set_verified(tx, user_id)


async def resend_verification(deps: Deps, caller: Principal) -> None:
    """Raises `EmailVerifiedAlready`."""
    if (await me(deps, caller)).email_verified:
        raise EmailVerifiedAlready
    await deps.link_emails.request("verify_email", caller.email)


async def issue_link(deps: Deps, link_id: UUID) -> IssuedLink:
    """A new token for the link of an email that is about to be sent. Raises `LinkExpired`."""
    token = secrets.token_urlsafe(32)
    async with deps.database.transaction() as tx:
        expires_at = await links.add_token(tx, link_id, domain.hash_of(token))
    if expires_at is None:
        raise LinkExpired
    return IssuedLink(token, expires_at)


async def user_record(deps: Deps, caller: Principal, user_id: UUID) -> UserDetails:
    """Raises `NotFound`, also for another user if the caller is not an admin."""
    if not caller.may("users:read") and caller.user != user_id:
        raise NotFound
    async with deps.database.connection() as conn:
        found = await store.record(conn, user_id)
    if found is None:
        raise NotFound
    return found


async def update_user(deps: Deps, user_id: UUID, request: UpdateUser) -> UserDetails:
    """Disabling a user ends their sessions. Raises `NotFound`, and `LastAdmin` if no active admin would remain."""
    role = None if request.role is msgspec.UNSET else request.role
    disabled = None if request.disabled is msgspec.UNSET else request.disabled
    async with deps.database.transaction() as tx:
        admins = await store.lock_admins(tx)
        changed = await store.change_account(tx, user_id, role, disabled)
        if changed is None:
            raise NotFound
        if admins == {user_id} and (changed.role != "admin" or changed.disabled):
            raise LastAdmin
        if changed.disabled:
            await store.end_sessions(tx, user_id)
    return changed


async def _rehash_if_outdated(deps: Deps, user_id: UUID, password: str, password_hash: str) -> str:
    """The stored hash, replaced by a new one if it was created with outdated parameters."""
    if not deps.passwords.is_outdated(password_hash):
        return password_hash
    fresh = await deps.passwords.hash(password)
    async with deps.database.connection() as conn:
        return fresh if await store.set_password_hash(conn, user_id, password_hash, fresh) else password_hash


def _require_verified(deps: Deps, user: User) -> None:
    if deps.require_verified and not user.email_verified:
        raise EmailNotVerified


def _grant(deps: Deps, user: User, session_id: UUID, refresh_token: str) -> Grant:
    access_token = deps.tokens.issue(user.id, session_id, user.role)
    return Grant(SignedIn(access_token, "Bearer", ACCESS_LIFE_S, user), refresh_token)


def _successor(token: str, salt: bytes) -> str:
    return base64.urlsafe_b64encode(domain.successor_key(token, salt)).rstrip(b"=").decode()


def _hash_of_link_token(token: str) -> bytes:
    """Raises `LinkInvalid` for a malformed token."""
    if not domain.looks_like_token(token):
        raise LinkInvalid(field="token")
    return domain.hash_of(token)


def _account_subject(email: str) -> str:
    return "account:" + hashlib.sha256(email.encode()).hexdigest()


def _session_id(caller: Principal) -> UUID:
    if caller.session_id is None:
        raise SessionEnded
    return caller.session_id
