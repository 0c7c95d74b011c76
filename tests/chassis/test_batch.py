"""Which items share a call, how many calls run at the same time, and whose failures reach whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextvars import ContextVar

import pytest

from serai.chassis.batch import MAX_ITEMS, Batch
from serai.chassis.errors import Unavailable

trace: ContextVar[str] = ContextVar("trace", default="none")


class Operation:
    """Doubles numbers, and records its calls; negative numbers fail. `gate` holds calls back."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.traces: list[str] = []
        self.running = self.most_running = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        self.traces.append(trace.get())
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await self.gate.wait()
        self.running -= 1
        if any(item == -2 for item in items):
            raise Unavailable
        if any(item < 0 for item in items):
            raise ValueError("negative")
        return [item * 2 for item in items]


async def started(operation: Operation, calls: int) -> None:
    async with asyncio.timeout(5):
        while len(operation.calls) < calls:
            await asyncio.sleep(0)


async def test_an_item_by_itself_is_processed_at_once() -> None:
    operation = Operation()
    double = Batch(operation)
    assert [await double(1), await double(2)] == [2, 4]
    assert operation.calls == [[1], [2]]


async def test_items_that_arrive_during_a_call_share_the_next_one() -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation)
    first = asyncio.create_task(double(0))
    await started(operation, 1)
    others = [asyncio.create_task(double(item)) for item in range(1, MAX_ITEMS + 11)]
    await asyncio.sleep(0)
    operation.gate.set()
    assert await asyncio.gather(first, *others) == [2 * item for item in range(MAX_ITEMS + 11)]
    assert [len(call) for call in operation.calls] == [1, MAX_ITEMS, 10]
    assert operation.most_running == 1


async def test_no_more_calls_than_the_concurrency_run_at_the_same_time() -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation, concurrency=2)
    results = []
    for item in range(6):
        results.append(asyncio.create_task(double(item)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await started(operation, 2)
    operation.gate.set()
    assert await asyncio.gather(*results) == [0, 2, 4, 6, 8, 10]
    assert operation.most_running == 2
    assert operation.calls == [[0], [1], [2, 3, 4, 5]]


async def test_a_call_has_as_many_items_as_fit() -> None:
    def sum_of_ten(items: Iterable[int]) -> int:
        count = total = 0
        for item in items:
            total += item
            if total > 10:
                break
            count += 1
        return count

    operation = Operation()
    double = Batch(operation, fitting=sum_of_ten)
    await asyncio.gather(*(double(item) for item in (4, 6, 1, 9, 10)))
    assert operation.calls == [[4, 6], [1, 9], [10]]


async def test_a_failure_reaches_all_callers_of_the_call_and_no_later_one() -> None:
    double = Batch(Operation())
    results = await asyncio.gather(double(1), double(-1), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]
    assert await double(1) == 2


async def test_with_retry_one_item_does_not_fail_the_others() -> None:
    operation = Operation()
    double = Batch(operation, retry_singly=True)
    one, wrong, two = await asyncio.gather(double(1), double(-1), double(2), return_exceptions=True)
    assert (one, type(wrong), two) == (2, ValueError, 4)
    assert operation.calls == [[1, -1, 2], [1], [-1], [2]]


async def test_nothing_is_retried_while_the_callee_is_unavailable() -> None:
    operation = Operation()
    double = Batch(operation, retry_singly=True)
    results = await asyncio.gather(double(1), double(-2), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert len(operation.calls) == 1


async def test_a_cancelled_caller_keeps_nobody_from_their_result_and_its_item_is_dropped() -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation)
    first = asyncio.create_task(double(1))
    await started(operation, 1)
    waiting, other = asyncio.create_task(double(2)), asyncio.create_task(double(3))
    await asyncio.sleep(0)
    first.cancel()
    waiting.cancel()
    await asyncio.sleep(0)
    operation.gate.set()
    assert await other == 6
    assert operation.calls == [[1], [3]]
    for cancelled in (first, waiting):
        with pytest.raises(asyncio.CancelledError):
            await cancelled


@pytest.mark.parametrize(("in_callers_context", "traces"), [(True, ["first", "second"]), (False, ["none", "none"])])
async def test_a_call_belongs_to_the_trace_of_its_first_caller_if_wanted(
    in_callers_context: bool, traces: list[str]
) -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation, in_callers_context=in_callers_context)
    tasks = []
    for name in ("first", "second", "third"):
        trace.set(name)
        tasks.append(asyncio.create_task(double(1)))
        await started(operation, 1)
    operation.gate.set()
    await asyncio.gather(*tasks)
    assert operation.traces == traces


async def test_after_a_call_the_next_one_waits_for_more_items() -> None:
    operation = Operation()
    double = Batch(operation, gather_s=0.5, enough=2)
    assert await double(0) == 0
    early = asyncio.create_task(double(1))
    for _ in range(10):
        await asyncio.sleep(0)
    assert list(await asyncio.gather(early, double(2))) == [2, 4]
    assert operation.calls == [[0], [1, 2]]


async def test_no_call_waits_while_there_are_enough_items() -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation, gather_s=60.0, enough=2)
    first = asyncio.create_task(double(0))
    await started(operation, 1)
    others = [asyncio.create_task(double(item)) for item in (1, 2)]
    await asyncio.sleep(0)
    operation.gate.set()
    async with asyncio.timeout(10):
        await asyncio.gather(first, *others)
    assert operation.calls == [[0], [1, 2]]


async def test_the_first_item_does_not_wait_for_others() -> None:
    operation = Operation()
    double = Batch(operation, gather_s=60.0, enough=2)
    assert await asyncio.wait_for(double(1), 5) == 2


async def test_a_submitted_item_is_processed_though_nobody_waits_and_can_be_withdrawn() -> None:
    operation = Operation()
    operation.gate.clear()
    double = Batch(operation)
    first = double.submit(1)
    await started(operation, 1)
    withdrawn, last = double.submit(2), double.submit(3)
    withdrawn.cancel()
    operation.gate.set()
    assert (await first, await last) == (2, 6)
    assert operation.calls == [[1], [3]]
