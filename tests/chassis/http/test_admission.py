"""What is let in: the limit as a function of how long work waits, and a service of ours driven into refusing."""

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
    CONNECTION_S,
    FEW,
    HIGHEST,
    INTERVAL_S,
    LOWEST,
    MOST,
    TURN_S,
    Admission,
    Limit,
    Rank,
)
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from tests import tokens
from tests.chassis.calls.callees import served

WAITS = st.floats(0, 10)


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def waits(self, limit: Limit, intervals: int, *, turn: float = 0.0, connection: float = 0.0) -> list[int]:
        """The limit after each interval, in which ten requests waited so long while 200 were under way."""
        found = []
        for _ in range(intervals * 10):
            self.now += INTERVAL_S / 10
            limit.turn(turn, 200, self.now)
            limit.connection(connection, 200, self.now)
            found.append(limit.value)
        return found[9::10]


def test_it_falls_below_what_was_under_way_while_everybody_waits_for_too_long() -> None:
    for turn, connection in ((2 * TURN_S, 0.0), (0.0, 2 * CONNECTION_S)):
        limits = Clock().waits(Limit(), 20, turn=turn, connection=connection)
        assert limits[2] < 200
        assert limits[-1] == LOWEST


def test_a_burst_that_somebody_gets_through_at_once_is_no_overload() -> None:
    limit, clock = Limit(), Clock()
    for _ in range(50):
        clock.now += INTERVAL_S / 5
        limit.connection(3.0, 100, clock.now)
        limit.connection(0.0, 100, clock.now)
    assert limit.value == HIGHEST


def test_it_is_normal_again_a_second_after_the_last_overload() -> None:
    limit, clock = Limit(), Clock()
    clock.waits(limit, 20, turn=1.0)
    assert limit.value == LOWEST
    clock.now += 1.0
    clock.waits(limit, 2)
    assert limit.value == HIGHEST


def test_it_rises_step_by_step_while_there_is_load() -> None:
    limit, clock = Limit(), Clock()
    clock.waits(limit, 20, turn=1.0)
    limits = clock.waits(limit, 60)
    assert limits == sorted(limits)
    assert limits[1] < 2 * LOWEST
    assert limits[-1] == HIGHEST


@given(st.lists(st.tuples(st.booleans(), WAITS, st.integers(0, 2 * MOST), st.floats(0, 1)), max_size=100))
def test_it_stays_within_its_bounds(history: list[tuple[bool, float, int, float]]) -> None:
    limit, now = Limit(), 0.0
    for of_loop, waited, under_way, later in history:
        now += later
        (limit.turn if of_loop else limit.connection)(waited, under_way, now)
        assert LOWEST <= limit.value <= HIGHEST


