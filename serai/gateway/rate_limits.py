"""Rate limits per client address and class of route.

A route's OpenAPI operation names a class (`x-rate-limit`). The figures of each class are settings, so that a deployment
can be strict and a load test generous without a change of a document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORMAT = re.compile(r"(?P<per_minute>[1-9]\d{0,6})(/(?P<burst>[1-9]\d{0,6}))?")
#: Envoy rejects a shorter `fill_interval`.
_MIN_FILL_MS = 50


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`per_minute` is the long-term rate, `burst` the number of requests allowed at once after a pause."""

    per_minute: int
    burst: int

    @property
    def window_s(self) -> int:
        """Seconds without a request after which the full burst is available again."""
        return max(round(60 * self.burst / self.per_minute), 1)

    def token_bucket(self) -> dict[str, object]:
        fill_ms = max(60_000 // self.per_minute, _MIN_FILL_MS)
        tokens = max(self.per_minute * fill_ms // 60_000, 1)
        return {
            "max_tokens": max(self.burst, tokens),
            "tokens_per_fill": tokens,
            "fill_interval": f"{fill_ms / 1000:.3f}s",
        }


def parse_limit(text: str) -> RateLimit | None:
    """`60/30` is 60 a minute with a burst of 30, `600` is 600 a minute with a burst of 600, `off` is None: no limit.

    Raises ValueError.
    """
    if text.strip().lower() == "off":
        return None
    match = _FORMAT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r}: give requests per minute and a burst, like 60/30, or off")
    per_minute = int(match["per_minute"])
    return RateLimit(per_minute, int(match["burst"] or per_minute))
