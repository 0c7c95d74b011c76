"""Chooses the instance of a callee for each call, and limits retries."""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from typing import TypeAlias

from serai.chassis.calls.directory import Directory
from serai.chassis.calls.outlier_detector import Failure, OutlierDetector
from serai.chassis.calls.registry import Instance, Watch

#: Retries are at most this share of the calls, plus a few free ones, so that retries do not multiply the load of an
#: outage.
_RETRY_BUDGET = 0.2
_FREE_RETRIES = 10.0

#: The URL is part of the key: a process that restarts at another address starts with a clean record.
Key: TypeAlias = tuple[str, str]


class LoadBalancer:
    """The instances of one callee as this process sees them: requests in flight and ejections."""

    def __init__(self, name: str, registry: Directory) -> None:
        self._name = name
        self._registry = registry
        self._in_flight: dict[Key, int] = {}
        self._outliers = OutlierDetector()
        self._tokens = _FREE_RETRIES

    def watch(self) -> Watch:
        return self._registry.watch(self._name)

    async def pick(self, end: float, *, avoid: Collection[Instance] = (), repeatable: bool = False) -> Instance | None:
        """The one with fewer requests in flight of two random candidates, if possible none of `avoid` and none that is
        ejected. Waits until `end` for a first instance; returns None when there is none by then."""
        watch = self.watch()
        if not watch.instances:
            await watch.ready(max(end - time.monotonic(), 0.001))
            if not watch.instances:
                return None
        known = {_key(one): one for one in watch.instances}
        candidates = self._outliers.candidates(
            list(known), time.monotonic(), repeatable=repeatable, avoid=[_key(one) for one in avoid]
        )
        chosen = random.sample(candidates, min(2, len(candidates)))
        return known[min(chosen, key=lambda key: self._in_flight.get(key, 0))]

    def has_untried(self, tried: Collection[Instance]) -> bool:
        """Whether there is an instance that was not tried."""
        return any(one not in tried for one in self.watch().instances)

    def track(self, instance: Instance) -> _InFlight:
        return _InFlight(self._in_flight, _key(instance))

    def record_success(self, instance: Instance, began: float) -> None:
        self._outliers.record_success(_key(instance), began, time.monotonic())

    def record_failure(self, instance: Instance, began: float, failure: Failure) -> None:
        self._outliers.record_failure(_key(instance), began, time.monotonic(), failure)

    def count_call(self) -> None:
        self._tokens = min(self._tokens + _RETRY_BUDGET, _FREE_RETRIES)

    def may_retry(self) -> bool:
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def _key(instance: Instance) -> Key:
    return instance.id, instance.url


class _InFlight:
    """Counts a request in flight while the block runs."""

    __slots__ = ("_counts", "_key")

    def __init__(self, counts: dict[Key, int], key: Key) -> None:
        self._counts = counts
        self._key = key

    def __enter__(self) -> None:
        self._counts[self._key] = self._counts.get(self._key, 0) + 1

    def __exit__(self, *_: object) -> None:
        left = self._counts[self._key] - 1
        if left:
            self._counts[self._key] = left
        else:
            del self._counts[self._key]
