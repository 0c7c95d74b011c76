"""The rules of accounts, pure: what an address, a name and a password must be, what a shown refresh token is worth,
and how long somebody who keeps failing has to wait."""

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

#: A refresh token unused for this long ends its session, and no session outlives the second figure.
REFRESH_LIFE = timedelta(days=30)
SESSION_LIFE = timedelta(days=180)
#: How long a used refresh token still answers with its successor, for a client that lost the first answer.
GRACE = timedelta(seconds=10)
MAX_SESSIONS = 50

#: What a link in a mail is for.
Purpose = Literal["verify_email", "reset_password"]
#: How long such a link works after it was mailed, and how long after it was asked for it is still mailed.
LINK_LIFE: Mapping[Purpose, timedelta] = {"verify_email": timedelta(days=3), "reset_password": timedelta(hours=1)}
#: A mail that has to be tried again carries a new token each time; so many of them work side by side.
MAX_LINK_TOKENS = 5
#: How long the second mail to an address waits after the first, and any at most.
_FIRST_MAIL_PAUSE_S, _MAX_MAIL_PAUSE_S = 60.0, 3600.0
#: Mails to an address forgotten per second.
LEVEL_LEAK = 1 / 3600

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidCredentials(Unauthenticated):
    """One refusal for an unknown address, a wrong password and a disabled account."""

    code, detail = "invalid_credentials", "The e-mail address or the password is not right."


class SessionEnded(Unauthenticated):
    code, detail = "session_ended", "This session has ended; sign in again."


class WrongPassword(Invalid):
    """Not a 401: the caller is signed in, and a client that gets a 401 would go and refresh its token."""

    code, detail = "wrong_password", "The current password is not right."


class LinkInvalid(Invalid):
    """One refusal for a link that was used, one that is too old and one that never was."""

    code, detail = "link_invalid", "This link does not work, or not any more; ask for a new one."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    detail = "This address is not verified yet: open the link in the mail that we have sent there."


class EmailVerifiedAlready(Conflict):
    code, detail = "email_verified_already", "This address is verified; there is nothing left to do."


class LastAdmin(Conflict):
    code, detail = "last_admin", "This is the last admin; make another one first."


class SignInBusy(TooManyRequests):
    code, detail = "sign_in_busy", "Too many people are signing in at once; try again in a moment."
    retry_after_s = 2


class Slowdown(TooManyRequests):
    code, detail = "sign_in_slowed", "Too many failed sign-ins; try again in a moment."
    retry_after_s = 5


@dataclass(frozen=True, slots=True)
class Applicant:
    email: str
    password: str
    name: str


def applicant(email: str, password: str, name: str, common: Collection[str]) -> Applicant:
    """Normalised, ready to be stored. Raises `Invalid` with everything that is wrong."""
    found = Applicant(normal_email(email), normal_password(password), normal_name(name))
    errors: list[dict[str, str]] = []
    if not _is_email(found.email):
        errors.append({"field": "email", "message": "is not an e-mail address we can write to"})
    errors += _password_errors("password", found.password, common)
    errors += _name_errors(found.name)
    if errors:
        raise Invalid(errors=errors)
    return found


def new_password(text: str, common: Collection[str], *, field: str) -> str:
    """Raises `Invalid` about `field`."""
    password = normal_password(text)
    if errors := _password_errors(field, password, common):
        raise Invalid(errors=errors)
    return password


def new_name(text: str) -> str:
    """Raises `Invalid`."""
    name = normal_name(text)
    if errors := _name_errors(name):
        raise Invalid(errors=errors)
    return name


def normal_email(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().lower()


def normal_password(text: str) -> str:
    """The same password from a keyboard that composes accents and from one that does not (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFC", text)


def normal_name(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def normal_user_agent(text: str) -> str | None:
    """What a browser says of itself, as far as anybody will read; None when it says nothing."""
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
        return [{"field": field, "message": "is one of the most common passwords; choose another"}]
    return []


def _name_errors(name: str) -> list[dict[str, str]]:
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        return [{"field": "name", "message": f"must have 1 to {MAX_NAME_CHARS} characters"}]
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in name):
        return [{"field": "name", "message": "cannot contain control characters"}]
    return []


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A refresh token that we issued, as it stands when somebody shows it."""

    used_at: datetime | None
    expires_at: datetime
    #: Whether its session lives: neither ended nor expired, and its account not disabled.
    session_lives: bool


Verdict = Literal["rotate", "repeat", "replay", "refuse"]


def judge(token: ShownToken, now: datetime) -> Verdict:
    """What a shown token is worth.

    `replay` means that two parties hold it: one of them stole it, and since nobody can tell which, the session ends.
    """
    if not token.session_lives or token.expires_at <= now:
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

    Derived, so that any replica can give the same successor again although only hashes are stored. It takes both the
    old token, which the database does not know, and the salt, which nobody but the database knows.
    """
    return hmac.digest(token.encode(), b"serai refresh successor" + salt, "sha256")


@dataclass(frozen=True, slots=True)
class Patience:
    """How failures turn into waiting: `free` ones cost nothing, then each doubles the wait, up to `max_s` seconds."""

    free: int
    max_s: float
    #: Failures forgiven per second.
    leak: float


#: Enough to make guessing one password hopeless, little enough that an attacker cannot keep the owner out.
PER_ACCOUNT = Patience(free=5, max_s=4.0, leak=1 / 30)
#: Many people may share an address, so it is given more.
PER_ADDRESS = Patience(free=50, max_s=2.0, leak=1 / 6)


def wait_s(patience: Patience, level: float) -> float:
    """Seconds to wait before the next try at this level of failures."""
    over = level - patience.free
    return 0.0 if over < 0 else float(min(0.25 * 2 ** min(over, 16.0), patience.max_s))


def mail_pause_s(level: float) -> float:
    """How long after a mail the next one to its address waits, if `level` went before it lately."""
    return float(min(_FIRST_MAIL_PAUSE_S * 2 ** min(level, 16.0), _MAX_MAIL_PAUSE_S))
