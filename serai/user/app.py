"""Assembles the user service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from serai import topology
from serai.chassis.auth import KeySet, SessionFacts, Verifier, cookie_name, own_origins
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.user import api, internal, links, store
from serai.user.deps import Deps
from serai.user.passwords import Passwords
from serai.user.postbox import Postbox
from serai.user.sign_in_throttle import SignInThrottle
from serai.user.tokens import AccessTokens, passing_keys


class UserSettings(Settings, frozen=True, kw_only=True):
    #: JWK set with the private keys of access tokens; the first one signs, all are published.
    jwt_keys: Annotated[str, Env("SERAI_JWT_KEYS", secret=True)] = ""
    #: How many proxies stand in front of the gateway.
    trusted_hops: Annotated[int, Env("SERAI_TRUSTED_HOPS")] = 0
    #: Let only those sign in, and so buy, who have opened the link in our mail.
    require_verified_email: Annotated[bool, Env("SERAI_REQUIRE_VERIFIED_EMAIL")] = False


def create(environ: Mapping[str, str] | None = None, passwords: Passwords | None = None) -> Service:
    settings = load(UserSettings, environ)
    if not settings.jwt_keys and not settings.local:
        raise SettingsError(["SERAI_JWT_KEYS is missing"])
    callers = topology.callers_of("user")
    service = Service(topology.service("user"), settings, callers=callers)
    postbox = Postbox(service.database, service.feed)
    deps = Deps(
        db=service.database,
        feed=service.feed,
        passwords=passwords or Passwords(),
        tokens=AccessTokens(settings.jwt_keys or passing_keys()),
        door=SignInThrottle(),
        postbox=postbox,
        require_verified=settings.require_verified_email,
        cookie=cookie_name("serai_refresh", settings.public_url),
        secure=settings.public_url.startswith("https://"),
        own_origins=own_origins(settings.public_url, local=settings.local),
        trusted_hops=settings.trusted_hops,
    )

    async def session_facts(session_id: UUID) -> SessionFacts | None:
        async with deps.db.connection() as conn:
            return await store.session_facts(conn, session_id)

    async def prune() -> None:
        async with deps.db.transaction() as tx:
            await store.prune(tx)
            await links.prune(tx)

    # Everybody else asks this service about sessions and keys; it has them itself.
    service.verifier = Verifier(
        service.name,
        keys=KeySet(deps.tokens.jwks),
        service_keys=settings.service_keys,
        callers=callers,
        session=session_facts,
    )
    service.routes(deps, [*api.ROUTES, *internal.ROUTES], feed=True)
    service.background("answer-asked-mails", postbox.run)
    service.every("prune-sessions", 600, prune)
    service.on_drained.append(deps.passwords.close)
    return service
