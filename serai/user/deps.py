"""What the handlers and actions of the user service are given."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.user.passwords import Passwords
from serai.user.postbox import Postbox
from serai.user.sign_in_throttle import SignInThrottle
from serai.user.tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class Deps:
    db: Database
    feed: Feed
    passwords: Passwords
    tokens: AccessTokens
    door: SignInThrottle
    postbox: Postbox
    #: Whether only those whose address is verified may sign in.
    require_verified: bool
    #: Name of the refresh cookie, and whether it travels over TLS only.
    cookie: str
    secure: bool
    own_origins: frozenset[str]
    #: Proxies of ours in front of the gateway, each of which adds one address to X-Forwarded-For.
    trusted_hops: int
