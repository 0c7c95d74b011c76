"""Requests that arrive when they arrive, answered or not, in a process of its own: reads what to do from stdin, says
what came of it on stdout, as JSON.

A closed loop asks less as soon as it is answered later, and so cannot overload anything. Here each request has a time
at which it is due, and what it takes is counted from then on.
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
#: This many requests may be unanswered at once. Beyond it a request that is due is not sent, and counted as unsent.
MAX_CONNECTIONS = 1_500
MAX_REQUESTS = 400_000
#: How long what was sent may take to be answered after the last one was.
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


class Orders(msgspec.Struct, frozen=True):
    """What is sent, one after the other and over again."""

    url: str
    requests: list[Request]
    seconds: float
    #: A second; None asks as fast as `connections` are answered.
    rate: float | None = None
    connections: int = 64
    #: The processor's core to run on, if the shop has others.
    core: int | None = None


class Outcome(msgspec.Struct, frozen=True):
    """Of the requests that were due in the time. Rates are a second."""

    seconds: float
    due: int
    good: int
    #: 429 and 503, by status.
    refused: dict[str, int]
    #: Anything else, by what it was.
    errors: dict[str, int]
    #: What was due while all connections waited: the load's own bound.
    unsent: int
    #: Refusals that do not say when to come back.
    without_retry_after: int
    good_ms: Quantiles | None
    refused_ms: Quantiles | None

    @property
    def good_per_s(self) -> float:
        return self.good / self.seconds

    @property
    def refused_per_s(self) -> float:
        return sum(self.refused.values()) / self.seconds


def send(orders: Orders) -> Outcome:
    """Raises `LoadFailed` when the load itself cannot be made."""
    if orders.rate is not None and orders.rate * orders.seconds > MAX_REQUESTS:
        raise LoadFailed(f"{orders.rate:,.0f} requests a second for {orders.seconds:g} s are too many for one process")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.bench.arrivals"],
            input=msgspec.json.encode(orders),
            capture_output=True,
            cwd=ROOT,
            env=os.environ,
            timeout=orders.seconds + GRACE_S + 30.0,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed("the load did not come to its end") from None
    if done.returncode != 0:
        raise LoadFailed(f"the load ended with {done.returncode}:\n{done.stderr.decode(errors='replace')[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Outcome)


class _Connection(asyncio.Protocol):
    """Speaks just enough HTTP for our own gateway: one request at a time, answers with a Content-Length."""

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
    def __init__(self, orders: Orders) -> None:
        parts = urlsplit(orders.url)
        assert parts.hostname == "127.0.0.1", "load stays on this machine"
        self._port = parts.port or 80
        self._orders = orders
        self._requests = [request.raw(parts.netloc) for request in orders.requests]
        self._idle: list[_Connection] = []
        self._open = 0
        self._opening: set[asyncio.Task[None]] = set()
        self._due = self._unanswered = 0
        self._good: list[float] = []
        self._refused: list[float] = []
        self._statuses: dict[str, int] = {}
        self._errors: dict[str, int] = {}
        self._unsent = self._bare = 0
        self._until = 0.0

    async def run(self) -> Outcome:
        began = time.perf_counter()
        self._until = began + self._orders.seconds
        if self._orders.rate is None:
            for _ in range(self._orders.connections):
                self._ask(time.perf_counter())
            await asyncio.sleep(self._orders.seconds)
        else:
            total = int(self._orders.rate * self._orders.seconds)
            while self._due < total:
                until = min(total, int((time.perf_counter() - began) * self._orders.rate) + 1)
                while self._due < until:
                    self._ask(began + self._due / self._orders.rate)
                await asyncio.sleep(_TICK_S)
        deadline = time.perf_counter() + GRACE_S
        while self._unanswered and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        if self._unanswered:
            self._count(self._errors, "no answer", self._unanswered)
        return Outcome(
            self._orders.seconds,
            self._due,
            len(self._good),
            self._statuses,
            self._errors,
            self._unsent,
            self._bare,
            quantiles(self._good),
            quantiles(self._refused),
        )

    def answered(self, connection: _Connection, status: int, says_when: bool, *, reusable: bool) -> None:
        took = time.perf_counter() - connection.due_at
        self._unanswered -= 1
        if 200 <= status < 300:
            self._good.append(took)
        elif status in _REFUSALS:
            self._refused.append(took)
            self._count(self._statuses, str(status))
            self._bare += not says_when
        else:
            self._count(self._errors, str(status))
        if reusable:
            self._idle.append(connection)
        if self._orders.rate is None and time.perf_counter() < self._until:
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
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Orders)
    if told.core is not None:
        os.sched_setaffinity(0, {told.core})
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_Load(told).run())))
