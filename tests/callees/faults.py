"""Failures on demand of an in-process callee: before the effect, after it (the answer is lost), slow, or down."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from serai.chassis.calls.client import ServiceUnreachable


@dataclass(eq=False)
class Stall:
    """A call that waits where it is until `resume`; `reached` is set once a call has come there."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _resumed: asyncio.Event = field(default_factory=asyncio.Event)

    def resume(self) -> None:
        self._resumed.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._resumed.wait()


class Faults:
    """What is to go wrong with the next calls of one callee, and which calls came."""

    def __init__(self) -> None:
        #: While true, every call fails before its effect.
        self.down = False
        #: The methods called, in order, failed calls included.
        self.calls: list[str] = []
        self._before: defaultdict[str, deque[Exception | Stall]] = defaultdict(deque)
        self._after: defaultdict[str, deque[Exception | Stall]] = defaultdict(deque)

    def fail_before(self, method: str, *, times: int = 1, error: Exception | None = None) -> None:
        """The next `times` calls of `method` raise `error` without an effect; by default nobody answers."""
        for _ in range(times):
            self._before[method].append(error or ServiceUnreachable(maybe_done=False))

    def fail_after(self, method: str, *, times: int = 1) -> None:
        """The next `times` calls of `method` have their effect, and the answer is lost."""
        for _ in range(times):
            self._after[method].append(ServiceUnreachable(maybe_done=True))

    def stall_before(self, method: str) -> Stall:
        """The next call of `method` waits before its effect."""
        stall = Stall()
        self._before[method].append(stall)
        return stall

    def stall_after(self, method: str) -> Stall:
        """The next call of `method` waits between its effect and its answer."""
        stall = Stall()
        self._after[method].append(stall)
        return stall

    @asynccontextmanager
    async def around(self, method: str) -> AsyncIterator[None]:
        """Every method of a callee has its effect inside this block."""
        self.calls.append(method)
        if self.down:
            raise ServiceUnreachable(maybe_done=False)
        await _meet(self._before[method])
        yield
        await _meet(self._after[method])


async def _meet(planned: deque[Exception | Stall]) -> None:
    if not planned:
        return
    fault = planned.popleft()
    if isinstance(fault, Exception):
        raise fault
    await fault.wait()
