"""Assembles the user service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from serai import topology
from serai.chassis.auth.origins import cookie_name, own_origins
from serai.chassis.auth.principal import SessionFacts
from serai.chassis.auth.tokens import KeySet
from serai.chassis.auth.verifier import Verifier
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.user import api, internal, links, store
from serai.user.deps import Deps
from serai.user.link_emails import LinkEmails
from serai.user.passwords import Passwords
from serai.user.sign_in_throttle import SignInThrottle
from serai.user.tokens import AccessTokens, ephemeral_keys


class UserSettings(Settings, frozen=True, kw_only=True):
    #: JWK set of the private keys for access tokens. The first one signs, all are published.
    jwt_keys: Annotated[str, Env("SERAI_JWT_KEYS", secret=True)] = ""
    #: The number of proxies in front of the gateway.
    trusted_hops: Annotated[int, Env("SERAI_TRUSTED_HOPS")] = 0
    #: Whether users must verify their email address before they can sign in, and so buy.
    require_verified_email: Annotated[bool, Env("SERAI_REQUIRE_VERIFIED_EMAIL")] = False


def create(environ: Mapping[str, str] | None = None, passwords: Passwords | None = None) -> Service:
    settings = load(UserSettings, environ)
    if not settings.jwt_keys and not settings.local:
        raise SettingsError(["SERAI_JWT_KEYS is missing"])
    callers = topology.callers_of("user")
    declared = topology.service("user")
    service = Service(declared, settings, callers=callers)
    link_emails = LinkEmails(service.database, service.feed)
    deps = Deps(
        database=service.database,
        feed=service.feed,
        passwords=passwords or Passwords(),
        tokens=AccessTokens(settings.jwt_keys or ephemeral_keys()),
        throttle=SignInThrottle(),
        link_emails=link_emails,
        require_verified=settings.require_verified_email,
        cookie=cookie_name("serai_refresh", settings.public_url),
        secure=settings.public_url.startswith("https://"),
        own_origins=own_origins(settings.public_url, local=settings.local),
        trusted_hops=settings.trusted_hops,
    )

    async def session_facts(session_id: UUID) -> SessionFacts | None:
        async with deps.database.connection() as conn:
            return await store.session_facts(conn, session_id)

    async def prune() -> None:
        async with deps.database.transaction() as tx:
            await store.prune(tx)
            await links.prune(tx)

    # Other services fetch sessions and keys from this one.
    service.verifier = Verifier(
        service.name,
        keys=KeySet(deps.tokens.jwks),
        service_keys=settings.service_keys,
        callers=callers,
        session=session_facts,
        roles=declared.roles,
    )
    service.routes(deps, [*api.ROUTES, *internal.ROUTES], feed=True)
    service.background("answer-link-requests", link_emails.run)
    service.every("prune-sessions", 600, prune)
    service.on_drained.append(deps.passwords.close)
    return service
