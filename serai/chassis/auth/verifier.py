"""Verifies who calls: users by access tokens signed by the user service, services by tokens that they sign themselves.

All tokens use EdDSA; no other algorithm is accepted. A user's token contains the user, the session and the role. Where
money or rights are at stake the session is looked up as well, so that signing out, disabling an account and removing a
role take effect within seconds. A service signs each token for one callee, for at most a minute. Callees know their
callers' public keys from configuration, never from the registry.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from serai.chassis.auth.principal import ANONYMOUS, NO_PERMISSIONS, Policy, Principal, SessionFacts
from serai.chassis.auth.tokens import AUDIENCE, CACHE_SIZE, ISSUER, SERVICE_TOKEN_S, KeySet, decode_base64url
from serai.chassis.errors import Forbidden, Unauthenticated, WrongAudience

_MAX_TOKEN_CHARS = 8192
#: How long the state of a session is cached.
_SESSION_S = 5.0


class Verifier:
    """Turns an `Authorization` header into a `Principal`."""

    def __init__(
        self,
        service: str,
        *,
        keys: KeySet,
        service_keys: dict[str, str],
        callers: frozenset[str],
        session: Callable[[UUID], Awaitable[SessionFacts | None]] | None,
        roles: Mapping[str, frozenset[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`callers` are the services that may call this one; `session` looks a session up and returns None if it has
        ended. `roles` are the permissions of each role; any other role has none."""
        self._service = service
        self._keys = keys
        self._service_keys = {
            name: Ed25519PublicKey.from_public_bytes(decode_base64url(text))
            for name, text in service_keys.items()
            if name in callers
        }
        self._session = session
        self._roles = roles
        self._clock = clock
        self._proven: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._sessions: OrderedDict[UUID, tuple[float, SessionFacts | None]] = OrderedDict()

    async def principal(self, authorization: str | None) -> Principal:
        """Raises `Unauthenticated` for anything but a valid token. Without a header the principal is anonymous."""
        if authorization is None:
            return ANONYMOUS
        if len(authorization) > _MAX_TOKEN_CHARS:
            raise Unauthenticated
        known = self._proven.get(authorization)
        if known is not None and known[0] > time.time():
            return known[1]
        scheme, _, token = authorization.partition(" ")
        if scheme == "Bearer":
            claims = await self._user_claims(token)
            user_id = UUID(claims["sub"])
            principal = Principal(
                kind="user",
                id=str(user_id),
                user_id=user_id,
                session_id=UUID(claims["sid"]),
                permissions=self._permissions(str(claims["role"])),
            )
        elif scheme == "Service":
            claims = self._service_claims(token)
            behalf = claims.get("on_behalf_of")
            principal = Principal(kind="service", id=claims["iss"], user_id=UUID(behalf) if behalf else None)
        else:
            raise Unauthenticated
        self._proven[authorization] = (float(claims["exp"]), principal)
        if len(self._proven) > CACHE_SIZE:
            self._proven.popitem(last=False)
        return principal

    async def authorise(
        self, principal: Principal, policy: Policy, *, needs: str | None = None, fresh: bool = False
    ) -> Principal:
        """The principal, if `policy` admits it and it has the permission `needs`.

        With `fresh`, and always where a permission is needed, a user's role is read from the user service. Raises
        `Forbidden`; and `Unauthenticated` if the caller must sign in, for the first time or again.
        """
        kind = principal.kind
        if policy == "service":
            if kind != "service":
                raise Forbidden
            return principal
        if kind == "service":
            raise Forbidden
        if policy in ("public", "optional"):
            return principal
        if kind in ("anonymous", "guest"):
            raise Unauthenticated
        if kind == "api_key" and needs is None:
            # An API key acts for the shop. It has no orders or sessions of its own.
            raise Forbidden
        if kind == "user" and (fresh or needs is not None):
            principal = await self._as_session_says(principal)
        if needs is not None and not principal.may(needs):
            raise Forbidden
        return principal

    def _permissions(self, role: str) -> frozenset[str]:
        return self._roles.get(role, NO_PERMISSIONS)

    async def _as_session_says(self, principal: Principal) -> Principal:
        assert principal.session_id is not None
        assert self._session is not None
        now = self._clock()
        cached = self._sessions.get(principal.session_id)
        if cached is None or now - cached[0] > _SESSION_S:
            cached = (now, await self._session(principal.session_id))
            self._sessions[principal.session_id] = cached
            self._sessions.move_to_end(principal.session_id)
            if len(self._sessions) > CACHE_SIZE:
                self._sessions.popitem(last=False)
        facts = cached[1]
        if facts is None or facts.user_id != principal.user_id:
            raise Unauthenticated("This session has ended; sign in again.", code="session_ended")
        return msgspec.structs.replace(
            principal, permissions=self._permissions(facts.role), email=facts.email, name=facts.name
        )

    async def _user_claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "sid", "role", "jti"]},
            )
            UUID(claims["sub"]), UUID(claims["sid"])
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated("The access token is not valid, or has expired.") from error
        return claims

    def _service_claims(self, token: str) -> dict[str, Any]:
        try:
            unproven = jwt.decode_complete(token, options={"verify_signature": False})
            if unproven["payload"].get("aud") != self._service:
                # Checked before the signature, because this service may not know the key of a caller that meant another
                # one.
                raise WrongAudience
            kid = str(unproven["header"].get("kid", ""))
            issuer = kid.removeprefix("svc-")
            key = self._service_keys.get(issuer)
            if key is None:
                raise Unauthenticated
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._service,
                issuer=issuer,
                options={"require": ["exp", "iat", "iss", "aud"]},
            )
            if claims["exp"] - claims["iat"] > SERVICE_TOKEN_S:
                raise Unauthenticated
            if claims.get("on_behalf_of"):
                UUID(claims["on_behalf_of"])
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated from error
        return claims
