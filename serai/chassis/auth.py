"""Who is calling, proven: users by the access tokens that the user service signs, services by tokens of their own.

Everything is EdDSA with a fixed algorithm. A user token says who, in which session and in which role; where money or
rights are at stake the session is looked up as well, so that logout, disabling and a lost role bite within seconds.
A service token is signed by the caller for one callee and lives a minute at most; callees know callers' public keys
from configuration, never from the registry.
"""

from __future__ import annotations

import base64
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Literal
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from serai.chassis.errors import Forbidden, Unauthenticated, WrongAudience

Policy = Literal["public", "optional", "signed_in", "admin", "service"]
POLICIES: tuple[Policy, ...] = ("public", "optional", "signed_in", "admin", "service")

ISSUER = AUDIENCE = "serai"
SERVICE_TOKEN_S = 60
_CACHE = 4096
_MAX_TOKEN_CHARS = 8192


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A proven caller. A service acts for `user_id` when it says so (`on_behalf_of`)."""

    user_id: UUID | None = None
    session_id: UUID | None = None
    role: str = ""
    service: str | None = None
    #: Known only where the session was looked up.
    email: str = ""
    name: str = ""

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def user(self) -> UUID:
        """The user's id. Raises `Unauthenticated` when there is no user."""
        if self.user_id is None:
            raise Unauthenticated
        return self.user_id


ANONYMOUS = Caller()


class SessionFacts(msgspec.Struct, frozen=True):
    """What user says of a live session."""

    user_id: UUID
    role: str
    email: str
    name: str


class KeySet:
    """Public keys of user's tokens by key id; asks for the current set, at most every few seconds, when one is
    unknown."""

    def __init__(self, jwks: str, fetch: Callable[[], Awaitable[bytes]] | None = None) -> None:
        self._keys = _parse_jwks(jwks.encode())
        self._fetch = fetch
        self._fetched_at = -60.0

    async def key(self, kid: str) -> Ed25519PublicKey:
        """Raises `Unauthenticated` for a key id that user does not publish."""
        if kid not in self._keys and self._fetch is not None and time.monotonic() - self._fetched_at > 5.0:
            self._fetched_at = time.monotonic()
            self._keys = _parse_jwks(await self._fetch()) or self._keys
        try:
            return self._keys[kid]
        except KeyError:
            raise Unauthenticated("The token is signed with a key we do not know.") from None


class Verifier:
    """Turns an `Authorization` header into a `Caller`."""

    def __init__(
        self,
        service: str,
        *,
        keys: KeySet,
        service_keys: dict[str, str],
        callers: frozenset[str],
        session: Callable[[UUID], Awaitable[SessionFacts | None]] | None,
    ) -> None:
        """`callers` are the services that may call this one; `session` answers whether a session lives."""
        self._service = service
        self._keys = keys
        self._service_keys = {
            name: Ed25519PublicKey.from_public_bytes(_unb64(text))
            for name, text in service_keys.items()
            if name in callers
        }
        self._session = session
        self._proven: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._sessions: OrderedDict[UUID, tuple[float, SessionFacts | None]] = OrderedDict()

    async def caller(self, authorization: str | None) -> Caller:
        """Raises `Unauthenticated` for anything but a valid token; no header at all is an anonymous caller."""
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
            caller = Caller(user_id=UUID(claims["sub"]), session_id=UUID(claims["sid"]), role=str(claims["role"]))
        elif scheme == "Service":
            claims = self._service_claims(token)
            behalf = claims.get("on_behalf_of")
            caller = Caller(service=claims["iss"], user_id=UUID(behalf) if behalf else None)
        else:
            raise Unauthenticated
        self._proven[authorization] = (float(claims["exp"]), caller)
        if len(self._proven) > _CACHE:
            self._proven.popitem(last=False)
        return caller

    async def authorise(self, caller: Caller, policy: Policy, *, fresh: bool = False) -> Caller:
        """The caller, if `policy` admits it; with `fresh`, and for admins always, as its session says now."""
        if policy == "service":
            if caller.service is None:
                raise Forbidden
            return caller
        if caller.service is not None:
            raise Forbidden
        if policy in ("public", "optional"):
            return caller
        if caller.user_id is None:
            raise Unauthenticated
        if fresh or policy == "admin":
            caller = await self._as_session_says(caller)
        if policy == "admin" and not caller.is_admin:
            raise Forbidden
        return caller

    async def _as_session_says(self, caller: Caller) -> Caller:
        assert caller.session_id is not None
        assert self._session is not None
        now = time.monotonic()
        cached = self._sessions.get(caller.session_id)
        if cached is None or now - cached[0] > 5.0:
            cached = (now, await self._session(caller.session_id))
            self._sessions[caller.session_id] = cached
            self._sessions.move_to_end(caller.session_id)
            if len(self._sessions) > _CACHE:
                self._sessions.popitem(last=False)
        facts = cached[1]
        if facts is None or facts.user_id != caller.user_id:
            raise Unauthenticated("This session has ended; sign in again.", code="session_ended")
        return msgspec.structs.replace(caller, role=facts.role, email=facts.email, name=facts.name)

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


