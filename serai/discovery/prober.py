"""HTTP checks that the registry makes itself, for instances that register one instead of sending heartbeats.

A successful probe counts as a heartbeat. A failed one changes nothing but the check's output, and the lease runs out.
So the mass-expiry guard also applies when the registry is cut off from the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from serai.chassis.data.database import Database
from serai.chassis.errors import Unavailable
from serai.discovery import actions, store
from serai.discovery.consul_json import truncate_output
from serai.discovery.domain import Probe, UnknownCheck

#: Concurrent probes of one replica. Other due probes wait for the next round, or another replica claims them.
MAX_CONCURRENT_PROBES = 64
_INTERVAL_S = 0.5
_OUTPUT_BYTES = 256


def prober(database: Database) -> Callable[[], Awaitable[None]]:
    """A background task that runs the due probes, forever."""

    async def run() -> None:
        connector = aiohttp.TCPConnector(limit=MAX_CONCURRENT_PROBES, force_close=True)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                async with database.connection() as conn:
                    due = await store.claim_probes(conn, MAX_CONCURRENT_PROBES)
                async with asyncio.TaskGroup() as group:
                    for check_id, probe in due:
                        group.create_task(_probe(database, session, check_id, probe))
                await asyncio.sleep(_INTERVAL_S)

    return run


async def _probe(database: Database, session: aiohttp.ClientSession, check_id: str, probe: Probe) -> None:
    passed, output = await _get(session, probe)
    try:
        if passed:
            await actions.report(database, check_id, "passing", output)
        else:
            async with database.connection() as conn:
                await store.save_probe_failure(conn, check_id, output)
    except (UnknownCheck, Unavailable):
        # The instance was deregistered meanwhile, or the database is down. The next round shows which.
        return


async def _get(session: aiohttp.ClientSession, probe: Probe) -> tuple[bool, str]:
    timeout = aiohttp.ClientTimeout(total=probe.timeout.total_seconds())
    try:
        async with session.get(probe.url, timeout=timeout, allow_redirects=False) as response:
            start = await response.content.read(_OUTPUT_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        return False, truncate_output(f"HTTP GET {probe.url}: {error or type(error).__name__}")
    text = start.decode(errors="replace")
    return 200 <= response.status < 300, truncate_output(f"HTTP GET {probe.url}: {response.status} Output: {text}")
