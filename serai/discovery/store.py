"""The registry's SQL statements.

All times are the database's. Replicas on hosts with different clocks would otherwise expire each other's instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from serai.chassis.data.database import Connection
from serai.discovery.domain import MAX_OUTPUT, Health, Instance, Lease, Probe, Registration, Snapshot, Status

#: The NOTIFY channel of changes, for all replicas. The payload is the name of the service.
CHANNEL = "registry"


# Reading


async def snapshot_of(conn: Connection, service: str) -> Snapshot:
    """One service. An unknown one has index 1, which is below any change, so that a blocking query can wait for it."""
    rows = await conn.fetch(
        """
        select head.index as snapshot_index, instance.*
        from (select coalesce((select index from service_index where service = $1), 1) as index) as head
        left join instance on instance.service = $1
        order by instance.id
        """,
        service,
    )
    return _snapshot(rows)


async def snapshot_of_all(conn: Connection) -> Snapshot:
    rows = await conn.fetch(
        """
        select registry.index as snapshot_index, instance.*
        from registry left join instance on true
        order by instance.service, instance.id
        """
    )
    return _snapshot(rows)


@dataclass(frozen=True, slots=True)
class HealthCount:
    """The number of a service's instances with the same health, and how many of them the mass-expiry guard keeps."""

    service: str
    health: Health
    instances: int
    protected: int


async def count_by_health(conn: Connection) -> list[HealthCount]:
    rows = await conn.fetch(
        """
        select service, case when maintenance is null then status else 'maintenance' end as health,
               count(*) as instances, count(held_since) as protected
        from instance group by 1, 2
        """
    )
    return [HealthCount(row["service"], row["health"], row["instances"], row["protected"]) for row in rows]


# Changing


async def lock(conn: Connection) -> datetime:
    """Locks the registry for writing until the transaction ends. Returns the time after the lock was taken."""
    await conn.execute("select from registry for update")
    now: datetime = await conn.fetchval("select clock_timestamp()")
    return now


async def increment_index(conn: Connection, service: str) -> int:
    """Increments the index for a change of a service. The commit wakes its blocking queries."""
    index: int = await conn.fetchval(
        """
        with moved as (update registry set index = index + 1 returning index),
        noted as (
            insert into service_index (service, index) select $1, index from moved
            on conflict (service) do update set index = excluded.index
        )
        select index from moved
        """,
        service,
    )
    await conn.execute("select pg_notify($1, $2)", CHANNEL, service)
    return index


async def counts(conn: Connection) -> tuple[int, int]:
    """(instances, services that have an index)."""
    row = await conn.fetchrow(
        "select (select count(*) from instance) as instances, (select count(*) from service_index) as services"
    )
    assert row is not None
    return row["instances"], row["services"]


async def service_exists(conn: Connection, service: str) -> bool:
    known: bool = await conn.fetchval("select exists (select from service_index where service = $1)", service)
    return known


async def delete_empty_services(conn: Connection) -> None:
    await conn.execute(
        """
        delete from service_index
        where not exists (select from instance where instance.service = service_index.service)
        """
    )


async def by_id(conn: Connection, instance_id: str) -> Instance | None:
    row = await conn.fetchrow("select * from instance where id = $1 for update", instance_id)
    return None if row is None else _instance(row)


async def by_check(conn: Connection, check_id: str) -> Instance | None:
    row = await conn.fetchrow("select * from instance where check_id = $1 for update", check_id)
    return None if row is None else _instance(row)


