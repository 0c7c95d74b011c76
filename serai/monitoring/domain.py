"""Pure functions: parse the metrics of an instance, and derive the health of a service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

#: A line of Prometheus' text format: the number of responses of a route with a status. The route's template has braces
#: too.
_REQUEST_COUNT = re.compile(
    r'^http_server_request_duration_seconds_count\{.*http_response_status_code="(\d{3})".*\} (\S+)',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """The responses of an instance since its start. `faults` are those with a status of 500 or more."""

    requests: int
    faults: int

    @property
    def error_rate(self) -> float | None:
        """Between 0 and 1; None before the first request."""
        return round(self.faults / self.requests, 6) if self.requests else None


def parse_metrics(metrics: str) -> RequestCounts | None:
    """The counts in a page of metrics; None if it is not the page of a Serai service."""
    if "http_server_request_duration_seconds" not in metrics:
        return None
    requests = faults = 0
    for status, count in _REQUEST_COUNT.findall(metrics):
        requests += int(float(count))
        faults += int(float(count)) if status >= "500" else 0
    return RequestCounts(requests, faults)


def overall(healths: Sequence[str]) -> Literal["passing", "warning", "critical"]:
    """The health of a service from that of its instances."""
    if healths and all(health == "passing" for health in healths):
        return "passing"
    return "warning" if "passing" in healths or "warning" in healths else "critical"


def ordered_names(known: Sequence[str], found: Iterable[str]) -> list[str]:
    """The known names in their order, then other registered names, sorted."""
    return [*known, *sorted(set(found) - set(known))]
