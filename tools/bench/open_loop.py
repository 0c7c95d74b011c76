"""Open-loop load, in its own process: requests are sent at their due time, whether or not earlier ones have been
answered. The process reads its plan from stdin and writes the outcome to stdout, as JSON.

A closed loop sends fewer requests when responses are slow, so it cannot overload anything. Here latency is measured
from a request's due time.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from tools.bench.figures import LoadFailed, Quantiles, quantiles

ROOT = Path(__file__).parent.parent.parent
#: Maximum of unanswered requests. Above it a due request is not sent, and is counted as unsent.
MAX_CONNECTIONS = 1_500
MAX_REQUESTS = 400_000
#: How long to wait for responses after the last request was sent.
GRACE_S = 10.0
_TICK_S = 0.001
_REFUSALS = (429, 503)


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    body: str = ""

    def raw(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body.encode())}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


class Plan(msgspec.Struct, frozen=True):
    """The requests, which are sent in a cycle."""

    url: str
    requests: list[Request]
    seconds: float
    #: Requests per second; None sends the next request when one of `connections` is answered.
    rate: float | None = None
    connections: int = 64
    #: The CPU core to run on, if the shop uses others.
    core: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of the requests that were due. Rates are per second."""

    seconds: float
    due: int
    good: int
    #: Number of 429 and 503 responses.
    refused: dict[str, int]
    #: Number of other errors, by kind.
    errors: dict[str, int]
    #: Due while all connections were busy: the bound of the load generator.
    unsent: int
    #: 429 and 503 responses without Retry-After.
    without_retry_after: int
    good_ms: Quantiles | None
    refused_ms: Quantiles | None

    @property
    def good_per_s(self) -> float:
        return self.good / self.seconds

    @property
    def refused_per_s(self) -> float:
        return sum(self.refused.values()) / self.seconds


def send(plan: Plan) -> Outcome:
    """Raises `LoadFailed` when the load cannot be generated."""
    if plan.rate is not None and plan.rate * plan.seconds > MAX_REQUESTS:
        raise LoadFailed(f"{plan.rate:,.0f} requests a second for {plan.seconds:g} s are too many for one process")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench.open_loop"],
            input=msgspec.json.encode(plan),
            capture_output=True,
            cwd=ROOT,
            env=os.environ,
            timeout=plan.seconds + GRACE_S + 30.0,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load generator did not finish") from None
    if done.returncode != 0:
        raise LoadFailed(f"the load ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


class _Connection(asyncio.Protocol):
    """A minimal HTTP client for our gateway: one request at a time, responses with Content-Length."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._waiting: bytes | None = None
        self.due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._waiting is not None:
            self._transport.write(self._waiting)

    def ask(self, request: bytes, due_at: float) -> None:
        self.due_at = due_at
        self._waiting = request
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received = self._received + data if self._received else data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = received[: end + 2].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:
            self._load.failed(self, "an answer without Content-Length")
            self.close()
            return
        length = int(head[at + 17 : head.index(b"\r\n", at + 17)])
        if len(received) < end + 4 + length:
            return
        self._received = b""
        self._waiting = None
        closes = b"\r\nconnection: close\r\n" in head
        self._load.answered(self, int(head[9:12]), b"\r\nretry-after:" in head, reusable=not closes)
        if closes:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting = None
            self._load.failed(self, "connection lost")
        self._load.lost(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Load:
    def __init__(self, plan: Plan) -> None:
        parts = urlsplit(plan.url)
        assert parts.hostname == "127.0.0.1", "load is only sent to this machine"
        self._port = parts.port or 80
        self._plan = plan
        self._requests = [request.raw(parts.netloc) for request in plan.requests]
        self._idle: list[_Connection] = []
        self._open = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._due = self._unanswered = 0
        self._good: list[float] = []
        self._refused: list[float] = []
        self._statuses: dict[str, int] = {}
        self._errors: dict[str, int] = {}
        self._unsent = self._without_retry_after = 0
        self._until = 0.0

    async def run(self) -> Outcome:
        began = time.perf_counter()
        self._until = began + self._plan.seconds
        if self._plan.rate is None:
            for _ in range(self._plan.connections):
                self._ask(time.perf_counter())
            await asyncio.sleep(self._plan.seconds)
        else:
            total = int(self._plan.rate * self._plan.seconds)
            while self._due < total:
                until = min(total, int((time.perf_counter() - began) * self._plan.rate) + 1)
                while self._due < until:
                    self._ask(began + self._due / self._plan.rate)
                await asyncio.sleep(_TICK_S)
        deadline = time.perf_counter() + GRACE_S
        while self._unanswered and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        if self._unanswered:
            self._count(self._errors, "no answer", self._unanswered)
        return Outcome(
            self._plan.seconds,
            self._due,
            len(self._good),
            self._statuses,
            self._errors,
            self._unsent,
            self._without_retry_after,
            quantiles(self._good),
            quantiles(self._refused),
        )

    def answered(self, connection: _Connection, status: int, has_retry_after: bool, *, reusable: bool) -> None:
        took = time.perf_counter() - connection.due_at
        self._unanswered -= 1
        if 200 <= status < 300:
            self._good.append(took)
        elif status in _REFUSALS:
            self._refused.append(took)
            self._count(self._statuses, str(status))
            self._without_retry_after += not has_retry_after
        else:
            self._count(self._errors, str(status))
        if reusable:
            self._idle.append(connection)
        if self._plan.rate is None and time.perf_counter() < self._until:
            self._ask(time.perf_counter())

    def failed(self, _: _Connection, what: str) -> None:
        self._unanswered -= 1
        self._count(self._errors, what)

    def lost(self, connection: _Connection) -> None:
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)

    def _ask(self, due_at: float) -> None:
        request = self._requests[self._due % len(self._requests)]
        self._due += 1
        if self._idle:
            connection = self._idle.pop()
        elif self._open < MAX_CONNECTIONS:
            connection = self._connect()
        else:
            self._unsent += 1
            return
        self._unanswered += 1
        connection.ask(request, due_at)

    def _connect(self) -> _Connection:
        self._open += 1
        connection = _Connection(self)

        async def connect() -> None:
            try:
                await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", self._port)
            except OSError as problem:
                self.failed(connection, f"cannot connect: {problem.strerror}")
                self._open -= 1

        task = asyncio.create_task(connect())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return connection

    @staticmethod
    def _count(where: dict[str, int], what: str, count: int = 1) -> None:
        where[what] = where.get(what, 0) + count


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_Load(plan).run())))
