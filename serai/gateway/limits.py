"""How many requests one client address may make, per class of route. Every figure is a setting.

A route's OpenAPI operation names a class (`x-rate-limit`); what the class means is decided here, so that one
deployment can be strict and a load test generous without touching a document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_SPELLING = re.compile(r"(?P<per_minute>[1-9]\d{0,6})(/(?P<burst>[1-9]\d{0,6}))?")
#: Envoy refuses to refill a bucket more often than this.
_SHORTEST_FILL_MS = 50


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests a minute in the long run, and so many at once after a pause."""

    per_minute: int
    burst: int

    @property
    def window_s(self) -> int:
        """After this long without a request the whole burst is there again."""
        return max(round(60 * self.burst / self.per_minute), 1)

    def token_bucket(self) -> dict[str, object]:
        fill_ms = max(60_000 // self.per_minute, _SHORTEST_FILL_MS)
        tokens = max(self.per_minute * fill_ms // 60_000, 1)
        return {
            "max_tokens": max(self.burst, tokens),
            "tokens_per_fill": tokens,
            "fill_interval": f"{fill_ms / 1000:.3f}s",
        }


def parse_limit(text: str) -> Limit | None:
    """`60/30` is 60 a minute with a burst of 30, `600` a burst of as many; `off` no limit. Raises ValueError."""
    if text.strip().lower() == "off":
        return None
    match = _SPELLING.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r}: give requests per minute and a burst, like 60/30, or off")
    per_minute = int(match["per_minute"])
    return Limit(per_minute, int(match["burst"] or per_minute))


Limits = Mapping[str, Limit | None]
