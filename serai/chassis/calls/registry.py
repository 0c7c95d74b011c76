"""The registry client: how a process says where it is and learns where the others are.

It speaks Consul's HTTP dialect and nothing more, so a real Consul at another URL serves as well as our own registry.
The promise to everybody above it is that the registry is never on the path of a request: `Watch.instances` is read
from memory, an answer that does not come changes nothing, and a process that starts while the registry is away goes
on with the last answer it wrote to disk.

Nothing here raises because the registry is down, except `register`, `services` and `health_state`, which ask it
something and must say when there is no answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from serai.chassis.calls import address_cache, proof
from serai.chassis.calls.consul import Entry
from serai.chassis.calls.instance import MAX_WATCHES, Instance, InstanceHealth, Watch

__all__ = [
    "Instance",
    "InstanceHealth",
    "Registry",
    "RegistryError",
    "RegistryRefused",
    "RegistryUnavailable",
    "UnknownToRegistry",
    "Watch",
]

log = logging.getLogger(__name__)

#: A write or a plain read; the registry answers in a few milliseconds or is in trouble.
CALL_TIMEOUT_S = 3.0
CONNECT_TIMEOUT_S = 1.5
#: How long the registry may hold a blocking query. Short enough that a frozen registry is noticed within the minute.
WAIT_S = 30.0
#: Between two blocking queries that were answered at once: a flapping service costs 20 reads a second, not a core.
MIN_POLL_S = 0.05
BACKOFF_MIN_S, BACKOFF_MAX_S = 0.2, 2.0
#: Heartbeats between two looks at whether the registration that they keep alive is still ours.
BEATS_PER_LOOK = 6
#: Consul reaps no sooner than this, so neither do we ask for it.
REAP_AFTER_S = 60
#: When the index has gone back the registry lost its memory: its instances have this long to register again.
AMNESIA_GRACE_S = 15.0

MAX_ANSWER_BYTES = 8 << 20

T = TypeVar("T")


class RegistryError(Exception):
    """The registry did not do what it was asked."""


class RegistryUnavailable(RegistryError):
    """None of the registry's addresses gave a usable answer in time."""


class RegistryRefused(RegistryError):
    """The registry answered that it will not (a wrong token, a bad name): asking the same again changes nothing."""


class UnknownToRegistry(RegistryError):
    """The registry holds nothing under this id; whoever owns the id registers again."""


