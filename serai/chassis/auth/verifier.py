"""Proves who calls: users by the access tokens that the user service signs, services by tokens of their own.

Everything is EdDSA with a fixed algorithm. A user token says who, in which session and in which role; where money or
rights are at stake the session is looked up as well, so that logout, disabling and a lost role take effect within
seconds. A service token is signed by the caller for one callee and lives a minute at most; callees know callers' public
keys from configuration, never from the registry.
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
#: How long a session's answer is believed before it is looked up again.
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
        """`callers` are the services that may call this one; `session` answers whether a session lives; `roles` are
        the permissions of each role. A role that is not among them has none."""
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
        """Raises `Unauthenticated` for anything but a valid token; no header at all is an anonymous principal."""
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

        With `fresh`, and always where a permission is needed, a user is as their session says now. Raises `Forbidden`,
        and `Unauthenticated` for whoever could sign in or has been signed out.
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
            # A key acts for the shop and has nothing of its own, such as orders or sessions.
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
                # Said before anything is proven: not every service knows the key of every caller that comes astray.
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
