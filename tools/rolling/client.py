"""A buyer's HTTP client that knows every address of the shop, and the book in which its answers are counted.

It goes on to the next address when one takes no connection, which costs nothing, as nothing was sent; and when one asks
for its connection to be closed, which is how a gateway says that it leaves. Whatever else goes wrong is a failure, most
of all a connection that breaks after the request was sent: no client may send an order twice.
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
#: After this time an address that took no connection, or asked for its end, is tried again.
AWAY_S = 2.0
MOST_KEPT = 200


class Lost(Exception):
    """The answer was none of 2xx, or none came. It is counted already."""


@dataclass(frozen=True, slots=True)
class Failure:
    chapter: str
    who: str
    request: str
    address: str
    what: str

    def __str__(self) -> str:
        return f"{self.chapter}: {self.who} {self.request} at {self.address}: {self.what}"


@dataclass(slots=True)
class Book:
    """What all clients saw, by what was being done at the time."""

    chapter: str = "before"
    answers: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    #: How often an address took no connection and the client went on to the next.
    moved_on: Counter[str] = field(default_factory=Counter)
    purchases: Counter[str] = field(default_factory=Counter)
    #: The longest that anybody waited for an answer, in seconds, and for which.
    slowest: dict[str, tuple[float, str]] = field(default_factory=dict)

    def count(self, outcome: str) -> None:
        self.answers.setdefault(self.chapter, Counter())[outcome] += 1

    def time(self, request: str, seconds: float) -> None:
        self.slowest[self.chapter] = max(self.slowest.get(self.chapter, (0.0, "")), (seconds, request))

    def fail(self, who: str, request: str, address: str, what: str) -> None:
        self.count(what.split(":")[0])
        if len(self.failures) < MOST_KEPT:
            self.failures.append(Failure(self.chapter, who, request, address, what))

    def total(self) -> Counter[str]:
        return sum(self.answers.values(), Counter())


class Client:
    """One connection to one address at a time. `first` says which of the addresses is its own."""

    def __init__(self, who: str, addresses: Sequence[str], book: Book, first: int) -> None:
        self.who = who
        self.token = ""
        self._addresses = [*addresses[first % len(addresses) :], *addresses[: first % len(addresses)]]
        self._away_until = [0.0] * len(addresses)
        self._book = book
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
        )
        # Or it would hide a broken connection by asking again.
        self._session._retry_connection = False

    async def close(self) -> None:
        await self._session.close()

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer's document. Raises `Lost`."""
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
                self._away_until[number] = time.monotonic() + AWAY_S
                self._book.moved_on[address] += 1
                continue
            except (aiohttp.ClientError, TimeoutError, OSError) as problem:
                self._book.fail(self.who, request, address, f"{type(problem).__name__}: {problem}")
                raise Lost from problem
            if answer.status == 409 and document and document["code"] == "idempotency_in_progress":
                # What was lost before is still being carried out: come back.
                self._book.count("409 under way")
                raise Lost
            if answer.status // 100 != 2:
                self._book.fail(self.who, request, address, f"{answer.status}: {document}")
                raise Lost
            if answer.headers.get("Connection", "").lower() == "close":
                self._away_until[number] = time.monotonic() + AWAY_S
            self._book.count(str(answer.status))
            self._book.time(request, time.monotonic() - began)
            return document
        self._book.fail(self.who, request, "every address", "no connection")
        raise Lost

    def _candidates(self) -> list[tuple[int, str]]:
        """Its own address first unless that was away a moment ago; all of them in the end."""
        now = time.monotonic()
        return sorted(enumerate(self._addresses), key=lambda each: (self._away_until[each[0]] > now, each[0]))
