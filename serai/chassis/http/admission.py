"""How much may be under way at once, so that more than we can bear costs only what is too much.

Beyond its capacity a process answers no more by taking on more; it answers all of it later, and in the end too late.
What tells is how long work waits here for its turn: for the event loop, and for a connection to the database. While
even the luckiest of the last fifth of a second waited for too long, the limit falls; else it rises (CoDel's measure,
RFC 8289, and the additive growth of TCP). A call that waits for somebody else (Stripe, another service) costs nothing
and lowers nothing.

Beyond the limit ordinary requests from outside are refused at once, as `Overloaded`. Calls of other services, and what
continues a purchase that is under way, go on up to a bound of their own. Probes, feeds and streams are never counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from enum import Enum, auto

from prometheus_client import Gauge

from serai.chassis import telemetry

#: So much is let in whatever it waits for: there is no overload with so little under way.
LOWEST = 64
HIGHEST = 512
#: Of ordinary requests so many are under way even while others take all the room.
FEW = 4
#: The bound of everything that is counted.
MOST = 1024
INTERVAL_S = 0.2
#: When nobody has waited for anything for so long, what was before says nothing.
_QUIET_S = 0.8
#: Longest good wait: of one step for the event loop, of which a request takes several, and for a connection.
TURN_S = 0.03
CONNECTION_S = 0.1
_FALL = 0.8
_RISE = 1 / 4

LIMIT = Gauge("http_server_request_limit", "Requests that may be under way at once.", registry=telemetry.REGISTRY)


class Rank(Enum):
    ORDINARY = auto()
    #: Goes on when ordinary requests are refused.
    FIRST = auto()
    #: Not counted.
    FREE = auto()


class Limit:
    """The limit, as a function of the waits. Pure; `now` is in seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self.value = HIGHEST
        self._ends_at = -math.inf
        self._least_turn = self._least_connection = math.inf
        self._most_under_way = 0

    def turn(self, seconds: float, under_way: int, now: float) -> None:
        """A step waited so long for the event loop."""
        self._note(seconds, under_way, now)
        self._least_turn = min(self._least_turn, seconds)

    def connection(self, seconds: float, under_way: int, now: float) -> None:
        """A request waited so long for a connection to the database."""
        self._note(seconds, under_way, now)
        self._least_connection = min(self._least_connection, seconds)

    def _note(self, seconds: float, under_way: int, now: float) -> None:
        if now >= self._ends_at:
            # A long wait is not a time in which nobody waited.
            self._decide(now - seconds)
            self._ends_at = now + INTERVAL_S
            self._least_turn = self._least_connection = math.inf
            self._most_under_way = 0
        self._most_under_way = max(self._most_under_way, under_way)

    def _decide(self, waits_since: float) -> None:
        """After an interval, at the end of a wait that began then."""
        if waits_since >= self._ends_at + _QUIET_S:
            self.value = HIGHEST
        elif TURN_S < self._least_turn < math.inf or CONNECTION_S < self._least_connection < math.inf:
            self.value = max(LOWEST, int(min(self.value, self._most_under_way) * _FALL))
        else:
            self.value = min(HIGHEST, self.value + max(1, int(self.value * _RISE)))


class Admission:
    """Who is let in, in one process."""

    def __init__(self, limit: Limit | None = None) -> None:
        self._limit = limit or Limit()
        self._ordinary = 0
        self._first = 0
        self._first_paths: tuple[str, ...] = ()
        self._free_paths: tuple[str, ...] = ()
        LIMIT.set_function(lambda: self._limit.value)

    def rank_paths(self, *, first: Iterable[str], free: Iterable[str]) -> None:
        """Templates of paths by rank; a template stands for all that begins as it does before its first parameter."""
        self._first_paths = ("/internal/", *sorted({path.partition("{")[0] for path in first}))
        self._free_paths = ("/internal/events", *sorted({path.partition("{")[0] for path in free}))

    def rank(self, path: str) -> Rank:
        """What is neither for visitors nor between services is a machine asking how we are."""
        if path.startswith(self._free_paths) or not path.startswith(("/api/", "/internal/")):
            return Rank.FREE
        return Rank.FIRST if path.startswith(self._first_paths) else Rank.ORDINARY

    def enter(self, rank: Rank) -> bool:
        """Whether a request of that rank may go on; then `leave` has to follow."""
        under_way = self._ordinary + self._first
        match rank:
            case Rank.FREE:
                return True
            case Rank.FIRST:
                if under_way >= MOST:
                    return False
                self._first += 1
            case Rank.ORDINARY:
                if under_way >= self._limit.value and self._ordinary >= FEW:
                    return False
                self._ordinary += 1
        return True

    def leave(self, rank: Rank) -> None:
        if rank is Rank.ORDINARY:
            self._ordinary -= 1
        elif rank is Rank.FIRST:
            self._first -= 1

    def took_its_turn(self, asked_at: float) -> None:
        now = time.perf_counter()
        self._limit.turn(now - asked_at, self._ordinary + self._first, now)

    def got_connection(self, waited_s: float) -> None:
        self._limit.connection(waited_s, self._ordinary + self._first, time.perf_counter())
