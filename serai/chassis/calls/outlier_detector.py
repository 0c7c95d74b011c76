"""Which instances of a callee stand and which rest, judged by what became of the calls to them.

Pure: it is told what happened and when, and says who may be asked. The rules follow Envoy's outlier detection, so that
a bad instance fares alike inside and at the edge:

- Who cannot be reached, hangs up or gives no sign of life rests at once; who answers with errors, after a few in a row
  or when they are a large share.
- A rest doubles each time, and begins anew after the instance has stood for as long as it last rested.
- After a rest one call tries the instance; its success ends the rest, its failure begins the next.
- Of those that can be reached at most half rest: bad answers by most are nothing that asking the others would cure.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from enum import Enum, auto
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

BASE_REST_S = 3.0
LONGEST_REST_S = 48.0
ERRORS_IN_A_ROW = 3
#: Or half of the last calls, once there are enough of them to tell.
RECENT, ENOUGH = 20, 10
#: A call that waited for less than this says nothing about who did not answer it.
SHORTEST_VERDICT_S = 0.25
#: How long one call may hold the right to try an instance whose rest is over.
TRIAL_S = 5.0
#: Calls that cannot be repeated try an instance only when none that can has come by for so long after its rest.
OVERDUE_S = 5.0


class Failure(Enum):
    #: No connection, or whoever listens there is not the callee: the call has not begun.
    UNREACHED = auto()
    #: It hung up, or says itself that it cannot work.
    LOST = auto()
    #: No answer in time. Whether that is the instance's fault depends on whether it answered anybody else meanwhile.
    LATE = auto()
    #: An answer that should not be: 500 and the like.
    ERROR = auto()


class _Record:
    def __init__(self) -> None:
        self.heard_at = -math.inf
        self.errors_in_a_row = 0
        #: The last outcomes, true for an error.
        self.recent: list[bool] = []
        #: None: it stands.
        self.rests_until: float | None = None
        self.rested_at = -math.inf
        self.last_rest_s = 0.0
        self.stands_since = -math.inf
        self.trial_until = -math.inf
        self.unreached = False

    def count(self, error: bool) -> None:
        self.errors_in_a_row = self.errors_in_a_row + 1 if error else 0
        self.recent = [*self.recent[1 - RECENT :], error]

    def answers_badly(self) -> bool:
        if self.errors_in_a_row >= ERRORS_IN_A_ROW:
            return True
        return len(self.recent) >= ENOUGH and 2 * sum(self.recent) >= len(self.recent)

    def rest(self, now: float, unreached: bool) -> None:
        if self.rests_until is None and now - self.stands_since > self.last_rest_s:
            self.last_rest_s = 0.0
        self.last_rest_s = min(max(2 * self.last_rest_s, BASE_REST_S), LONGEST_REST_S)
        self.rested_at, self.rests_until = now, now + self.last_rest_s
        self.trial_until = -math.inf
        self.unreached = unreached

    def stand(self, now: float) -> None:
        self.rests_until = None
        self.stands_since = now
        self.errors_in_a_row, self.recent = 0, []


class OutlierDetector:
    """All that a process knows about the instances of one callee. Times are on the caller's monotonic clock."""

    def __init__(self) -> None:
        self._records: dict[Hashable, _Record] = {}

    def candidates(self, known: Sequence[K], now: float, *, repeatable: bool, avoid: Collection[K] = ()) -> Sequence[K]:
        """Whom to ask: one whose rest is over and is now tried, else those that stand; everybody when none does.

        `repeatable` says that the call can go elsewhere when a trial fails. Those to `avoid` are asked only where
        there are no others.
        """
        self._forget_others(known)
        resting = self.resting(known)
        allowed = [one for one in known if one not in avoid] or known
        for one in allowed:
            if one in resting and self._may_be_tried(one, now, repeatable):
                self._records[one].trial_until = now + TRIAL_S
                return [one]
        return [one for one in allowed if one not in resting] or allowed

    def resting(self, known: Sequence[K]) -> set[K]:
        """Those that rest, or have not been tried since: all that cannot be reached, and of the others at most half,
        beginning with those whose failure is the latest."""
        found: set[K] = set()
        judged: list[tuple[float, int]] = []
        for at, one in enumerate(known):
            record = self._records.get(one)
            if record is None or record.rests_until is None:
                continue
            if record.unreached:
                found.add(one)
            else:
                judged.append((record.rested_at, at))
        judged.sort(reverse=True)
        found.update(known[at] for _, at in judged[: len(known) // 2])
        return found

    def answered(self, one: Hashable, began: float, now: float) -> None:
        """A call that began then was answered as it should be. It ends a rest, unless it is older than that."""
        record = self._of(one)
        record.heard_at = now
        record.count(error=False)
        if record.rests_until is not None and began >= record.rested_at:
            record.stand(now)

    def failed(self, one: Hashable, began: float, now: float, how: Failure) -> None:
        record = self._of(one)
        if how is Failure.ERROR:
            record.heard_at = now
        elif how is Failure.LATE:
            if now - began < SHORTEST_VERDICT_S:
                return
            how = Failure.ERROR if record.heard_at >= began else Failure.LOST
        if how is Failure.ERROR:
            record.count(error=True)
        if record.rests_until is not None:
            # What began before the rest tells nothing new; what began since was the trial.
            if began >= record.rested_at:
                record.rest(now, how is Failure.UNREACHED)
        elif how is not Failure.ERROR or record.answers_badly():
            record.rest(now, how is Failure.UNREACHED)

    def _may_be_tried(self, one: Hashable, now: float, repeatable: bool) -> bool:
        record = self._records[one]
        if record.rests_until is None or now < record.trial_until:
            return False
        return now >= record.rests_until + (0.0 if repeatable else OVERDUE_S)

    def _of(self, one: Hashable) -> _Record:
        return self._records.setdefault(one, _Record())

    def _forget_others(self, known: Sequence[Hashable]) -> None:
        if len(self._records) > 2 * len(known) + 16:
            self._records = {one: record for one, record in self._records.items() if one in known}