async def upsert(conn: Connection, registration: Registration, lease: Lease, index: int) -> None:
    """Inserts the instance, or replaces the one with its id."""
    probe = registration.probe
    await conn.execute(
        """
        insert into instance (
            id, service, address, port, tags, meta, check_id, check_name, notes, ttl, reap_after,
            probe_url, probe_interval, probe_timeout, probe_at, status, since, expires_at, create_index, modify_index
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::text, $13, $14,
                case when $12::text is not null then clock_timestamp() end, $15, $16, $17, $18, $18)
        on conflict (id) do update set
            service = excluded.service, address = excluded.address, port = excluded.port, tags = excluded.tags,
            meta = excluded.meta, check_id = excluded.check_id, check_name = excluded.check_name,
            notes = excluded.notes, ttl = excluded.ttl, reap_after = excluded.reap_after,
            probe_url = excluded.probe_url, probe_interval = excluded.probe_interval,
            probe_timeout = excluded.probe_timeout, probe_at = excluded.probe_at, status = excluded.status,
            since = excluded.since, output = '', expires_at = excluded.expires_at, held_since = null,
            maintenance = null, modify_index = excluded.modify_index
        """,
        registration.id,
        registration.service,
        registration.address,
        registration.port,
        list(registration.tags),
        dict(registration.meta),
        registration.check_id,
        registration.check_name,
        registration.notes,
        lease.ttl,
        registration.reap_after,
        probe.url if probe else None,
        probe.interval if probe else None,
        probe.timeout if probe else None,
        lease.status,
        lease.since,
        lease.expires_at,
        index,
    )


async def save_lease(conn: Connection, instance_id: str, lease: Lease, output: str, index: int) -> None:
    await conn.execute(
        """
        update instance
        set status = $2, since = $3, expires_at = $4, held_since = $5, maintenance = $6, output = $7, modify_index = $8
        where id = $1
        """,
        instance_id,
        lease.status,
        lease.since,
        lease.expires_at,
        lease.protected_since,
        lease.maintenance,
        output,
        index,
    )


async def remove(conn: Connection, instance_id: str) -> str | None:
    """Deletes the instance and returns its service, or None if there is no such instance."""
    service: str | None = await conn.fetchval("delete from instance where id = $1 returning service", instance_id)
    return service


async def renew(conn: Connection, check_id: str, status: Status, output: str) -> bool:
    """A heartbeat that does not change the status: updates one row, without the index and without waiting for the disk.

    Returns False if the status changes or the check is unknown; then nothing is updated. A heartbeat lost in a database
    crash does no harm, because after the gap all leases get a fresh TTL. So the statement turns synchronous commit off
    for itself, which saves the round trips of a transaction block.
    """
    renewed: str | None = await conn.fetchval(
        """
        with hurry as materialized (select set_config('synchronous_commit', 'off', true) as synchronous_commit)
        update instance
        set expires_at = clock_timestamp() + ttl, held_since = null, output = $3
        from hurry
        where check_id = $1 and status = $2 and hurry.synchronous_commit = 'off'
        returning id
        """,
        check_id,
        status,
        output,
    )
    return renewed is not None


# Sweeps


@dataclass(frozen=True, slots=True)
class SweepTurn:
    """The start of a sweep: the time, and how long ago the last sweep ended."""

    now: datetime
    gap: timedelta


async def begin_sweep(conn: Connection) -> SweepTurn | None:
    """Begins a sweep, or returns None while another replica sweeps."""
    row = await conn.fetchrow(
        """
        select clock_timestamp() as now, clock_timestamp() - swept_at as gap
        from sweep for update skip locked
        """
    )
    return None if row is None else SweepTurn(row["now"], row["gap"])


async def finish_sweep(conn: Connection, *, durable: bool) -> None:
    """Ends a sweep. `durable` if it changed something; otherwise the commit does not wait for the disk."""
    await conn.execute(
        """
        with hurry as materialized (
            select set_config('synchronous_commit', case when $1 then current_setting('synchronous_commit')
                                                         else 'off' end, true) as synchronous_commit
        )
        update sweep set swept_at = clock_timestamp() from hurry where hurry.synchronous_commit is not null
        """,
        durable,
    )


