"""An HTTP client that knows every address of the shop, and the statistics of its responses.

It uses the next address when one refuses the connection, which is safe because nothing was sent, and when a gateway
asks to close the connection, which is how a draining gateway announces itself. Anything else is a failure, above all a
connection that breaks after the request was sent: no client may send an order twice.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
#: After this time an address that refused a connection or closed it is tried again.
RETRY_AFTER_S = 2.0
MAX_FAILURES = 200


class RequestFailed(Exception):
    """The response was not 2xx, or there was none. It has been counted."""


@dataclass(frozen=True, slots=True)
class Failure:
    step: str
    who: str
    request: str
    address: str
    what: str

    def __str__(self) -> str:
        return f"{self.step}: {self.who} {self.request} at {self.address}: {self.what}"


@dataclass(slots=True)
class Statistics:
    """The responses of all clients, by the step of the scenario."""

    step: str = "before"
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    #: How often an address refused a connection, so that the client used the next one.
    connection_failures: Counter[str] = field(default_factory=Counter)
    purchases: Counter[str] = field(default_factory=Counter)
    #: The longest response time in seconds, and its request.
    slowest: dict[str, tuple[float, str]] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        self.answers.setdefault(self.step, Counter())[outcome] += 1

    def time(self, request: str, seconds: float) -> None:
        self.slowest[self.step] = max(self.slowest.get(self.step, (0.0, "")), (seconds, request))

    def fail(self, who: str, request: str, address: str, what: str) -> None:
        self.count(what.split(":")[0])
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(Failure(self.step, who, request, address, what))

    def total(self) -> Counter[str]:
        return sum(self.answers.values(), Counter())


class Client:
    """One connection to one address at a time. `first` is the index of the address that it prefers."""

    def __init__(self, who: str, addresses: Sequence[str], statistics: Statistics, first: int) -> None:
        self.who = who
        self.token = ""
        self._addresses = [*addresses[first % len(addresses) :], *addresses[: first % len(addresses)]]
        self._unavailable_until = [0.0] * len(addresses)
        self._book = statistics
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
        )
        # aiohttp would hide a broken connection by repeating the request.
        self._session._retry_connection = False

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """The response's document. Raises `RequestFailed`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        request = f"{method} {path}"
        began = time.monotonic()
        for number, address in self._candidates():
            try:
                async with self._session.request(method, address + path, json=body, headers=headers) as answer:
                    raw = await answer.read()
                    document = await answer.json(content_type=None) if raw else None
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                self._unavailable_until[number] = time.monotonic() + RETRY_AFTER_S
                self._book.connection_failures[address] += 1
                continue
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                self._book.fail(self.who, request, address, f"{type(problem).__name__}: {problem}")
                raise RequestFailed from problem
            if answer.status == 409 and document and document["code"] == "idempotency_in_progress":
                # The earlier request is still in progress: retry later.
                self._book.count("409 in progress")
                raise RequestFailed
            if answer.status // 100 != 2:
                self._book.fail(self.who, request, address, f"{answer.status}: {document}")
                raise RequestFailed
            if answer.headers.get("Connection", "").lower() == "close":
                self._unavailable_until[number] = time.monotonic() + RETRY_AFTER_S
            self._book.count(str(answer.status))
            self._book.time(request, time.monotonic() - began)
            return document
        self._book.fail(self.who, request, "every address", "no connection")
        raise RequestFailed

    def _candidates(self) -> list[tuple[int, str]]:
        """Its preferred address first, unless that was unavailable a moment ago; then all others."""
        now = time.monotonic()
        return sorted(enumerate(self._addresses), key=lambda each: (self._unavailable_until[each[0]] > now, each[0]))
