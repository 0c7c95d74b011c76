"""Rules about emails: which setting controls which template, when a failed email is retried, what a valid address is.

Pure: no clock, no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Setting = Literal["order_updates", "shipping_updates", "marketing"]

#: The settings of a user who has never changed them.
DEFAULT_SETTINGS: Mapping[Setting, bool] = {"order_updates": True, "shipping_updates": True, "marketing": False}
DEFAULT_LOCALE = "en"

#: The setting that turns a template off. Templates not listed here concern payments, security or the account itself
#: and are always sent; so is `cancelled`, because it says that nothing was charged.
SETTING_OF_TEMPLATE: Mapping[str, Setting] = {
    "shipped": "shipping_updates",
    "delivered": "order_updates",
    "marketing": "marketing",
}

#: How long delivery of an email is attempted, and how many times the server may refuse the email itself.
GIVE_UP_AFTER = timedelta(hours=72)
MAX_REFUSALS = 3

_FIRST_DELAY_S = 2.0

#: `unreachable`: no server answered. `deferred`: the server asks to try later, or rejects us rather than the email.
#: `refused`: the server rejects this email permanently.
Outcome = Literal["sent", "unreachable", "deferred", "refused"]

#: The longest delay before a retry. An unreachable server blocks all emails, so its return must be noticed quickly; a
#: server that defers (greylisting, quota, failed login) should not be asked often.
_MAX_DELAY_S: Mapping[Outcome, float] = {"unreachable": 60.0, "deferred": 900.0, "refused": 60.0}


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The status of an email after an attempt, and the delay before the next one if it is still queued."""

    status: Literal["queued", "sent", "failed"]
    delay_s: float = 0.0


def after_attempt(outcome: Outcome, *, attempts: int, refusals: int, overdue: bool, jitter: float) -> AttemptResult:
    """`attempts` and `refusals` include this attempt. `overdue`: `GIVE_UP_AFTER` has passed. `jitter` is between 0 and
    1 and spreads the retries of emails that failed at the same time."""
    if outcome == "sent":
        return AttemptResult("sent")
    if overdue or refusals >= MAX_REFUSALS:
        return AttemptResult("failed")
    ceiling_s = min(_MAX_DELAY_S[outcome], _FIRST_DELAY_S * 2.0 ** min(attempts - 1, 16))
    return AttemptResult("queued", ceiling_s * (0.75 + 0.25 * jitter))


_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\\\]]{1,64}")
_DOMAIN_LABEL = re.compile(r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]")


def is_address(text: str) -> bool:
    """Whether an email can be sent to this address. Quoted local parts and address literals are refused: they are not
    used in practice, and parsers disagree about them."""
    local, at, domain = text.rpartition("@")
    return bool(
        at
        and len(text.encode()) <= 254
        and _LOCAL_PART.fullmatch(local)
        and not (local.startswith(".") or local.endswith(".") or ".." in local)
        and all(_DOMAIN_LABEL.fullmatch(label) for label in domain.split("."))
    )


_PLAIN_NAME = re.compile(r"[^\W\d_]+(?:[ '’.-]{1,2}[^\W\d_]+)*\.?")


def greeting(name: str) -> str:
    """The name to use in a greeting, or an empty string if the name could carry a message or a link.

    Anyone can register somebody else's address under a name of their choice, which our email would then repeat.
    """
    name = " ".join(name.split())
    plausible = len(name) <= 50 and name.count(" ") <= 4 and _PLAIN_NAME.fullmatch(name)
    return name if plausible and not re.search(r"\w\.\w\w", name) else ""
