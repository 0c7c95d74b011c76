"""Admission control: the limit as a function of waits, and a real service that is overloaded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from litestar import get
from litestar.params import FromPath

from serai import topology
from serai.chassis.http.admission import (
    INTERVAL_S,
    MAX_CONNECTION_WAIT_S,
    MAX_LIMIT,
    MAX_LOOP_DELAY_S,
    MAX_REQUESTS,
    MIN_LIMIT,
    MIN_NORMAL,
    Admission,
    Limit,
    Priority,
)
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from tests import tokens
from tests.chassis.calls.callees import served

WAITS = st.floats(0, 10)


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def measure(
        self, limit: Limit, intervals: int, *, loop_delay: float = 0.0, connection_wait: float = 0.0
    ) -> list[int]:
        """The limit after each interval of ten requests with these waits, while 200 are in flight."""
        found = []
        for _ in range(intervals * 10):
            self.now += INTERVAL_S / 10
            limit.loop_delay(loop_delay, 200, self.now)
            limit.connection_wait(connection_wait, 200, self.now)
            found.append(limit.value)
        return found[9::10]


def test_the_limit_falls_below_the_requests_in_flight_while_all_wait_too_long() -> None:
    for loop_delay, connection_wait in ((2 * MAX_LOOP_DELAY_S, 0.0), (0.0, 2 * MAX_CONNECTION_WAIT_S)):
        limits = Clock().measure(Limit(), 20, loop_delay=loop_delay, connection_wait=connection_wait)
        assert limits[2] < 200
        assert limits[-1] == MIN_LIMIT


def test_a_burst_in_which_one_request_does_not_wait_is_no_overload() -> None:
    limit, clock = Limit(), Clock()
    for _ in range(50):
        clock.now += INTERVAL_S / 5
        limit.connection_wait(3.0, 100, clock.now)
        limit.connection_wait(0.0, 100, clock.now)
    assert limit.value == MAX_LIMIT


def test_the_limit_is_at_its_maximum_a_second_after_the_last_overload() -> None:
    limit, clock = Limit(), Clock()
    clock.measure(limit, 20, loop_delay=1.0)
    assert limit.value == MIN_LIMIT
    clock.now += 1.0
    clock.measure(limit, 2)
    assert limit.value == MAX_LIMIT


def test_the_limit_rises_step_by_step_under_load() -> None:
    limit, clock = Limit(), Clock()
    clock.measure(limit, 20, loop_delay=1.0)
    limits = clock.measure(limit, 60)
    assert limits == sorted(limits)
    assert limits[1] < 2 * MIN_LIMIT
    assert limits[-1] == MAX_LIMIT


@given(st.lists(st.tuples(st.booleans(), WAITS, st.integers(0, 2 * MAX_REQUESTS), st.floats(0, 1)), max_size=100))
def test_the_limit_stays_within_its_bounds(history: list[tuple[bool, float, int, float]]) -> None:
    limit, now = Limit(), 0.0
    for of_loop, waited, in_flight, later in history:
        now += later
        (limit.loop_delay if of_loop else limit.connection_wait)(waited, in_flight, now)
        assert MIN_LIMIT <= limit.value <= MAX_LIMIT


class Requests(RuleBasedStateMachine):
    """Any sequence of arrivals, departures and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission()
        self.admitted: list[Priority] = []

    @rule(priority=st.sampled_from(list(Priority)), times=st.integers(1, 300))
    def arrive(self, priority: Priority, times: int) -> None:
        for _ in range(times):
            if self.admission.enter(priority):
                self.admitted.append(priority)

    @precondition(lambda self: self.admitted)
    @rule(data=st.data(), share=st.floats(0, 1))
    def leave(self, data: st.DataObject, share: float) -> None:
        for _ in range(int(len(self.admitted) * share)):
            self.admission.leave(self.admitted.pop())

    @rule(waited=WAITS)
    def a_request_waited(self, waited: float) -> None:
        self.admission.record_connection_wait(waited)

    @rule()
    def no_request_is_refused_while_few_are_in_flight(self) -> None:
        counted = [priority for priority in self.admitted if priority is not Priority.EXEMPT]
        if len(counted) < MIN_LIMIT or counted.count(Priority.NORMAL) < MIN_NORMAL:
            assert self.admission.enter(Priority.NORMAL)
            self.admission.leave(Priority.NORMAL)

    @rule()
    def exempt_requests_are_never_refused_and_high_priority_ones_only_after_normal_ones(self) -> None:
        assert self.admission.enter(Priority.EXEMPT)
        ordinary, high = self.admission.enter(Priority.NORMAL), self.admission.enter(Priority.HIGH)
        assert (
            high
            or not ordinary
            or self.admitted.count(Priority.NORMAL) < MIN_NORMAL
            or len(self.admitted) >= MAX_REQUESTS - 1
        )
        for priority, entered in ((Priority.NORMAL, ordinary), (Priority.HIGH, high)):
            if entered:
                self.admission.leave(priority)

    @invariant()
    def counted_requests_are_bounded(self) -> None:
        assert sum(priority is not Priority.EXEMPT for priority in self.admitted) <= MAX_REQUESTS + MIN_NORMAL


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=50)


