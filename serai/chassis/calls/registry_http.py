"""Requests to the registry: failover between replicas, bounded responses, and backoff while none of them answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

import aiohttp
import msgspec

from serai.chassis.calls.instance import MAX_WATCHES

#: A write or a non-blocking read takes the registry a few milliseconds.
CALL_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 1.5
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.2, 2.0
MAX_RESPONSE_BYTES = 8 << 20

T = TypeVar("T")


class RegistryError(Exception):
    """A request to the registry failed."""


class RegistryUnavailable(RegistryError):
    """None of the registry's addresses gave a usable response in time."""


class RegistryRefused(RegistryError):
    """The registry refused the request (wrong token, invalid name). Repeating it changes nothing."""


class UnknownToRegistry(RegistryError):
    """The registry has nothing under this id. The owner of the id must register again."""


class RegistryHTTP:
    """Sends requests to the registry's replicas at `urls`. May be created before the event loop runs."""

    def __init__(self, urls: Sequence[str], token: str, session: aiohttp.ClientSession | None) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._headers = {"X-Consul-Token": token} if token else {}
        self._session = session
        self._owns_session = session is None
        #: Index of the URL that answered last.
        self._preferred = 0
        self._is_down = False
        self._recovered = asyncio.Event()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> tuple[bytes, int]:
        """Try each URL once, beginning with the one that answered last. Returns the body and the Consul index. Raises
        `RegistryError`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MAX_WATCHES + 16))
        reason = "no registry is configured"
        for offset in range(len(self._urls)):
            number = (self._preferred + offset) % len(self._urls)
            try:
                async with self._session.request(
                    method,
                    self._urls[number] + path,
                    params=params,
                    data=body,
                    headers=self._headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S),
                ) as response:
                    content = await _read_bounded(response)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = f"{self._urls[number]}: {error or type(error).__name__}"
                continue
            if response.status >= 500 or response.status == 429:
                reason = f"{self._urls[number]}: status {response.status}"
                continue
            self._preferred = number
            if self._is_down:
                self._is_down = False
                self._recovered.set()
                self._recovered = asyncio.Event()
            if response.status == 404:
                raise UnknownToRegistry(path)
            if response.status != 200:
                raise RegistryRefused(f"status {response.status}: {content[:200].decode(errors='replace').strip()}")
            index = response.headers.get("X-Consul-Index", "0")
            return content, int(index) if index.isdecimal() else 0
        self._is_down = True
        raise RegistryUnavailable(reason)

    async def pause(self, max_s: float) -> None:
        """Wait `max_s` seconds before a retry, or less if another request of this process is answered meanwhile."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._recovered.wait(), max_s)

    async def close(self) -> None:
        if self._owns_session and self._session is not None:
            await self._session.close()


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_RESPONSE_BYTES:
            raise aiohttp.ClientPayloadError(f"response of more than {MAX_RESPONSE_BYTES} bytes")
    return bytes(content)


def decode(content: bytes, type_: type[T]) -> T:
    """Decode a response. Raises `RegistryUnavailable` when it is not what Consul's API would send."""
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.DecodeError as error:
        raise RegistryUnavailable(f"the response is malformed: {error}") from error


def backoff_s(failures: int) -> float:
    ceiling = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(failures, 8))
    return random.uniform(ceiling / 2, ceiling)
