"""The registry client: registers this process and watches the instances of other services.

It uses a part of Consul's HTTP API only, so a real Consul at another URL works as well as our own registry. The
registry is never in the path of a request: `Watch.instances` is read from memory, a failed request to the registry
changes nothing, and a process that starts while the registry is down uses the last response that it wrote to disk.

No method raises because the registry is down, except `register`, `services` and `health_state`, which need a response.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import aiohttp
import msgspec

from serai.chassis.calls import address_cache, proof
from serai.chassis.calls.consul import Entry
from serai.chassis.calls.instance import MAX_WATCHES, Instance, InstanceHealth, Watch
from serai.chassis.calls.registry_http import (
    CALL_TIMEOUT_S,
    RegistryError,
    RegistryHTTP,
    RegistryRefused,
    RegistryUnavailable,
    UnknownToRegistry,
    backoff_s,
    decode,
)

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

#: How long the registry may hold a blocking query, in seconds. Short enough to notice a frozen registry within a
#: minute.
BLOCKING_QUERY_S = 30.0
#: Shortest interval between two queries of one service. A service that changes all the time then costs 20 reads a
#: second instead of a whole core.
MIN_POLL_INTERVAL_S = 0.05
#: Number of heartbeats between two checks that the registration is still our own.
HEARTBEATS_PER_CHECK = 6
#: When to remove an instance whose lease expired. Consul allows no less.
REAP_AFTER_S = 60
#: When the Consul index decreases, the registry has lost its data. Its instances then have this long to register again.
RELOAD_GRACE_S = 15.0


class Registry:
    """This process's connection to the registry. Several `urls` are replicas of one registry.

    May be created before the event loop runs. Without any URL every call raises `RegistryUnavailable`.

    `key` is the seed with which this process proves its name; `keys` are the public keys with which it verifies the
    names of others.
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
        """Raises ValueError for a malformed key."""
        self._http = RegistryHTTP(urls, token, session)
        self._cache_dir = cache_dir
        self._key = key
        self._proofs = proof.Proofs(keys or {})
        self._watches: dict[str, tuple[Watch, asyncio.Task[None]]] = {}
        self._instance: Instance | None = None
        self._ttl_s = 10.0
        self._registered = False
        self._draining = False
        # One write at a time: a registration in flight must not overtake the request that marks this process as
        # draining.
        self._write_lock = asyncio.Lock()

    # This process's own registration

    async def register(self, instance: Instance, ttl_s: float = 10) -> None:
        """Register this process as passing, replacing an earlier registration with the same id.

        Raises RegistryUnavailable, after which `heartbeat_forever` registers as soon as it can.
        """
        self._instance, self._ttl_s = proof.signed(instance, self._key), ttl_s
        self._registered = self._draining = False
        async with self._write_lock:
            await self._register(self._instance)

    async def heartbeat_forever(self) -> None:
        """Keep the lease of the registered instance alive until cancelled, through any outage of the registry.

        Logs one line when the registry fails or refuses, and one when it has recovered.
        """
        last_error = ""
        failures = heartbeats = 0
        while True:
            try:
                async with self._write_lock:
                    await self._send_heartbeat()
                heartbeats += 1
                if heartbeats % HEARTBEATS_PER_CHECK == 0:
                    await self._check_registration()
            except RegistryError as error:
                failures += 1
                if last_error != str(error):
                    last_error = str(error)
                    log.warning("heartbeats do not reach the registry: %s", last_error)
                await self._http.pause(min(backoff_s(failures), self._ttl_s / 3))
            else:
                if failures:
                    log.info("heartbeats reach the registry again")
                last_error, failures = "", 0
                await asyncio.sleep(self._ttl_s / 3 * random.uniform(0.9, 1.0))

    async def set_draining(self) -> None:
        """Remove this instance from every watcher's list while it stays reachable. Best effort: without a registry no
        new watcher finds it either."""
        self._draining = True
        if self._instance is not None:
            await self._announce(
                "mark this instance as draining",
                f"/v1/agent/service/maintenance/{quote(self._instance.id, safe='')}",
                {"enable": "true", "reason": "draining"},
            )

    async def deregister(self) -> None:
        """Give up the lease. Best effort: otherwise the lease expires."""
        self._draining = True
        if self._instance is not None:
            await self._announce(
                "deregister this instance", f"/v1/agent/service/deregister/{quote(self._instance.id, safe='')}", {}
            )
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
        # Without the parameter a real Consul keeps the maintenance mode of an earlier registration with this id.
        await self._http.call(
            "PUT",
            "/v1/agent/service/register",
            params={"replace-existing-checks": "true"},
            body=msgspec.json.encode(body),
        )
        self._registered = True

    async def _send_heartbeat(self) -> None:
        if self._instance is None:
            return
        if not self._registered:
            if not self._draining:
                await self._register(self._instance)
            return
        try:
            await self._http.call("PUT", f"/v1/agent/check/pass/service:{quote(self._instance.id, safe='')}")
        except UnknownToRegistry:
            self._registered = False
            if not self._draining:
                log.info("the registry has lost this instance; registering it again")
                await self._register(self._instance)

    async def _check_registration(self) -> None:
        """Register again if another process has registered under our id. Watchers ignore that registration, which has
        no valid proof, but our heartbeats would keep it alive."""
        own = self._instance
        if own is None or not self._registered:
            return
        content, _ = await self._http.call("GET", f"/v1/health/service/{quote(own.service, safe='')}")
        if own in [entry.instance() for entry in decode(content, list[Entry])]:
            return
        async with self._write_lock:
            if self._registered and not self._draining:
                log.error("another process has registered under the id of this instance; registering again")
                await self._register(own)

    async def _announce(self, what: str, path: str, params: Mapping[str, str]) -> None:
        try:
            async with self._write_lock:
                await self._http.call("PUT", path, params=params)
        except UnknownToRegistry:
            return
        except RegistryError as error:
            log.warning("the registry did not accept the request to %s: %s", what, error)

    # Instances of other services

    def watch(self, service: str) -> Watch:
        """Watch a service until `close`. A second call for the same service returns the same watch."""
        if service in self._watches:
            return self._watches[service][0]
        if len(self._watches) >= MAX_WATCHES:
            raise ValueError(f"more than {MAX_WATCHES} services watched")
        watch = Watch(service)
        task = asyncio.create_task(self._poll(watch), name=f"watch {service}")
        self._watches[service] = watch, task
        return watch

    async def services(self) -> dict[str, list[str]]:
        """The names of all registered services, each with the tags of its instances."""
        content, _ = await self._http.call("GET", "/v1/catalog/services")
        return decode(content, dict[str, list[str]])

    async def health_state(self) -> tuple[InstanceHealth, ...]:
        """Every instance of every service, including failing and draining ones, ordered by service and id."""
        names = sorted(await self.services())
        contents = [await self._http.call("GET", f"/v1/health/service/{quote(name, safe='')}") for name in names]
        entries = [entry for content, _ in contents for entry in decode(content, list[Entry])]
        found = (self._with_proof_check(entry.health()) for entry in entries)
        return tuple(sorted(found, key=lambda h: (h.instance.service, h.instance.id)))

    def _with_proof_check(self, health: InstanceHealth) -> InstanceHealth:
        """Report an instance as critical, whatever its checks say, if it does not prove the name of a service whose key
        we know."""
        service = health.instance.service
        objection = self._proofs.objection(service, health.instance) if self._proofs.knows(service) else ""
        return msgspec.structs.replace(health, status="critical", output=objection) if objection else health

    async def _poll(self, watch: Watch) -> None:
        index, failures = 0, 0
        lost_at: float | None = None
        while True:
            requested_at = time.monotonic()
            try:
                instances, new_index = await self._passing(watch.service, index)
            except RegistryError as error:
                failures += 1
                if failures == 1:
                    log.warning("cannot watch %s: %s", watch.service, error)
                    if watch.version == 0:
                        await self._publish_cached(watch)
                await self._http.pause(backoff_s(failures))
                continue
            if failures:
                log.info("watching %s again", watch.service)
                failures = 0

            unchanged = new_index == index
            if new_index < index:
                # The registry lost its data (a restore, a new database). Its instances register again with their next
                # heartbeat. Until then an empty list does not mean that they have gone.
                lost_at, new_index = requested_at, 0
            index = new_index
            if lost_at is not None and (instances or requested_at - lost_at > RELOAD_GRACE_S):
                lost_at = None
            if lost_at is None:
                await self._update(watch, instances)
            else:
                index = 0
            if unchanged or index == 0:
                # No change: the wait elapsed, or the registry is shutting down and releases its blocking queries.
                returned_early = time.monotonic() - requested_at < BLOCKING_QUERY_S / 2
                await asyncio.sleep(backoff_s(2) if returned_early else 0)
            else:
                await asyncio.sleep(max(0.0, MIN_POLL_INTERVAL_S - (time.monotonic() - requested_at)))

    async def _passing(self, service: str, index: int) -> tuple[tuple[Instance, ...], int]:
        params = {"passing": "true"}
        if index:
            params |= {"index": str(index), "wait": f"{BLOCKING_QUERY_S:g}s"}
        content, new_index = await self._http.call(
            "GET",
            f"/v1/health/service/{quote(service, safe='')}",
            params=params,
            # Consul adds up to a sixteenth of the wait as jitter.
            timeout_s=CALL_TIMEOUT_S + (BLOCKING_QUERY_S * 17 / 16 if index else 0),
        )
        found = sorted((entry.instance() for entry in decode(content, list[Entry])), key=lambda i: i.id)
        return self._proofs.proven(service, found), new_index

    async def _update(self, watch: Watch, instances: tuple[Instance, ...]) -> None:
        is_new = instances != watch.instances
        watch.publish(instances)
        # An empty list is of no use at the next start, but the last known addresses may be.
        if is_new and instances and self._cache_dir is not None:
            try:
                await asyncio.to_thread(address_cache.write, self._cache_dir / f"{watch.service}.json", instances)
            except OSError as error:
                log.warning("cannot write the addresses of %s to disk: %s", watch.service, error)

    async def _publish_cached(self, watch: Watch) -> None:
        if self._cache_dir is None:
            return
        try:
            instances = await asyncio.to_thread(address_cache.read, self._cache_dir / f"{watch.service}.json")
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            log.warning("cannot read the addresses of %s from disk: %s", watch.service, error)
            return
        # Verified again: a process that can write the file could add an instance, and older versions cached addresses
        # without proofs.
        if instances := self._proofs.proven(watch.service, instances):
            log.warning("using the addresses of %s from disk", watch.service)
            watch.publish(instances)

    async def close(self) -> None:
        """Stop watching. Does not deregister: a process that drains has done so before."""
        tasks = [task for _, task in self._watches.values()]
        self._watches.clear()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._http.close()
