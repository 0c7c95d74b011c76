"""The open-loop load generator and its outcome."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import tools.bench.overload as bench
from tools.bench import open_loop
from tools.bench.figures import LoadFailed, Quantiles
from tools.bench.open_loop import Outcome, Plan, Request

PHRASES = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


@pytest.fixture
def url() -> Iterator[str]:
    """A server that responds with the status in the path, and sends Retry-After with 429 only."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            status = int(line.split()[1].strip(b"/"))
            if status == 0:
                break
            retry_after = "Retry-After: 1\r\n" if status == 429 else ""
            # In two writes, as can happen in a network.
            writer.write(f"HTTP/1.1 {status} {PHRASES[status]}\r\nContent-Length: 4\r\n{retry_after}\r\nde".encode())
            await writer.drain()
            writer.write(b"ar")
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        async with server:
            await stopped.wait()

    found: list[int] = []
    loop, stopped, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert ready.wait(10)
    yield f"http://127.0.0.1:{found[0]}"
    loop.call_soon_threadsafe(stopped.set)
    thread.join(10)
    loop.close()


def send(url: str, *statuses: int, rate: float | None = 40.0) -> Outcome:
    requests = [Request("GET", f"/{status}") for status in statuses]
    return open_loop.send(Plan(url, requests, 0.5, rate, connections=2))


def test_every_request_that_is_due_is_accounted_for(url: str) -> None:
    outcome = send(url, 200, 429, 503, 404)
    assert (outcome.due, outcome.good, outcome.refused, outcome.errors) == (20, 5, {"429": 5, "503": 5}, {"404": 5})
    assert outcome.without_retry_after == 5
    assert outcome.good_ms is not None
    assert outcome.refused_ms is not None


def test_a_lost_connection_is_an_error(url: str) -> None:
    outcome = send(url, 0, 200)
    assert (outcome.good, outcome.errors) == (10, {"connection lost": 10})


def test_a_closed_loop_sends_the_next_request_after_a_response(url: str) -> None:
    outcome = send(url, 200, rate=None)
    assert outcome.good == outcome.due > 2


def test_a_refused_connection_is_an_error() -> None:
    assert send("http://127.0.0.1:1", 200).errors.keys() == {"cannot connect: Connection refused"}


def test_the_load_is_limited() -> None:
    with pytest.raises(LoadFailed):
        open_loop.send(Plan("http://127.0.0.1:1", [], 10, 1e6))


def outcome(good: int, refused: int, **errors: int) -> Outcome:
    return Outcome(1.0, good + refused, good, {"503": refused}, errors, 0, 0, Quantiles(1, 2), None)


def test_the_share_kept_under_overload_is_of_the_best_step() -> None:
    steps = [bench.Step(1, 100, outcome(100, 0)), bench.Step(3, 300, outcome(90, 210, lost=2))]
    curve = bench.Curve("cart", 100, steps, bench.Step(0.5, 50, outcome(50, 0, lost=1)))
    assert curve.kept() == 0.9
    assert curve.errors() == {"lost": 3}
    assert list(bench._plot(curve))[1].count(".") == 42