class Visits(RuleBasedStateMachine):
    """Any sequence of arrivals, departures and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.admission = Admission()
        self.inside: list[Rank] = []

    @rule(rank=st.sampled_from(list(Rank)), times=st.integers(1, 300))
    def arrive(self, rank: Rank, times: int) -> None:
        for _ in range(times):
            if self.admission.enter(rank):
                self.inside.append(rank)

    @precondition(lambda self: self.inside)
    @rule(data=st.data(), share=st.floats(0, 1))
    def leave(self, data: st.DataObject, share: float) -> None:
        for _ in range(int(len(self.inside) * share)):
            self.admission.leave(self.inside.pop())

    @rule(waited=WAITS)
    def somebody_waited(self, waited: float) -> None:
        self.admission.got_connection(waited)

    @rule()
    def nobody_is_refused_where_there_is_little_to_do(self) -> None:
        counted = [rank for rank in self.inside if rank is not Rank.FREE]
        if len(counted) < LOWEST or counted.count(Rank.ORDINARY) < FEW:
            assert self.admission.enter(Rank.ORDINARY)
            self.admission.leave(Rank.ORDINARY)

    @rule()
    def machines_are_never_refused_and_others_not_before_visitors(self) -> None:
        assert self.admission.enter(Rank.FREE)
        ordinary, first = self.admission.enter(Rank.ORDINARY), self.admission.enter(Rank.FIRST)
        assert first or not ordinary or self.inside.count(Rank.ORDINARY) < FEW or len(self.inside) >= MOST - 1
        for rank, entered in ((Rank.ORDINARY, ordinary), (Rank.FIRST, first)):
            if entered:
                self.admission.leave(rank)

    @invariant()
    def what_is_counted_is_bounded(self) -> None:
        assert sum(rank is not Rank.FREE for rank in self.inside) <= MOST + FEW


TestVisits = Visits.TestCase
TestVisits.settings = settings(max_examples=50)


def test_paths_are_ranked_by_what_their_routes_declare() -> None:
    admission = Admission()
    admission.rank_paths(first=["/api/orders/{id:str}"], free=["/api/logs/tail"])
    ranks = {
        Rank.ORDINARY: ("/api/orders", "/api/products", "/api/products/x", "/api/logs", "/api/"),
        Rank.FIRST: ("/api/orders/x", "/api/orders/x/cancel", "/internal/holds/x"),
        Rank.FREE: ("/livez", "/readyz", "/metrics", "/internal/events", "/v1/agent/self", "/api/logs/tail", "/", ""),
    }
    for rank, paths in ranks.items():
        assert {path: admission.rank(path) for path in paths} == dict.fromkeys(paths, rank)


# A service that is driven into it

let_go = asyncio.Event()


@get("/api/work", policy="public")
async def work() -> str:
    await let_go.wait()
    return "done"


@get("/api/begun/{id:str}", policy="public", urgent=True)
async def begun(id: FromPath[str]) -> str:
    return "done"


@get("/api/hard", policy="public")
async def work_hard() -> str:
    """Steps that keep the loop for some milliseconds each."""
    for _ in range(3):
        sum(range(100_000))
        await asyncio.sleep(0)
    return "done"


@get("/internal/work", policy="service", include_in_schema=False)
async def internal_work() -> str:
    return "done"


@asynccontextmanager
async def serving(limit: Limit) -> AsyncIterator[tuple[Service, aiohttp.ClientSession]]:
    let_go.clear()
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
            let_go.set()


async def status(http: aiohttp.ClientSession, path: str, **headers: str) -> int:
    async with http.get(path, headers=headers) as answer:
        await answer.read()
        return answer.status


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_service_with_too_much_to_do_says_so_at_once_and_goes_on_with_what_matters(method: str) -> None:
    limit = Limit()
    # Everybody waited for too long, and nothing is decided anew during the test.
    Clock(time.perf_counter() + 3600).waits(limit, 20, connection=1.0)
    async with serving(limit) as (service, http), asyncio.timeout(60):
        held = [asyncio.create_task(status(http, "/api/work")) for _ in range(LOWEST)]
        while service.state.active < LOWEST:
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

        let_go.set()
        assert await asyncio.gather(*held) == [200] * LOWEST
        assert await status(http, "/api/work") == 200
        assert service.state.active == 0


async def test_more_than_a_service_can_bear_is_refused_and_afterwards_nothing_is() -> None:
    """Driven by itself: so much work that its loop comes round too seldom."""
    limit = Limit()
    async with serving(limit) as (_, http), asyncio.timeout(120):
        answers: list[int] = []
        over = False

        async def keep_asking() -> None:
            while not over:
                answers.append(await status(http, "/api/hard"))

        asking = [asyncio.create_task(keep_asking()) for _ in range(100)]
        while 429 not in answers:
            await asyncio.sleep(0.05)
        over = True
        await asyncio.gather(*asking)
        assert set(answers) == {200, 429}
        while limit.value < 100:
            assert await status(http, "/api/hard") == 200
            await asyncio.sleep(0.02)
