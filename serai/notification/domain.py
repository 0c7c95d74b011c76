"""Which mails obey which setting, and what becomes of a mail after a try. Pure: no clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Setting = Literal["order_updates", "shipping_updates", "marketing"]

#: Settings of somebody who never set any.
DEFAULT_SETTINGS: Mapping[Setting, bool] = {"order_updates": True, "shipping_updates": True, "marketing": False}
DEFAULT_LOCALE = "en"

#: The setting that each mail obeys. A template that is not here is about money, security or the account itself (and a
#: cancellation says that nothing was charged), so it is sent whatever the settings say.
OBEYS: Mapping[str, Setting] = {
    "shipped": "shipping_updates",
    "delivered": "order_updates",
    "marketing": "marketing",
}

#: How long a mail is tried, and how often when it is the mail itself that is turned down.
GIVE_UP_AFTER = timedelta(hours=72)
MAX_REFUSALS = 3

_FIRST_PAUSE_S = 2.0

Outcome = Literal["sent", "unreachable", "deferred", "refused"]

#: The longest pause by outcome. Behind an unreachable server wait all mails, so its return is noticed quickly; one that
#: defers a mail (greylisting, quotas, a login that fails) wants to be left alone.
_MAX_PAUSE_S: Mapping[Outcome, float] = {"unreachable": 60.0, "deferred": 900.0, "refused": 60.0}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a mail is after a try, and in how many seconds it is tried again if it is still queued."""

    status: Literal["queued", "sent", "failed"]
    pause_s: float = 0.0


def after_try(outcome: Outcome, *, attempts: int, refusals: int, overdue: bool, jitter: float) -> Verdict:
    """`attempts` and `refusals` count this try too; `overdue` says that the mail has been tried for long enough;
    `jitter`, between 0 and 1, spreads what failed together."""
    if outcome == "sent":
        return Verdict("sent")
    if overdue or refusals >= MAX_REFUSALS:
        return Verdict("failed")
    ceiling = min(_MAX_PAUSE_S[outcome], _FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 16))
    return Verdict("queued", ceiling * (0.75 + 0.25 * jitter))


_LOCAL_PART = re.compile(r"[^\s\x00-\x20\x7f-\x9f\"(),:;<>@\[\\\]]{1,64}")
_DOMAIN_LABEL = re.compile(r"[^\W_](?:[^\W_]|-){0,61}[^\W_]|[^\W_]")


def is_address(text: str) -> bool:
    """Whether mail can be sent to this. Quoted local parts and address literals are refused: nobody has one, and they
    are where parsers disagree."""
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
    """The name to greet somebody by, or nothing. Whoever registers chooses a name and may choose somebody else's
    address, so a name that could carry a message or a link is not repeated."""
    name = " ".join(name.split())
    plausible = len(name) <= 50 and name.count(" ") <= 4 and _PLAIN_NAME.fullmatch(name)
    return name if plausible and not re.search(r"\w\.\w\w", name) else ""
