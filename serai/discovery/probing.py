"""Checks that the registry makes itself, for instances that ask for one instead of sending heartbeats.

A good answer is a heartbeat sent on the instance's behalf. A bad one is nothing at all: the lease then ends by itself,
so that a registry cut off from everybody is held back by the same guard as one that nobody can reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from serai.chassis.data.database import Database
from serai.chassis.errors import Unavailable
from serai.discovery import actions, store
from serai.discovery.domain import Probe, UnknownCheck
from serai.discovery.wire import clipped

#: Probes that one replica has under way; what is not taken is due for the next round or the next replica.
MAX_AT_ONCE = 64
_ROUND_S = 0.5
_SHOWN_BYTES = 256


def prober(database: Database) -> Callable[[], Awaitable[None]]:
    """The background work that probes what is due, for ever."""

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=MAX_AT_ONCE, force_close=True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                async with database.connection() as conn:
                    due = await store.take_probes(conn, MAX_AT_ONCE)
                async with asyncio.TaskGroup() as group:
                    for check_id, probe in due:
                        group.create_task(_probe(database, session, check_id, probe))
                await asyncio.sleep(_ROUND_S)

    return run


async def _probe(database: Database, session: aiohttp.ClientSession, check_id: str, probe: Probe) -> None:
    good, output = await _ask(session, probe)
    try:
        if good:
            await actions.report(database, check_id, "passing", output)
        else:
            async with database.connection() as conn:
                await store.note_failed_probe(conn, check_id, output)
    except (UnknownCheck, Unavailable):
        # Deregistered meanwhile, or the database is away: the next round finds out.
        return


async def _ask(session: aiohttp.ClientSession, probe: Probe) -> tuple[bool, str]:
    timeout = aiohttp.ClientTimeout(total=probe.timeout.total_seconds())
    try:
        async with session.get(probe.url, timeout=timeout, allow_redirects=False) as response:
            start = await response.content.read(_SHOWN_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return False, clipped(f"HTTP GET {probe.url}: {error or type(error).__name__}")
    text = start.decode(errors="replace")
    return 200 <= response.status < 300, clipped(f"HTTP GET {probe.url}: {response.status} Output: {text}")