class Registry:
    """This process's one connection to the registry; several `urls` are replicas of the same registry.

    May be made before the event loop runs; without any URL every call is `RegistryUnavailable`.

    `key` is the seed this process proves its name with, `keys` the public keys by which it believes others theirs.
    """

    def __init__(
        self,
        urls: Sequence[str],
        token: str,
        *,
        cache_dir: Path | None = None,
        session: aiohttp.ClientSession | None = None,
        key: str = "",
        keys: Mapping[str, str] | None = None,
    ) -> None:
        """Raises ValueError for a key that is none."""
        self._urls = [url.rstrip("/") for url in urls]
        self._headers = {"X-Consul-Token": token} if token else {}
        self._cache_dir = cache_dir
        self._key = key
        self._proofs = proof.Proofs(keys or {})
        self._session = session
        self._owns_session = session is None
        self._preferred = 0
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self._instance: Instance | None = None
        self._ttl_s = 10.0
        self._registered = False
        self._draining = False
        self._away = False
        self._back = asyncio.Event()
        # One write at a time: a registration still in flight must not overtake the word that this process is leaving.
        self._writing = asyncio.Lock()

    # What this process says about itself

    async def register(self, instance: Instance, ttl_s: float = 10) -> None:
        """Announce this process as passing; a returning id replaces what was there.

        When this raises RegistryUnavailable nothing is lost: `heartbeat_forever` registers as soon as it can.
        """
        self._instance, self._ttl_s = proof.signed(instance, self._key), ttl_s
        self._registered = self._draining = False
        async with self._writing:
            await self._register(self._instance)

    async def heartbeat_forever(self) -> None:
        """Keep the lease of the registered instance until cancelled, through any outage of the registry.

        One line is logged when the registry goes away or refuses, and one when it is back.
        """
        complaint = ""
        failures = beats = 0
        while True:
            try:
                async with self._writing:
                    await self._beat()
                beats += 1
                if beats % BEATS_PER_LOOK == 0:
                    await self._keep_place()
            except RegistryError as error:
                failures += 1
                if complaint != str(error):
                    complaint = str(error)
                    log.warning("heartbeats do not reach the registry: %s", complaint)
                await self._pause(min(_backoff_s(failures), self._ttl_s / 3))
            else:
                if failures:
                    log.info("heartbeats reach the registry again")
                complaint, failures = "", 0
                await asyncio.sleep(self._ttl_s / 3 * random.uniform(0.9, 1.0))

    async def set_draining(self) -> None:
        """Leave every watcher's list while staying reachable. Best effort: an absent registry lets nobody in anyway."""
        self._draining = True
        if self._instance is not None:
            await self._farewell(
                "drain",
                f"/v1/agent/service/maintenance/{quote(self._instance.id, safe='')}",
                {"enable": "true", "reason": "draining"},
            )

    async def deregister(self) -> None:
        """Give the lease up. Best effort: what cannot be said now, the lease says when it runs out."""
        self._draining = True
        if self._instance is not None:
            await self._farewell("deregister", f"/v1/agent/service/deregister/{quote(self._instance.id, safe='')}", {})
            self._instance, self._registered = None, False

    async def _register(self, instance: Instance) -> None:
        body = {
            "ID": instance.id,
            "Name": instance.service,
            "Address": instance.host,
            "Port": instance.port,
            "Meta": instance.meta,
            "Check": {
                "CheckID": f"service:{instance.id}",
                "TTL": f"{self._ttl_s:g}s",
                "Status": "passing",
                "DeregisterCriticalServiceAfter": f"{REAP_AFTER_S}s",
            },
        }
        # Without the parameter a real Consul would keep the maintenance mode of an earlier life of this id.
        await self._call(
            "PUT",
            "/v1/agent/service/register",
            params={"replace-existing-checks": "true"},
            body=msgspec.json.encode(body),
        )
        self._registered = True

    async def _beat(self) -> None:
        if self._instance is None:
            return
        if not self._registered:
            if not self._draining:
                await self._register(self._instance)
            return
        try:
            await self._call("PUT", f"/v1/agent/check/pass/service:{quote(self._instance.id, safe='')}")
        except UnknownToRegistry:
            self._registered = False
            if not self._draining:
                log.info("the registry has forgotten this instance; registering again")
                await self._register(self._instance)

    async def _keep_place(self) -> None:
        """Register again where somebody else has registered under our id: nobody would believe that registration, and
        our heartbeats would keep it alive."""
        mine = self._instance
        if mine is None or not self._registered:
            return
        answer, _ = await self._call("GET", f"/v1/health/service/{quote(mine.service, safe='')}")
        if mine in [entry.instance() for entry in _decode(answer, list[Entry])]:
            return
        async with self._writing:
            if self._registered and not self._draining:
                log.error("another registration has taken the place of this instance; taking it back")
                await self._register(mine)

    async def _farewell(self, what: str, path: str, params: Mapping[str, str]) -> None:
        try:
            async with self._writing:
                await self._call("PUT", path, params=params)
        except UnknownToRegistry:
            return
        except RegistryError as error:
            log.warning("could not %s at the registry: %s", what, error)

    # What this process learns about others

    def watch(self, service: str) -> Watch:
        """Follow a service from now until `close`; asking twice gives the same watch."""
        if service in self._watches:
            return self._watches[service][0]
        if len(self._watches) >= MAX_WATCHES:
            raise ValueError(f"more than {MAX_WATCHES} services watched")
        watch = Watch(service)
        task = asyncio.create_task(self._follow(watch), name=f"watch {service}")
        self._watches[service] = watch, task
        return watch

    async def services(self) -> dict[str, list[str]]:
        """The names the registry knows, each with the tags of its instances."""
        answer, _ = await self._call("GET", "/v1/catalog/services")
        return _decode(answer, dict[str, list[str]])

    async def health_state(self) -> tuple[InstanceHealth, ...]:
        """Every instance of every service, the failing and the draining ones too, ordered by service and id."""
        names = sorted(await self.services())
        answers = [await self._call("GET", f"/v1/health/service/{quote(name, safe='')}") for name in names]
        entries = [entry for answer, _ in answers for entry in _decode(answer, list[Entry])]
        found = (self._judged(entry.health()) for entry in entries)
        return tuple(sorted(found, key=lambda h: (h.instance.service, h.instance.id)))

    def _judged(self, health: InstanceHealth) -> InstanceHealth:
        """Whoever only claims a name that others of us prove is not well, whatever its check says."""
        service = health.instance.service
        objection = self._proofs.objection(service, health.instance) if self._proofs.knows(service) else ""
        return msgspec.structs.replace(health, status="critical", output=objection) if objection else health

    async def _follow(self, watch: Watch) -> None:
        index, failures = 0, 0
        forgot_at: float | None = None
        while True:
            asked_at = time.monotonic()
            try:
                instances, answered = await self._passing(watch.service, index)
            except RegistryError as error:
                failures += 1
                if failures == 1:
                    log.warning("cannot watch %s: %s", watch.service, error)
                    if watch.version == 0:
                        await self._publish_cached(watch)
                await self._pause(_backoff_s(failures))
                continue
            if failures:
                log.info("watching %s again", watch.service)
                failures = 0

            unchanged = answered == index
            if answered < index:
                # The registry lost its memory (a restore, a new database). Its instances come back with their next
                # heartbeat; until then an empty list means "ask again", not "they are gone".
                forgot_at, answered = asked_at, 0
            index = answered
            if forgot_at is not None and (instances or asked_at - forgot_at > AMNESIA_GRACE_S):
                forgot_at = None
            if forgot_at is None:
                await self._learn(watch, instances)
            else:
                index = 0
            if unchanged or index == 0:
                # Answered without news: the wait was over, or the registry is shutting down and lets its waiters go.
                early = time.monotonic() - asked_at < WAIT_S / 2
                await asyncio.sleep(_backoff_s(2) if early else 0)
            else:
                await asyncio.sleep(max(0.0, MIN_POLL_S - (time.monotonic() - asked_at)))

    async def _pause(self, longest_s: float) -> None:
        """Wait before trying again, no longer than until somebody else of this process had an answer."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._back.wait(), longest_s)

    async def _passing(self, service: str, index: int) -> tuple[tuple[Instance, ...], int]:
        params = {"passing": "true"}
        if index:
            params |= {"index": str(index), "wait": f"{WAIT_S:g}s"}
        answer, answered = await self._call(
            "GET",
            f"/v1/health/service/{quote(service, safe='')}",
            params=params,
            # A Consul adds up to a sixteenth of the wait as jitter.
            timeout_s=CALL_TIMEOUT_S + (WAIT_S * 17 / 16 if index else 0),
        )
        found = sorted((entry.instance() for entry in _decode(answer, list[Entry])), key=lambda i: i.id)
        return self._proofs.proven(service, found), answered

    async def _learn(self, watch: Watch, instances: tuple[Instance, ...]) -> None:
        news = instances != watch.instances
        watch.publish(instances)
        # An empty list would help nobody at the next start; the last addresses that worked may.
        if news and instances and self._cache_dir is not None:
            try:
                await asyncio.to_thread(address_cache.write, self._cache_dir / f"{watch.service}.json", instances)
            except OSError as error:
                log.warning("cannot keep the addresses of %s on disk: %s", watch.service, error)

    async def _publish_cached(self, watch: Watch) -> None:
        if self._cache_dir is None:
            return
        try:
            instances = await asyncio.to_thread(address_cache.read, self._cache_dir / f"{watch.service}.json")
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.warning("the addresses of %s kept on disk are unreadable: %s", watch.service, error)
            return
        # Whoever can write the file could list itself; and an older version of us kept addresses without proofs.
        if instances := self._proofs.proven(watch.service, instances):
            log.warning("using the addresses of %s kept on disk", watch.service)
            watch.publish(instances)

    async def close(self) -> None:
        """Stop watching. Does not deregister: a process that leaves in order has done so before."""
        tasks = [task for _, task in self._watches.values()]
        self._watches.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> tuple[bytes, int]:
        """Ask one registry after the other, beginning with the one that answered last; the body and the index."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=MAX_WATCHES + 16))
        trouble = "no registry is configured"
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
                    answer = await _read_bounded(response)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                trouble = f"{self._urls[number]}: {error or type(error).__name__}"
                continue
            if response.status >= 500 or response.status == 429:
                trouble = f"{self._urls[number]}: status {response.status}"
                continue
            self._preferred = number
            if self._away:
                self._away = False
                self._back.set()
                self._back = asyncio.Event()
            if response.status == 404:
                raise UnknownToRegistry(path)
            if response.status != 200:
                raise RegistryRefused(f"status {response.status}: {answer[:200].decode(errors='replace').strip()}")
            index = response.headers.get("X-Consul-Index", "0")
            return answer, int(index) if index.isdecimal() else 0
        self._away = True
        raise RegistryUnavailable(trouble)


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError(f"answer of more than {MAX_ANSWER_BYTES} bytes")
    return bytes(answer)


def _decode(answer: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=type_)
    except msgspec.DecodeError as error:
        raise RegistryUnavailable(f"the answer makes no sense: {error}") from error


def _backoff_s(failures: int) -> float:
    ceiling = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(failures, 8))
    return random.uniform(ceiling / 2, ceiling)