class Signer:
    """Signs this service's tokens, and reuses one for half its life."""

    def __init__(self, service: str, seed: str) -> None:
        self._service = service
        self._key = Ed25519PrivateKey.from_private_bytes(_unb64(seed))
        self._tokens: OrderedDict[tuple[str, UUID | None], tuple[float, str]] = OrderedDict()

    def token(self, audience: str, on_behalf_of: UUID | None = None) -> str:
        now = time.time()
        known = self._tokens.get((audience, on_behalf_of))
        if known is not None and known[0] > now:
            return known[1]
        claims: dict[str, Any] = {
            "iss": self._service,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + SERVICE_TOKEN_S,
        }
        if on_behalf_of is not None:
            claims["on_behalf_of"] = str(on_behalf_of)
        token = jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": f"svc-{self._service}"})
        self._tokens[audience, on_behalf_of] = (now + SERVICE_TOKEN_S / 2, token)
        if len(self._tokens) > _CACHE:
            self._tokens.popitem(last=False)
        return token


def refuse_foreign_origin(origin: str | None, fetch_site: str | None, own: frozenset[str]) -> None:
    """For routes that act on a cookie: a browser on another site must not reach them. Absent headers are allowed,
    because only browsers send them. Raises `Forbidden`."""
    if (origin is not None and origin not in own) or (fetch_site or "same-origin") == "cross-site":
        raise Forbidden("This request comes from another site.", code="foreign_origin")


def own_origins(public_url: str, *, local: bool) -> frozenset[str]:
    """The origins a browser may call us from: the public one and, on a developer's machine, loopback at its port."""
    scheme, _, rest = public_url.rstrip("/").partition("://")
    host = rest.split("/", 1)[0]
    own = {f"{scheme}://{host}"}
    if local:
        port = host.rsplit(":", 1)[1] if ":" in host.rsplit("]", 1)[-1] else ""
        own |= {f"{scheme}://{name}{':' + port if port else ''}" for name in ("localhost", "127.0.0.1", "[::1]")}
    return frozenset(own)


def cookie_name(base: str, public_url: str) -> str:
    """The name of a cookie of ours: bound to host and TLS by its `__Host-` prefix, or on plain http told apart by the
    port, because cookies ignore ports and several installations may share localhost."""
    scheme, _, rest = public_url.partition("://")
    if scheme == "https":
        return f"__Host-{base}"
    return f"{base}_{rest.split('/', 1)[0].rpartition(':')[2] or '80'}"


def _parse_jwks(document: bytes) -> dict[str, Ed25519PublicKey]:
    keys = msgspec.json.decode(document).get("keys", [])
    return {
        key["kid"]: Ed25519PublicKey.from_public_bytes(_unb64(key["x"]))
        for key in keys
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
    }


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
