"""From what processes say to what is shown: pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

#: One line of Prometheus' text format: how often a route (whose template has braces of its own) was answered so.
_ANSWERED = re.compile(
    r'^http_server_request_duration_seconds_count\{.*http_response_status_code="(\d{3})".*\} (\S+)',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What an instance has answered since its start."""

    requests: int
    faults: int

    @property
    def error_rate(self) -> float | None:
        """Between 0 and 1; None before the first request."""
        return round(self.faults / self.requests, 6) if self.requests else None


def figures(metrics: str) -> Figures | None:
    """The figures in a page of metrics; None when it is not a page of one of our services."""
    if "http_server_request_duration_seconds" not in metrics:
        return None
    requests = faults = 0
    for status, count in _ANSWERED.findall(metrics):
        requests += int(float(count))
        faults += int(float(count)) if status >= "500" else 0
    return Figures(requests, faults)


def overall(healths: Sequence[str]) -> Literal["passing", "warning", "critical"]:
    """The health of a service from that of its instances."""
    if healths and all(health == "passing" for health in healths):
        return "passing"
    return "warning" if "passing" in healths or "warning" in healths else "critical"


def in_order(known: Sequence[str], found: Iterable[str]) -> list[str]:
    """What the system is made of first, in its own order, then whatever else has registered."""
    return [*known, *sorted(set(found) - set(known))]
