"""The dependencies of the handlers and actions."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.user.link_emails import LinkEmails
from serai.user.passwords import Passwords
from serai.user.sign_in_throttle import SignInThrottle
from serai.user.tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    feed: Feed
    passwords: Passwords
    tokens: AccessTokens
    throttle: SignInThrottle
    link_emails: LinkEmails
    #: Whether users must verify their address before they can sign in.
    require_verified: bool
    #: The name of the refresh cookie, and whether it is sent over TLS only.
    cookie: str
    secure: bool
    own_origins: frozenset[str]
    #: The number of trusted proxies in front of the gateway, each of which appends an address to X-Forwarded-For.
    trusted_hops: int
