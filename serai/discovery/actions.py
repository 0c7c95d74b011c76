"""What can be done to the registry, one verb each; every one owns its transaction.

Whatever watchers must hear of happens under the registry's one lock, in the order: lock, load, decide, move the index,
save. Heartbeats without news stay outside of it.
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

#: When nobody has looked at the leases for this long, the registry itself was away (stopped, frozen, without its
#: database), and so were the heartbeats.
OUTAGE = timedelta(seconds=3)


async def register(database: Database, registration: Registration, status: Status | None) -> None:
    """Grant a lease. The same registration again only renews it; another one with its id replaces it.

    Without a `status` a new instance starts as critical, as Consul's do, and one that is known keeps its own.
    Raises `Unregistrable` for a check id that belongs to another instance, `RegistryFull`.
    """
    async with database.transaction() as conn:
        now = await store.lock(conn)
        known = await store.by_id(conn, registration.id)
        if known and known.registration == registration and known.lease.maintenance is None:
            renewed = domain.reported(known.lease, status or known.lease.status, now)
            if not domain.looks_different(known.lease, renewed):
                await store.save_lease(conn, registration.id, renewed, known.output, known.modify_index)
                return
        if registration.check_id is not None:
            owner = await store.by_check(conn, registration.check_id)
            if owner and owner.registration.id != registration.id:
                raise Unregistrable(f'Check ID "{registration.check_id}" belongs to another instance')
        await _make_room(conn, registration, is_new=known is None)
        if known and known.registration.service != registration.service:
            await store.move_index(conn, known.registration.service)
        index = await store.move_index(conn, registration.service)
        unchecked = registration.ttl is None and registration.probe is None
        lease = domain.granted(registration, "passing" if unchecked else status or "critical", now)
        await store.put(conn, registration, lease, index)


async def deregister(database: Database, instance_id: str) -> None:
    """Raises `UnknownInstance`."""
    async with database.transaction() as conn:
        await store.lock(conn)
        service = await store.remove(conn, instance_id)
        if service is None:
            raise UnknownInstance(instance_id)
        await store.move_index(conn, service)


async def report(database: Database, check_id: str, status: Status, output: str) -> None:
    """A sign of life, from the instance or from a probe of it. Raises `UnknownCheck`."""
    async with database.connection() as conn:
        if await store.renew(conn, check_id, status, output):
            return
    await _report_news(database, check_id, status, output)


async def _report_news(database: Database, check_id: str, status: Status, output: str) -> None:
    async with database.transaction() as conn:
        now = await store.lock(conn)
        known = await store.by_check(conn, check_id)
        if known is None:
            raise UnknownCheck(check_id)
        lease = domain.reported(known.lease, status, now)
        index = known.modify_index
        if domain.looks_different(known.lease, lease):
            index = await store.move_index(conn, known.registration.service)
        await store.save_lease(conn, known.registration.id, lease, output, index)


async def maintain(database: Database, instance_id: str, reason: str | None) -> None:
    """Take an instance out of traffic for a reason, or with None put it back. Raises `UnknownInstance`."""
    async with database.transaction() as conn:
        await store.lock(conn)
        known = await store.by_id(conn, instance_id)
        if known is None:
            raise UnknownInstance(instance_id)
        lease = domain.maintained(known.lease, reason)
        if domain.looks_different(known.lease, lease):
            index = await store.move_index(conn, known.registration.service)
            await store.save_lease(conn, instance_id, lease, known.output, index)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look at the leases changed, by instance id."""

    lapsed: tuple[str, ...] = ()
    reaped: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


async def sweep(database: Database, outage: timedelta = OUTAGE) -> Swept:
    """Let time act on the leases; of several replicas one at a time does.

    After an outage of the registry nobody is judged by a silence that was its own: all get a whole TTL to be heard.
    """
    lapsed: list[str] = []
    reaped: list[str] = []
    held: list[str] = []
    async with database.transaction() as conn:
        turn = await store.take_turn(conn)
        if turn is None:
            return Swept()
        if turn.gap > outage:
            log.info("nobody kept the registry for %.1f s; every lease gets a fresh TTL", turn.gap.total_seconds())
            await store.spare_all(conn)
            await store.end_turn(conn, durable=True)
            return Swept()
        due = await store.services_due(conn)
        now = await store.lock(conn) if due else turn.now
        for service in due:
            verdict = domain.judged(await store.leases_of(conn, service), now)
            if verdict.lapsed or verdict.reaped:
                index = await store.move_index(conn, service)
                await store.lapse(conn, verdict.lapsed, now, index)
                await store.reap(conn, verdict.reaped)
            lapsed += verdict.lapsed
            reaped += verdict.reaped
            held += await store.hold(conn, verdict.held, now)
        await store.end_turn(conn, durable=bool(lapsed or reaped or held))
    for instance_id in lapsed:
        log.warning("not heard in time", extra={"instance": instance_id})
    for instance_id in reaped:
        log.warning("removed after a long silence", extra={"instance": instance_id})
    if held:
        log.error(
            "more than half of a service fell silent at once; kept, as the fault may lie between it and the registry",
            extra={"count": len(held), "alert": "mass_expiry"},
        )
    return Swept(tuple(lapsed), tuple(reaped), tuple(held))


async def _make_room(conn: Connection, registration: Registration, *, is_new: bool) -> None:
    instances, services = await store.counts(conn)
    if is_new and instances >= MAX_INSTANCES:
        raise RegistryFull
    if services < MAX_SERVICES or await store.knows_service(conn, registration.service):
        return
    # Rather lose the indexes of services long gone (their watchers begin again at 0) than refuse a living one.
    await store.forget_empty_services(conn)
    if (await store.counts(conn))[1] >= MAX_SERVICES:
        raise RegistryFull("The registry holds as many services as it may.")