async def extend_all_leases(conn: Connection) -> None:
    """After an outage of the registry: gives every lease at least one full TTL."""
    await conn.execute(
        """
        update instance set expires_at = greatest(expires_at, clock_timestamp() + ttl)
        where ttl is not null and status <> 'critical'
        """
    )


async def services_with_due_leases(conn: Connection) -> list[str]:
    """Services with an instance that is overdue or due for removal."""
    rows = await conn.fetch(
        """
        select distinct service from instance
        where (status <> 'critical' and expires_at <= clock_timestamp())
           or (status = 'critical' and since + reap_after <= clock_timestamp())
        order by service
        """
    )
    return [row["service"] for row in rows]


async def lock_leases(conn: Connection, service: str) -> dict[str, Lease]:
    """The leases of a service, locked, so that a concurrent heartbeat is applied after the sweep's decision."""
    rows = await conn.fetch("select * from instance where service = $1 order by id for update", service)
    return {row["id"]: _lease(row) for row in rows}


async def expire(conn: Connection, ids: Iterable[str], now: datetime, index: int) -> None:
    await conn.execute(
        """
        update instance
        set status = 'critical', since = $2, held_since = null, modify_index = $3,
            output = left('TTL expired (last output before timeout follows): ' || output, $4)
        where id = any($1::text[])
        """,
        list(ids),
        now,
        index,
        MAX_OUTPUT,
    )


async def reap(conn: Connection, ids: Iterable[str]) -> None:
    await conn.execute("delete from instance where id = any($1::text[])", list(ids))


async def mark_protected(conn: Connection, ids: Iterable[str], now: datetime) -> list[str]:
    """Marks instances that the mass-expiry guard keeps. Returns the ids that it did not keep before."""
    rows = await conn.fetch(
        "update instance set held_since = $2 where id = any($1::text[]) and held_since is null returning id",
        list(ids),
        now,
    )
    return [row["id"] for row in rows]


# Probes


async def claim_probes(conn: Connection, limit: int) -> list[tuple[str, Probe]]:
    """Claims due probes for this replica. Returns (check id, probe) pairs."""
    rows = await conn.fetch(
        """
        update instance set probe_at = clock_timestamp() + probe_interval
        where id in (
            select id from instance where probe_at <= clock_timestamp() order by probe_at limit $1
            for update skip locked
        )
        returning check_id, probe_url, probe_interval, probe_timeout
        """,
        limit,
    )
    return [(row["check_id"], Probe(row["probe_url"], row["probe_interval"], row["probe_timeout"])) for row in rows]


async def save_probe_failure(conn: Connection, check_id: str, output: str) -> None:
    """Stores the output of a failed probe. The instance becomes critical when its lease runs out."""
    await conn.execute("update instance set output = $2 where check_id = $1", check_id, output)


def _snapshot(rows: list[asyncpg.Record]) -> Snapshot:
    return Snapshot(rows[0]["snapshot_index"], tuple(_instance(row) for row in rows if row["id"] is not None))


def _instance(row: asyncpg.Record) -> Instance:
    meta: Mapping[str, str] = row["meta"]
    registration = Registration(
        id=row["id"],
        service=row["service"],
        address=row["address"],
        port=row["port"],
        tags=tuple(row["tags"]),
        meta=meta,
        check_id=row["check_id"],
        check_name=row["check_name"],
        notes=row["notes"],
        ttl=None if row["probe_url"] else row["ttl"],
        reap_after=row["reap_after"],
        probe=Probe(row["probe_url"], row["probe_interval"], row["probe_timeout"]) if row["probe_url"] else None,
    )
    return Instance(registration, _lease(row), row["output"], row["create_index"], row["modify_index"])


def _lease(row: asyncpg.Record) -> Lease:
    return Lease(
        status=row["status"],
        since=row["since"],
        ttl=row["ttl"],
        expires_at=row["expires_at"],
        reap_after=row["reap_after"],
        maintenance=row["maintenance"],
        protected_since=row["held_since"],
    )
