"""Expiry of leases in the database, by the database's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from serai.chassis.data.database import Database
from serai.discovery import actions
from serai.discovery import store as statements
from serai.discovery.actions import SweepResult
from serai.discovery.domain import Instance, Registration, RegistryFull, UnknownCheck
from tests.discovery.lease_rules import extended
from tests.discovery.registry_server import registry_server

TTL = timedelta(seconds=10)


def instance(id_: str, service: str = "product", *, reap_after: timedelta | None = None) -> Registration:
    return Registration(
        id_, service, "10.0.0.1", 80, check_id=f"service:{id_}", ttl=TTL, reap_after=reap_after, meta={"version": "1"}
    )


async def register_passing(store: Database, *ids: str, reap_after: timedelta | None = None) -> None:
    for id_ in ids:
        await actions.register(store, instance(id_, reap_after=reap_after), "passing")


async def heartbeat(store: Database, *ids: str) -> None:
    for id_ in ids:
        await actions.report(store, f"service:{id_}", "passing", "")


async def pass_time(store: Database, time: timedelta, *, unattended: bool = False) -> None:
    """Moves all stored times into the past. `unattended` simulates that no sweep ran meanwhile."""
    async with store.transaction() as conn:
        await conn.execute(
            "update instance set expires_at = expires_at - $1::interval, since = since - $1::interval", time
        )
        await conn.execute(
            "update sweep set swept_at = clock_timestamp() - case when $2 then $1::interval else interval '0' end",
            time,
            unattended,
        )


async def instances(store: Database) -> dict[str, Instance]:
    async with store.connection() as conn:
        snapshot = await statements.snapshot_of_all(conn)
    return {one.registration.id: one for one in snapshot.instances}


async def index(store: Database) -> int:
    async with store.connection() as conn:
        return (await statements.snapshot_of(conn, "product")).index


async def test_without_heartbeats_an_instance_becomes_critical_then_is_removed(store: Database) -> None:
    await register_passing(store, "a", reap_after=timedelta(seconds=60))
    registered = await index(store)
    await pass_time(store, TTL)
    assert await actions.sweep(store) == SweepResult(expired=("a",))
    assert (await instances(store))["a"].lease.status == "critical"
    assert (await instances(store))["a"].output.startswith("TTL expired")
    expired = await index(store)
    assert expired > registered

    assert await actions.sweep(store) == SweepResult()
    await pass_time(store, timedelta(seconds=60))
    assert await actions.sweep(store) == SweepResult(reaped=("a",))
    assert await instances(store) == {}
    assert await index(store) > expired
    with pytest.raises(UnknownCheck):
        await heartbeat(store, "a")


async def test_a_heartbeat_renews_the_lease_and_a_late_one_restores_the_instance(store: Database) -> None:
    await register_passing(store, "a")
    await pass_time(store, timedelta(seconds=9))
    await heartbeat(store, "a")
    await pass_time(store, timedelta(seconds=9))
    assert await actions.sweep(store) == SweepResult()
    await pass_time(store, timedelta(seconds=2))
    assert await actions.sweep(store) == SweepResult(expired=("a",))
    critical = await index(store)
    await heartbeat(store, "a")
    assert (await instances(store))["a"].lease.status == "passing"
    assert await index(store) > critical


async def test_without_reap_after_critical_instances_stay_listed(store: Database) -> None:
    await register_passing(store, "a")
    await pass_time(store, TTL)
    await actions.sweep(store)
    await pass_time(store, timedelta(days=30))
    assert await actions.sweep(store) == SweepResult()


async def test_the_mass_expiry_guard_keeps_a_service_and_reports_it_once(store: Database) -> None:
    await register_passing(store, "a", "b", "c")
    await actions.register(store, instance("u", "user"), "passing")
    before = await index(store)
    await pass_time(store, TTL)
    await heartbeat(store, "c")
    result = await actions.sweep(store)
    assert sorted(result.protected) == ["a", "b"]
    assert result.expired == ("u",), "the guard is per service"
    assert await actions.sweep(store) == SweepResult()
    assert {id_: one.lease.status for id_, one in (await instances(store)).items() if id_ != "u"} == {
        "a": "passing",
        "b": "passing",
        "c": "passing",
    }
    assert await index(store) == before
    async with store.connection() as conn:
        assert sum(group.protected for group in await statements.count_by_health(conn)) == 2

    await heartbeat(store, "a", "b")
    assert all(one.lease.protected_since is None for one in (await instances(store)).values())


async def test_the_guard_ends_when_replacements_have_registered(store: Database) -> None:
    await register_passing(store, "a", "b")
    await pass_time(store, TTL)
    assert sorted((await actions.sweep(store)).protected) == ["a", "b"]
    await register_passing(store, "c", "d")
    assert sorted((await actions.sweep(store)).expired) == ["a", "b"]


async def test_after_an_outage_of_the_registry_instances_get_a_full_ttl(store: Database) -> None:
    await register_passing(store, "a")
    await pass_time(store, timedelta(hours=1), unattended=True)
    assert await actions.sweep(store) == SweepResult()
    assert (await instances(store))["a"].lease.status == "passing"
    await pass_time(store, timedelta(seconds=9))
    assert await actions.sweep(store) == SweepResult()
    await pass_time(store, timedelta(seconds=1))
    assert await actions.sweep(store) == SweepResult(expired=("a",))


async def test_a_restarted_registry_gives_a_full_ttl_and_then_expires(
    store: Database, database: Callable[[str], str], tmp_path: Path
) -> None:
    url = database("discovery")
    down = Database(url, size=1)
    await down.open()
    await actions.register(
        down, Registration("a", "product", "10.0.0.1", 80, check_id="a", ttl=timedelta(seconds=1)), "passing"
    )
    await pass_time(down, timedelta(hours=1), unattended=True)
    await down.close()
    async with registry_server(url, tmp_path) as registry:
        entries, _ = await registry.get("/v1/health/service/product", passing="1")
        assert len(entries) == 1
        await registry.until({"a": "critical"})


async def test_of_concurrent_sweeps_one_does_the_work(store: Database) -> None:
    await register_passing(store, "a")
    before = await index(store)
    await pass_time(store, TTL)
    result = await asyncio.gather(*(actions.sweep(store) for _ in range(4)))
    assert [one for one in result if one.expired] == [SweepResult(expired=("a",))]
    assert await index(store) == before + 1


async def test_concurrent_heartbeats_registrations_and_sweeps_lose_nothing(store: Database) -> None:
    ids = [f"i{n}" for n in range(12)]
    before = await index(store)
    await asyncio.gather(*(actions.register(store, instance(id_), "critical") for id_ in ids))
    assert await index(store) == before + len(ids)
    await asyncio.gather(
        *(actions.report(store, f"service:{id_}", "passing", "") for id_ in ids * 3),
        *(actions.sweep(store) for _ in range(3)),
    )
    assert await index(store) == before + 2 * len(ids), "only the first heartbeat of each instance changed its status"
    assert {one.lease.status for one in (await instances(store)).values()} == {"passing"}


async def test_a_full_registry_refuses_new_instances_but_not_known_ones(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_INSTANCES", 2)
    await register_passing(store, "a", "b")
    with pytest.raises(RegistryFull):
        await register_passing(store, "c")
    await actions.register(store, instance("a", "user"), "passing")
    assert sorted(await instances(store)) == ["a", "b"]


async def test_empty_services_make_room_for_new_ones(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MAX_SERVICES", 2)
    await actions.register(store, instance("a", "one"), "passing")
    await actions.register(store, instance("b", "two"), "passing")
    with pytest.raises(RegistryFull):
        await actions.register(store, instance("c", "three"), "passing")
    await actions.deregister(store, "b")
    await actions.register(store, instance("c", "three"), "passing")
    assert sorted(one.registration.service for one in (await instances(store)).values()) == ["one", "three"]


async def test_extending_all_leases_follows_the_pure_rule(store: Database) -> None:
    """The SQL statement does to all leases what `lease_rules.extended` does to one."""
    await register_passing(store, "late", "fresh")
    async with store.transaction() as conn:
        await conn.execute("update instance set expires_at = expires_at - interval '1 hour' where id = 'late'")
        await conn.execute("update instance set expires_at = expires_at + interval '1 hour' where id = 'fresh'")
        before = await statements.lock_leases(conn, "product")
        await statements.extend_all_leases(conn)
        after = await statements.lock_leases(conn, "product")
        now = await statements.lock(conn)
    for id_, lease in before.items():
        rule = extended(lease, now).expires_at
        assert rule is not None
        found = after[id_].expires_at
        assert found is not None
        assert abs(rule - found) < timedelta(seconds=1)
