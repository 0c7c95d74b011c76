"""Admission control: limits the requests in flight, so that an overloaded process refuses the excess quickly instead of
answering every request too late.

The limit depends on how long work queues in this process: for the event loop, and for a database connection. If even
the shortest wait of the last 0.2 s was too long, the limit decreases; otherwise it increases. The measure is that of
CoDel (RFC 8289); the slow increase is like TCP's. Time spent waiting for others (Stripe, another service) does not
count.

Above the limit, normal requests from outside are refused immediately as `Overloaded`. Calls of other services, and
requests that continue a purchase, are accepted up to a higher bound. Probes, feeds and streams are never counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from enum import Enum, auto

from prometheus_client import Gauge

from serai.chassis import telemetry

#: Lower bound of the limit: so few requests are never an overload.
MIN_LIMIT = 64
MAX_LIMIT = 512
#: Normal requests that are accepted even while others use the whole limit.
MIN_NORMAL = 4
#: Upper bound of all counted requests in flight.
MAX_REQUESTS = 1024
INTERVAL_S = 0.2
#: After this long without any measurement, earlier ones no longer count.
_IDLE_S = 0.8
#: Longest acceptable wait, in seconds: of one step for the event loop (a request takes several steps), and for a
#: connection.
MAX_LOOP_DELAY_S = 0.03
MAX_CONNECTION_WAIT_S = 0.1
_DECREASE = 0.8
_INCREASE = 1 / 4

LIMIT = Gauge("http_server_request_limit", "Requests that may be in flight.", registry=telemetry.REGISTRY)


class Priority(Enum):
    NORMAL = auto()
    #: Accepted when normal requests are refused.
    HIGH = auto()
    #: Not counted.
    EXEMPT = auto()


class Limit:
    """The limit as a pure function of the measured waits. `now` is in seconds of any monotonic clock."""

    def __init__(self) -> None:
        self.value = MAX_LIMIT
        self._ends_at = -math.inf
        self._min_loop_delay = self._min_connection_wait = math.inf
        self._max_in_flight = 0

    def loop_delay(self, seconds: float, in_flight: int, now: float) -> None:
        """Record that a step waited so long for the event loop."""
        self._record(seconds, in_flight, now)
        self._min_loop_delay = min(self._min_loop_delay, seconds)

    def connection_wait(self, seconds: float, in_flight: int, now: float) -> None:
        """Record that a request waited so long for a database connection."""
        self._record(seconds, in_flight, now)
        self._min_connection_wait = min(self._min_connection_wait, seconds)

    def _record(self, seconds: float, in_flight: int, now: float) -> None:
        if now >= self._ends_at:
            # The time of the wait itself is not idle time.
            self._adjust(now - seconds)
            self._ends_at = now + INTERVAL_S
            self._min_loop_delay = self._min_connection_wait = math.inf
            self._max_in_flight = 0
        self._max_in_flight = max(self._max_in_flight, in_flight)

    def _adjust(self, idle_until: float) -> None:
        """Adjust the limit at the end of an interval. `idle_until` is when the wait began that was measured last."""
        if idle_until >= self._ends_at + _IDLE_S:
            self.value = MAX_LIMIT
        elif (
            MAX_LOOP_DELAY_S < self._min_loop_delay < math.inf
            or MAX_CONNECTION_WAIT_S < self._min_connection_wait < math.inf
        ):
            self.value = max(MIN_LIMIT, int(min(self.value, self._max_in_flight) * _DECREASE))
        else:
            self.value = min(MAX_LIMIT, self.value + max(1, int(self.value * _INCREASE)))


class Admission:
    """Accepts or refuses the requests of one process."""

    def __init__(self, limit: Limit | None = None) -> None:
        self._limit = limit or Limit()
        self._normal = 0
        self._high = 0
        self._high_paths: tuple[str, ...] = ()
        self._exempt_paths: tuple[str, ...] = ()
        LIMIT.set_function(lambda: self._limit.value)

    def set_path_priorities(self, *, high: Iterable[str], exempt: Iterable[str]) -> None:
        """Path templates by priority. A template matches every path that begins like it up to its first parameter."""
        self._high_paths = ("/internal/", *sorted({path.partition("{")[0] for path in high}))
        self._exempt_paths = ("/internal/events", *sorted({path.partition("{")[0] for path in exempt}))

    def priority(self, path: str) -> Priority:
        """Paths outside /api/ and /internal/ are probes and pages, which are exempt."""
        if path.startswith(self._exempt_paths) or not path.startswith(("/api/", "/internal/")):
            return Priority.EXEMPT
        return Priority.HIGH if path.startswith(self._high_paths) else Priority.NORMAL

    def enter(self, priority: Priority) -> bool:
        """Whether to accept a request of that priority. If so, `leave` must follow."""
        in_flight = self._normal + self._high
        match priority:
            case Priority.EXEMPT:
                return True
            case Priority.HIGH:
                if in_flight >= MAX_REQUESTS:
                    return False
                self._high += 1
            case Priority.NORMAL:
                if in_flight >= self._limit.value and self._normal >= MIN_NORMAL:
                    return False
                self._normal += 1
        return True

    def leave(self, priority: Priority) -> None:
        if priority is Priority.NORMAL:
            self._normal -= 1
        elif priority is Priority.HIGH:
            self._high -= 1

    def record_loop_delay(self, scheduled_at: float) -> None:
        now = time.perf_counter()
        self._limit.loop_delay(now - scheduled_at, self._normal + self._high, now)

    def record_connection_wait(self, waited_s: float) -> None:
        self._limit.connection_wait(waited_s, self._normal + self._high, time.perf_counter())
