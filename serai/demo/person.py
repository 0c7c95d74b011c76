"""Somebody who uses the shop through its gateway, as a browser would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

_CARD = {"number": "4242 4242 4242 4242", "exp": "12 / 34", "cvc": "123", "action": "pay"}
#: Statuses after which the same request is sent again: a service is busy, or just starting.
_RETRIED = frozenset({429, 502, 503, 504})
_RETRY_AFTER_S = 0.1

Json = dict[str, Any]


class Incomplete(Exception):
    """Not all of the orders could be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway, and the name it serves the shop under."""

    gateway: str
    host: str


class Person:
    def __init__(self, place: Place, login: Mapping[str, str]) -> None:
        self._url = place.gateway
        self.email = login["email"]
        self._password = login["password"]
        # On loopback the certificate's name is another one, and cookies belong to an address.
        self._http = aiohttp.ClientSession(
            headers={"Host": place.host},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(ssl=False),
            timeout=aiohttp.ClientTimeout(total=15.0),
        )
        self.name = ""

    async def sign_in(self) -> None:
        body = {"email": self.email, "password": self._password}
        _, answer = await self.ask("POST", "/api/auth/login", body)
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self.name = answer["user"]["name"]

    async def leave(self) -> None:
        """End the session, so that the list of a demo account's sessions holds its owner's only."""
        try:
            if self.name:
                async with self._http.post(f"{self._url}/api/auth/logout"):
                    pass
        except (aiohttp.ClientError, TimeoutError):
            # It ends by itself.
            pass
        finally:
            await self._http.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        key: str | None = None,
        refusals: tuple[str, ...] = (),
    ) -> tuple[int, Json]:
        """Status and document of an answer: one that does what was asked, or refuses with a code of `refusals`. Raises
        `Incomplete` for any other."""
        headers = {"Idempotency-Key": key or str(uuid4())} if method == "POST" else {}
        while True:
            async with self._http.request(method, f"{self._url}{path}", json=body, headers=headers) as answer:
                if answer.status not in _RETRIED:
                    document: Json = await answer.json(content_type=None)
                    if answer.ok or document.get("code") in refusals:
                        return answer.status, document
                    raise Incomplete(f"{method} {path} was refused ({answer.status}): {document.get('detail')}")
            await asyncio.sleep(_RETRY_AFTER_S)

    async def pay(self, page: str) -> None:
        """Fill in the payment page's form; where it leads to afterwards is for browsers."""
        async with self._http.post(page, data={**_CARD, "name": self.name}, allow_redirects=False) as answer:
            if answer.status != 303:
                raise Incomplete(f"the payment page answered {answer.status}")
