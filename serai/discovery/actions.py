"""The actions of the registry. Each one owns its transaction.

A change that clients can see is made under the registry's one lock, in the order: lock, load, decide, increment the
index, save. A heartbeat that changes nothing takes no lock.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from serai.chassis.data.database import Connection, Database
from serai.discovery import domain, store
from serai.discovery.domain import (
    MAX_INSTANCES,
    MAX_SERVICES,
    Registration,
    RegistryFull,
    Status,
    UnknownCheck,
    UnknownInstance,
    Unregistrable,
)

log = logging.getLogger(__name__)

#: If no sweep ran for this long, the registry itself was down (stopped, frozen, or without its database) and could not
#: receive heartbeats.
OUTAGE = timedelta(seconds=3)


async def register(database: Database, registration: Registration, status: Status | None) -> None:
    """Grants a lease. The same registration again renews it; a different one with the same id replaces it.

    Without a `status` a new instance starts as critical, as in Consul, and a known one keeps its status.
    Raises `Unregistrable` for a check id that belongs to another instance, and `RegistryFull`.
    """
    async with database.transaction() as conn:
        now = await store.lock(conn)
        known = await store.by_id(conn, registration.id)
        if known and known.registration == registration and known.lease.maintenance is None:
            renewed = domain.with_report(known.lease, status or known.lease.status, now)
            if not domain.is_visible_change(known.lease, renewed):
                await store.save_lease(conn, registration.id, renewed, known.output, known.modify_index)
                return
        if registration.check_id is not None:
            owner = await store.by_check(conn, registration.check_id)
            if owner and owner.registration.id != registration.id:
                raise Unregistrable(f'Check ID "{registration.check_id}" belongs to another instance')
        await _check_capacity(conn, registration, is_new=known is None)
        if known and known.registration.service != registration.service:
            await store.increment_index(conn, known.registration.service)
        index = await store.increment_index(conn, registration.service)
        unchecked = registration.ttl is None and registration.probe is None
        lease = domain.new_lease(registration, "passing" if unchecked else status or "critical", now)
        await store.upsert(conn, registration, lease, index)


async def deregister(database: Database, instance_id: str) -> None:
    """Raises `UnknownInstance`."""
    async with database.transaction() as conn:
        await store.lock(conn)
        service = await store.remove(conn, instance_id)
        if service is None:
            raise UnknownInstance(instance_id)
        await store.increment_index(conn, service)


async def report(database: Database, check_id: str, status: Status, output: str) -> None:
    """Records a check's status, reported by the instance or by a probe, and renews the lease. Raises `UnknownCheck`."""
    async with database.connection() as conn:
        if await store.renew(conn, check_id, status, output):
            return
    await _report_change(database, check_id, status, output)


async def _report_change(database: Database, check_id: str, status: Status, output: str) -> None:
    async with database.transaction() as conn:
        now = await store.lock(conn)
        known = await store.by_check(conn, check_id)
        if known is None:
            raise UnknownCheck(check_id)
        lease = domain.with_report(known.lease, status, now)
        index = known.modify_index
        if domain.is_visible_change(known.lease, lease):
            index = await store.increment_index(conn, known.registration.service)
        await store.save_lease(conn, known.registration.id, lease, output, index)


async def maintain(database: Database, instance_id: str, reason: str | None) -> None:
    """Puts an instance into maintenance for a reason, or ends its maintenance (None). Raises `UnknownInstance`."""
    async with database.transaction() as conn:
        await store.lock(conn)
        known = await store.by_id(conn, instance_id)
        if known is None:
            raise UnknownInstance(instance_id)
        lease = domain.with_maintenance(known.lease, reason)
        if domain.is_visible_change(known.lease, lease):
            index = await store.increment_index(conn, known.registration.service)
            await store.save_lease(conn, instance_id, lease, known.output, index)


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep changed, by instance id."""

    expired: tuple[str, ...] = ()
    reaped: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


async def sweep(database: Database, outage: timedelta = OUTAGE) -> SweepResult:
    """Expires and removes overdue instances. One replica at a time does it; in the others it returns without a change.

    After an outage of the registry (no sweep for `outage`), all leases get a fresh TTL instead, because heartbeats were
    lost.
    """
    expired: list[str] = []
    reaped: list[str] = []
    protected: list[str] = []
    async with database.transaction() as conn:
        turn = await store.begin_sweep(conn)
        if turn is None:
            return SweepResult()
        if turn.gap > outage:
            log.info("no sweep ran for %.1f s; every lease gets a fresh TTL", turn.gap.total_seconds())
            await store.extend_all_leases(conn)
            await store.finish_sweep(conn, durable=True)
            return SweepResult()
        due = await store.services_with_due_leases(conn)
        now = await store.lock(conn) if due else turn.now
        for service in due:
            decision = domain.decide_sweep(await store.lock_leases(conn, service), now)
            if decision.expired or decision.reaped:
                index = await store.increment_index(conn, service)
                await store.expire(conn, decision.expired, now, index)
                await store.reap(conn, decision.reaped)
            expired += decision.expired
            reaped += decision.reaped
            protected += await store.mark_protected(conn, decision.protected, now)
        await store.finish_sweep(conn, durable=bool(expired or reaped or protected))
    for instance_id in expired:
        log.warning("lease expired", extra={"instance": instance_id})
    for instance_id in reaped:
        log.warning("removed: critical for too long", extra={"instance": instance_id})
    if protected:
        log.error(
            "more than half of a service stopped sending heartbeats; not expired, because the network may be at fault",
            extra={"count": len(protected), "alert": "mass_expiry"},
        )
    return SweepResult(tuple(expired), tuple(reaped), tuple(protected))


async def _check_capacity(conn: Connection, registration: Registration, *, is_new: bool) -> None:
    instances, services = await store.counts(conn)
    if is_new and instances >= MAX_INSTANCES:
        raise RegistryFull
    if services < MAX_SERVICES or await store.service_exists(conn, registration.service):
        return
    # Delete the indexes of services without instances (their clients start again at index 0) rather than refuse a new
    # service.
    await store.delete_empty_services(conn)
    if (await store.counts(conn))[1] >= MAX_SERVICES:
        raise RegistryFull("The registry has reached its maximum number of services.")