def test_paths_have_the_priority_that_their_routes_declare() -> None:
    admission = Admission()
    admission.set_path_priorities(high=["/api/orders/{id:str}"], exempt=["/api/logs/tail"])
    priorities = {
        Priority.NORMAL: ("/api/orders", "/api/products", "/api/products/x", "/api/logs", "/api/"),
        Priority.HIGH: ("/api/orders/x", "/api/orders/x/cancel", "/internal/holds/x"),
        Priority.EXEMPT: (
            "/livez",
            "/readyz",
            "/metrics",
            "/internal/events",
            "/v1/agent/self",
            "/api/logs/tail",
            "/",
            "",
        ),
    }
    for priority, paths in priorities.items():
        assert {path: admission.priority(path) for path in paths} == dict.fromkeys(paths, priority)


# A real service under overload

released = asyncio.Event()


@get("/api/work", policy="public")
async def work() -> str:
    await released.wait()
    return "done"


@get("/api/begun/{id:str}", policy="public", urgent=True)
async def begun(id: FromPath[str]) -> str:
    return "done"


@get("/api/hard", policy="public")
async def work_hard() -> str:
    """Steps that block the event loop for some milliseconds each."""
    for _ in range(3):
        sum(range(100_000))
        await asyncio.sleep(0)
    return "done"


@get("/internal/work", policy="service", include_in_schema=False)
async def internal_work() -> str:
    return "done"


@asynccontextmanager
async def serving(limit: Limit) -> AsyncIterator[tuple[Service, aiohttp.ClientSession]]:
    released.clear()
    declared = topology.Service("cart", "", database=False)
    settings = load(Settings, tokens.environ("cart", SERAI_LOG_LEVEL="critical"))
    service = Service(declared, settings, callers=frozenset({"order"}))
    service.state.admission = Admission(limit)
    service.routes(object(), [work, work_hard, begun, internal_work])
    connector = aiohttp.TCPConnector(limit=0)
    async with served(service) as instance, aiohttp.ClientSession(instance.url, connector=connector) as http:
        try:
            yield service, http
        finally:
            released.set()


async def status(http: aiohttp.ClientSession, path: str, **headers: str) -> int:
    async with http.get(path, headers=headers) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_overloaded_service_refuses_immediately_and_still_accepts_high_priority_requests(method: str) -> None:
    limit = Limit()
    # Every request waited too long, and the limit is not adjusted during the test.
    Clock(time.perf_counter() + 3600).measure(limit, 20, connection_wait=1.0)
    async with serving(limit) as (service, http), asyncio.timeout(60):
        held = [asyncio.create_task(status(http, "/api/work")) for _ in range(MIN_LIMIT)]
        while service.state.active < MIN_LIMIT:
            await asyncio.sleep(0.01)

        for _ in range(3):
            async with http.request(method, "/api/work", data=b"x" * 10_000 if method == "POST" else None) as refused:
                document: dict[str, Any] = await refused.json(content_type="application/problem+json")
                assert (refused.status, document["code"]) == (429, "overloaded")
                assert refused.headers["retry-after"] == "1"
                assert refused.headers["x-request-id"] == document["request_id"]
                assert refused.headers["cache-control"] == "no-store"
        for path in ("/livez", "/readyz", "/metrics", "/api/begun/1"):
            assert await status(http, path) == 200, path
        assert await status(http, "/internal/work", **tokens.as_service("order", "cart")) == 200
        async with http.get("/metrics") as metrics:
            assert 'http_route="shed"' in await metrics.text()

        released.set()
        assert await asyncio.gather(*held) == [200] * MIN_LIMIT
        assert await status(http, "/api/work") == 200
        assert service.state.active == 0


@pytest.mark.slow
async def test_excess_load_is_refused_and_nothing_is_refused_afterwards() -> None:
    """The overload is real: the work blocks the event loop for too long."""
    limit = Limit()
    async with serving(limit) as (_, http), asyncio.timeout(120):
        answers: list[int] = []
        stopped = False

        async def keep_requesting() -> None:
            while not stopped:
                answers.append(await status(http, "/api/hard"))

        clients = [asyncio.create_task(keep_requesting()) for _ in range(100)]
        while 429 not in answers:
            await asyncio.sleep(0.05)
        stopped = True
        await asyncio.gather(*clients)
        assert set(answers) == {200, 429}
        while limit.value < 100:
            assert await status(http, "/api/hard") == 200
            await asyncio.sleep(0.02)
