"""Rules about accounts: valid addresses, names and passwords, refresh token rotation, sign-in throttling.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from serai.chassis.errors import Conflict, Forbidden, Invalid, TooManyRequests, Unauthenticated

MAX_EMAIL_CHARS = 254
MAX_NAME_CHARS = 100
MAX_USER_AGENT_CHARS = 300
MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS = 8, 256

#: A session ends when its refresh token has not been used for `REFRESH_LIFE`, and at the latest after `SESSION_LIFE`.
REFRESH_LIFE = timedelta(days=30)
SESSION_LIFE = timedelta(days=180)
#: How long a used refresh token still yields its successor, for a client that did not receive the first response.
GRACE = timedelta(seconds=10)
MAX_SESSIONS = 50

#: What an emailed link is for.
Purpose = Literal["verify_email", "reset_password"]
#: How long a link's token is valid once issued, and how long after the request tokens are still issued for it.
LINK_LIFE: Mapping[Purpose, timedelta] = {"verify_email": timedelta(days=3), "reset_password": timedelta(hours=1)}
#: Each attempt to send an email carries a new token; so many of the latest ones are valid at the same time.
MAX_LINK_TOKENS = 5
#: The delay of the second email to an address after the first one, and the longest delay of any.
_FIRST_EMAIL_DELAY_S, _MAX_EMAIL_DELAY_S = 60.0, 3600.0
#: How much the level of emails per address decreases per second.
LEVEL_LEAK = 1 / 3600

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidCredentials(Unauthenticated):
    """The same for an unknown address, a wrong password and a disabled account."""

    code, detail = "invalid_credentials", "Wrong email address or password."


class SessionEnded(Unauthenticated):
    code, detail = "session_ended", "This session has ended. Sign in again."


class WrongPassword(Invalid):
    """Not a 401, because a client reacts to that by refreshing its access token."""

    code, detail = "wrong_password", "The current password is wrong."


class LinkInvalid(Invalid):
    """The same for a link that was used, that has expired and that never existed."""

    code, detail = "link_invalid", "This link was used or has expired. Request a new one."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "Your email address is not verified. Open the link in the email that we sent you."


class EmailVerifiedAlready(Conflict):
    code, detail = "email_verified_already", "Your email address is already verified."


class LastAdmin(Conflict):
    code, detail = "last_admin", "This is the only admin. Make another user an admin first."


class SignInBusy(TooManyRequests):
    code, detail = "sign_in_busy", "Too many people are signing in. Try again in a moment."
    retry_after_s = 2


class SignInSlowed(TooManyRequests):
    code, detail = "sign_in_slowed", "Too many failed sign-ins. Try again in a moment."
    retry_after_s = 5


@dataclass(frozen=True, slots=True)
class NewAccount:
    email: str
    password: str
    name: str


def new_account(email: str, password: str, name: str, common: Collection[str]) -> NewAccount:
    """Normalized and validated; `common` are passwords that are refused. Raises `Invalid` that lists every problem."""
    account = NewAccount(normalize_email(email), normalize_password(password), normalize_name(name))
    errors: list[dict[str, str]] = []
    if not _is_email(account.email):
        errors.append({"field": "email", "message": "is not a valid email address"})
    errors += _password_errors("password", account.password, common)
    errors += _name_errors(account.name)
    if errors:
        raise Invalid(errors=errors)
    return account


def new_password(text: str, common: Collection[str], *, field: str) -> str:
    """The normalized password. Raises `Invalid` for `field`."""
    password = normalize_password(text)
    if errors := _password_errors(field, password, common):
        raise Invalid(errors=errors)
    return password


def new_name(text: str) -> str:
    """The normalized name. Raises `Invalid`."""
    name = normalize_name(text)
    if errors := _name_errors(name):
        raise Invalid(errors=errors)
    return name


def normalize_email(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().lower()


def normalize_password(text: str) -> str:
    """Makes a password independent of how the keyboard composes accents (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFC", text)


def normalize_name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def normalize_user_agent(text: str) -> str | None:
    """A User-Agent header with its whitespace collapsed and its length limited; None if it is blank."""
    return " ".join(text.split())[:MAX_USER_AGENT_CHARS] or None


def _is_email(email: str) -> bool:
    local, at, host = email.rpartition("@")
    return (
        bool(at)
        and len(email) <= MAX_EMAIL_CHARS
        and len(local) <= 64
        and _LOCAL.fullmatch(local) is not None
        and _DOMAIN.fullmatch(host) is not None
    )


def _password_errors(field: str, password: str, common: Collection[str]) -> list[dict[str, str]]:
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        return [{"field": field, "message": f"must have {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"}]
    if password.casefold() in common:
        return [{"field": field, "message": "is too common"}]
    return []


def _name_errors(name: str) -> list[dict[str, str]]:
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        return [{"field": "name", "message": f"must have 1 to {MAX_NAME_CHARS} characters"}]
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in name):
        return [{"field": "name", "message": "cannot contain control characters"}]
    return []


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """The state of a refresh token that a client presents."""

    used_at: datetime | None
    expires_at: datetime
    #: Whether its session is active: neither ended nor expired, and its account not disabled.
    session_active: bool


Verdict = Literal["rotate", "repeat", "replay", "refuse"]


def evaluate(token: PresentedToken, now: datetime) -> Verdict:
    """What to do about a presented refresh token.

    `rotate`: use it up and issue its successor. `repeat`: it was used moments ago; issue the same successor again.
    `replay`: it was used before, so two parties hold it and one may have stolen it; end the session. `refuse`: it has
    expired or its session has ended.
    """
    if not token.session_active or token.expires_at <= now:
        return "refuse"
    if token.used_at is None:
        return "rotate"
    return "repeat" if now - token.used_at <= GRACE else "replay"


def looks_like_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def successor_key(token: str, salt: bytes) -> bytes:
    """The 256 bits of the token that follows `token`.

    It is derived, so that any instance can issue the same successor again although only hashes are stored. Deriving it
    takes both the old token, which is not in the database, and the salt, which is only in the database.
    """
    return hmac.digest(token.encode(), b"serai refresh successor" + salt, "sha256")


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """How failures delay the next sign-in: `free` failures cost nothing, then each doubles the delay up to `max_s`
    seconds."""

    free: int
    max_s: float
    #: How much the level of failures decreases per second.
    leak: float


#: High enough that guessing a password is hopeless, low enough that an attacker cannot lock the owner out.
PER_ACCOUNT = ThrottlePolicy(free=5, max_s=4.0, leak=1 / 30)
#: Higher, because many people may share a client address.
PER_ADDRESS = ThrottlePolicy(free=50, max_s=2.0, leak=1 / 6)


def sign_in_delay_s(policy: ThrottlePolicy, level: float) -> float:
    """Seconds to wait before a sign-in at this level of failures."""
    excess = level - policy.free
    return 0.0 if excess < 0 else float(min(0.25 * 2 ** min(excess, 16.0), policy.max_s))


def email_delay_s(level: float) -> float:
    """Seconds from one email to an address until the next one, at this level of recent emails."""
    return float(min(_FIRST_EMAIL_DELAY_S * 2 ** min(level, 16.0), _MAX_EMAIL_DELAY_S))
