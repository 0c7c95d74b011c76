"""A client that uses the shop through its gateway as a browser would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

_CARD = {"number": "4242 4242 4242 4242", "exp": "12 / 34", "cvc": "123", "action": "pay"}
#: Statuses after which the request is retried: a service is busy or starting.
_RETRIED = frozenset({429, 502, 503, 504})
_RETRY_AFTER_S = 0.1

Json = dict[str, Any]


class Incomplete(Exception):
    """Not all orders could be placed; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway's address, and the host name that it serves."""

    gateway: str
    host: str


class Person:
    def __init__(self, place: Place, login: Mapping[str, str]) -> None:
        self._url = place.gateway
        self.email = login["email"]
        self._password = login["password"]
        # The certificate is not for the loopback address, and cookies for IP addresses are rejected by default.
        self._http = aiohttp.ClientSession(
            headers={"Host": place.host},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(ssl=False),
            timeout=aiohttp.ClientTimeout(total=15.0),
        )
        self.name = ""

    async def sign_in(self) -> None:
        body = {"email": self.email, "password": self._password}
        _, answer = await self.request("POST", "/api/auth/login", body)
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        self.name = answer["user"]["name"]

    async def sign_out(self) -> None:
        """End the session, so that an account's list of sessions contains only those of its owner."""
        try:
            if self.name:
                async with self._http.post(f"{self._url}/api/auth/logout"):
                    pass
        except (aiohttp.ClientError, TimeoutError):
            # The session expires by itself.
            pass
        finally:
            await self._http.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        key: str | None = None,
        refusals: tuple[str, ...] = (),
    ) -> tuple[int, Json]:
        """Status and document of a successful response, or of an error with a code in `refusals`. Raises `Incomplete`
        for any other response."""
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
        """Submit the payment page's form. The redirect after it is not followed."""
        async with self._http.post(page, data={**_CARD, "name": self.name}, allow_redirects=False) as answer:
            if answer.status != 303:
                raise Incomplete(f"the payment page answered {answer.status}")
