"""What time does to leases in the database, whose clock alone counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from serai.chassis.data.database import Database
from serai.discovery import actions
from serai.discovery import store as statements
from serai.discovery.actions import Swept
from serai.discovery.domain import Instance, Registration, RegistryFull, UnknownCheck
from tests.discovery.expected import spared
from tests.discovery.replicas import replica

TTL = timedelta(seconds=10)


def instance(id_: str, service: str = "product", *, reap_after: timedelta | None = None) -> Registration:
    return Registration(
        id_, service, "10.0.0.1", 80, check_id=f"service:{id_}", ttl=TTL, reap_after=reap_after, meta={"version": "1"}
    )


async def join(store: Database, *ids: str, reap_after: timedelta | None = None) -> None:
    for id_ in ids:
        await actions.register(store, instance(id_, reap_after=reap_after), "passing")


async def beat(store: Database, *ids: str) -> None:
    for id_ in ids:
        await actions.report(store, f"service:{id_}", "passing", "")


async def pass_time(store: Database, time: timedelta, *, unattended: bool = False) -> None:
    """Move everything the registry remembers into the past; `unattended` if it did not even look at its leases."""
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


async def test_silence_makes_critical_then_gone_and_moves_the_index_each_time(store: Database) -> None:
    await join(store, "a", reap_after=timedelta(seconds=60))
    registered = await index(store)
    await pass_time(store, TTL)
    assert await actions.sweep(store) == Swept(lapsed=("a",))
    assert (await instances(store))["a"].lease.status == "critical"
    assert (await instances(store))["a"].output.startswith("TTL expired")
    lapsed = await index(store)
    assert lapsed > registered

    assert await actions.sweep(store) == Swept()
    await pass_time(store, timedelta(seconds=60))
    assert await actions.sweep(store) == Swept(reaped=("a",))
    assert await instances(store) == {}
    assert await index(store) > lapsed
    with pytest.raises(UnknownCheck):
        await beat(store, "a")


async def test_a_heartbeat_in_time_keeps_and_one_after_the_end_brings_back(store: Database) -> None:
    await join(store, "a")
    await pass_time(store, timedelta(seconds=9))
    await beat(store, "a")
    await pass_time(store, timedelta(seconds=9))
    assert await actions.sweep(store) == Swept()
    await pass_time(store, timedelta(seconds=2))
    assert await actions.sweep(store) == Swept(lapsed=("a",))
    critical = await index(store)
    await beat(store, "a")
    assert (await instances(store))["a"].lease.status == "passing"
    assert await index(store) > critical


async def test_without_a_reaping_time_the_dead_stay_listed(store: Database) -> None:
    await join(store, "a")
    await pass_time(store, TTL)
    await actions.sweep(store)
    await pass_time(store, timedelta(days=30))
    assert await actions.sweep(store) == Swept()


async def test_when_most_of_a_service_falls_silent_all_of_it_is_kept_and_told_once(store: Database) -> None:
    await join(store, "a", "b", "c")
    await actions.register(store, instance("u", "user"), "passing")
    before = await index(store)
    await pass_time(store, TTL)
    await beat(store, "c")
    swept = await actions.sweep(store)
    assert sorted(swept.held) == ["a", "b"]
    assert swept.lapsed == ("u",), "the guard is per service"
    assert await actions.sweep(store) == Swept()
    assert {id_: one.lease.status for id_, one in (await instances(store)).items() if id_ != "u"} == {
        "a": "passing",
        "b": "passing",
        "c": "passing",
    }
    assert await index(store) == before
    async with store.connection() as conn:
        assert sum(tally.held for tally in await statements.census(conn)) == 2

    await beat(store, "a", "b")
    assert all(one.lease.held_since is None for one in (await instances(store)).values())


async def test_the_guard_lets_the_dead_go_when_replacements_have_joined(store: Database) -> None:
    await join(store, "a", "b")
    await pass_time(store, TTL)
    assert sorted((await actions.sweep(store)).held) == ["a", "b"]
    await join(store, "c", "d")
    assert sorted((await actions.sweep(store)).lapsed) == ["a", "b"]


async def test_after_an_outage_of_the_registry_instances_have_one_ttl_to_be_heard(store: Database) -> None:
    await join(store, "a")
    await pass_time(store, timedelta(hours=1), unattended=True)
    assert await actions.sweep(store) == Swept()
    assert (await instances(store))["a"].lease.status == "passing"
    await pass_time(store, timedelta(seconds=9))
    assert await actions.sweep(store) == Swept()
    await pass_time(store, timedelta(seconds=1))
    assert await actions.sweep(store) == Swept(lapsed=("a",))


async def test_a_registry_that_was_down_starts_with_that_grace_and_then_expires(
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
    async with replica(url, tmp_path) as registry:
        entries, _ = await registry.get("/v1/health/service/product", passing="1")
        assert len(entries) == 1
        await registry.until({"a": "critical"})


async def test_of_several_sweeps_at_once_one_does_the_work(store: Database) -> None:
    await join(store, "a")
    before = await index(store)
    await pass_time(store, TTL)
    swept = await asyncio.gather(*(actions.sweep(store) for _ in range(4)))
    assert [one for one in swept if one.lapsed] == [Swept(lapsed=("a",))]
    assert await index(store) == before + 1


async def test_heartbeats_registrations_and_sweeps_at_once_lose_nothing(store: Database) -> None:
    ids = [f"i{n}" for n in range(12)]
    before = await index(store)
    await asyncio.gather(*(actions.register(store, instance(id_), "critical") for id_ in ids))
    assert await index(store) == before + len(ids)
    await asyncio.gather(
        *(actions.report(store, f"service:{id_}", "passing", "") for id_ in ids * 3),
        *(actions.sweep(store) for _ in range(3)),
    )
    assert await index(store) == before + 2 * len(ids), "only the first of each instance's beats brought news"
    assert {one.lease.status for one in (await instances(store)).values()} == {"passing"}


async def test_a_full_registry_refuses_newcomers_but_not_those_it_knows(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_INSTANCES", 2)
    await join(store, "a", "b")
    with pytest.raises(RegistryFull):
        await join(store, "c")
    await actions.register(store, instance("a", "user"), "passing")
    assert sorted(await instances(store)) == ["a", "b"]


async def test_names_of_services_long_gone_make_room_for_new_ones(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MAX_SERVICES", 2)
    await actions.register(store, instance("a", "one"), "passing")
    await actions.register(store, instance("b", "two"), "passing")
    with pytest.raises(RegistryFull):
        await actions.register(store, instance("c", "three"), "passing")
    await actions.deregister(store, "b")
    await actions.register(store, instance("c", "three"), "passing")
    assert sorted(one.registration.service for one in (await instances(store)).values()) == ["one", "three"]


async def test_sweep_and_domain_spare_alike(store: Database) -> None:
    """The statement that spares all leases is the pure rule in set form."""
    await join(store, "late", "fresh")
    async with store.transaction() as conn:
        await conn.execute("update instance set expires_at = expires_at - interval '1 hour' where id = 'late'")
        await conn.execute("update instance set expires_at = expires_at + interval '1 hour' where id = 'fresh'")
        before = await statements.leases_of(conn, "product")
        await statements.spare_all(conn)
        after = await statements.leases_of(conn, "product")
        now = await statements.lock(conn)
    for id_, lease in before.items():
        ruled = spared(lease, now).expires_at
        assert ruled is not None
        found = after[id_].expires_at
        assert found is not None
        assert abs(ruled - found) < timedelta(seconds=1)
