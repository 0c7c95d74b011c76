"""Outlier detection: decides from the outcomes of calls which instances of a callee receive requests.

It does no I/O and reads no clock. The rules follow Envoy's outlier detection, so that an unhealthy instance is treated
alike by services and by the gateway:

- An instance that cannot be reached, drops a connection or does not respond is ejected immediately. One that responds
with errors is ejected after a few consecutive errors, or when errors are a large share of its responses.

- Each ejection lasts twice as long as the one before. The duration is reset once the instance has been back for as long
as its last ejection.

- After an ejection one trial call goes to the instance. Success restores it, failure ejects it again.

- Of the instances that can be reached at most half are ejected: when most of them respond with errors, sending the
requests to the others does not help.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from enum import Enum, auto
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

BASE_EJECTION_S = 3.0
MAX_EJECTION_S = 48.0
CONSECUTIVE_ERRORS = 3
#: Or half of the last WINDOW_CALLS, once there are MIN_WINDOW_CALLS.
WINDOW_CALLS, MIN_WINDOW_CALLS = 20, 10
#: A call with a timeout shorter than this says nothing about the instance.
MIN_TIMEOUT_S = 0.25
#: How long a trial call blocks other trials of the instance.
TRIAL_S = 5.0
#: A call that cannot be repeated is used as a trial only if no repeatable call came for this long after the ejection.
TRIAL_OVERDUE_S = 5.0


class Failure(Enum):
    #: No connection, or another service listens there: the call was not started.
    UNREACHABLE = auto()
    #: It dropped the connection, or responded that it cannot work.
    UNHEALTHY = auto()
    #: No response in time. It counts against the instance unless the instance answered another call meanwhile.
    TIMEOUT = auto()
    #: An error response such as 500.
    ERROR = auto()


class _Record:
    def __init__(self) -> None:
        self.last_answer_at = -math.inf
        self.consecutive_errors = 0
        #: The last outcomes; true is an error.
        self.outcomes: list[bool] = []
        #: None: not ejected.
        self.ejected_until: float | None = None
        self.ejected_at = -math.inf
        self.last_ejection_s = 0.0
        self.restored_at = -math.inf
        self.trial_until = -math.inf
        self.unreachable = False

    def count(self, error: bool) -> None:
        self.consecutive_errors = self.consecutive_errors + 1 if error else 0
        self.outcomes = [*self.outcomes[1 - WINDOW_CALLS :], error]

    def exceeds_error_limit(self) -> bool:
        if self.consecutive_errors >= CONSECUTIVE_ERRORS:
            return True
        return len(self.outcomes) >= MIN_WINDOW_CALLS and 2 * sum(self.outcomes) >= len(self.outcomes)

    def eject(self, now: float, unreachable: bool) -> None:
        if self.ejected_until is None and now - self.restored_at > self.last_ejection_s:
            self.last_ejection_s = 0.0
        self.last_ejection_s = min(max(2 * self.last_ejection_s, BASE_EJECTION_S), MAX_EJECTION_S)
        self.ejected_at, self.ejected_until = now, now + self.last_ejection_s
        self.trial_until = -math.inf
        self.unreachable = unreachable

    def restore(self, now: float) -> None:
        self.ejected_until = None
        self.restored_at = now
        self.consecutive_errors, self.outcomes = 0, []


class OutlierDetector:
    """The state of all instances of one callee. Times are on the caller's monotonic clock."""

    def __init__(self) -> None:
        self._records: dict[Hashable, _Record] = {}

    def candidates(self, known: Sequence[K], now: float, *, repeatable: bool, avoid: Collection[K] = ()) -> Sequence[K]:
        """The instances to choose from: one whose ejection is over and that needs a trial, else those that are not
        ejected; all of them when every one is.

        `repeatable` says that the call can go to another instance when the trial fails. Instances in `avoid` are
        candidates only when there are no others.
        """
        self._drop_unknown(known)
        ejected = self.ejected(known)
        allowed = [instance for instance in known if instance not in avoid] or known
        for instance in allowed:
            if instance in ejected and self._may_be_tried(instance, now, repeatable):
                self._records[instance].trial_until = now + TRIAL_S
                return [instance]
        return [instance for instance in allowed if instance not in ejected] or allowed

    def ejected(self, known: Sequence[K]) -> set[K]:
        """Those that are ejected or await a trial: all that cannot be reached, and at most half of the others, the
        latest failures first."""
        found: set[K] = set()
        failing: list[tuple[float, int]] = []
        for at, instance in enumerate(known):
            record = self._records.get(instance)
            if record is None or record.ejected_until is None:
                continue
            if record.unreachable:
                found.add(instance)
            else:
                failing.append((record.ejected_at, at))
        failing.sort(reverse=True)
        found.update(known[at] for _, at in failing[: len(known) // 2])
        return found

    def record_success(self, instance: Hashable, began: float, now: float) -> None:
        """A call that began at `began` succeeded. It ends an ejection, unless the call is older than the ejection."""
        record = self._record_of(instance)
        record.last_answer_at = now
        record.count(error=False)
        if record.ejected_until is not None and began >= record.ejected_at:
            record.restore(now)

    def record_failure(self, instance: Hashable, began: float, now: float, failure: Failure) -> None:
        record = self._record_of(instance)
        if failure is Failure.ERROR:
            record.last_answer_at = now
        elif failure is Failure.TIMEOUT:
            if now - began < MIN_TIMEOUT_S:
                return
            failure = Failure.ERROR if record.last_answer_at >= began else Failure.UNHEALTHY
        if failure is Failure.ERROR:
            record.count(error=True)
        if record.ejected_until is not None:
            # A call that began before the ejection tells nothing new; one that began since was the trial.
            if began >= record.ejected_at:
                record.eject(now, failure is Failure.UNREACHABLE)
        elif failure is not Failure.ERROR or record.exceeds_error_limit():
            record.eject(now, failure is Failure.UNREACHABLE)

    def _may_be_tried(self, instance: Hashable, now: float, repeatable: bool) -> bool:
        record = self._records[instance]
        if record.ejected_until is None or now < record.trial_until:
            return False
        return now >= record.ejected_until + (0.0 if repeatable else TRIAL_OVERDUE_S)

    def _record_of(self, instance: Hashable) -> _Record:
        return self._records.setdefault(instance, _Record())

    def _drop_unknown(self, known: Sequence[Hashable]) -> None:
        if len(self._records) > 2 * len(known) + 16:
            self._records = {instance: record for instance, record in self._records.items() if instance in known}
