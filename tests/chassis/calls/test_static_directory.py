"""Service discovery by a static list of addresses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serai import topology
from serai.chassis.calls import directory, static_directory
from serai.chassis.calls.instance import Instance, Watch
from serai.chassis.calls.static_directory import Malformed, StaticDirectory, parse
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, SettingsError, load
from tests import tokens
from tests.chassis.calls.callees import Callee, callee, calling_by


def listing(*addresses: str, service: str = "product") -> str:
    return json.dumps({service: addresses})


def test_a_list_names_hosts_and_addresses() -> None:
    found = parse('{"order": ["10.0.0.5:8001", "[::1]:8002", "order-1.shop:80"], "cart": []}')
    assert found == {
        "order": (
            Instance("order@10.0.0.5:8001", "order", "10.0.0.5", 8001),
            Instance("order@[::1]:8002", "order", "::1", 8002),
            Instance("order@order-1.shop:80", "order", "order-1.shop", 80),
        ),
        "cart": (),
    }
    assert found["order"][1].url == "http://[::1]:8002"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is missing"),
        ("order=10.0.0.5:80", "not JSON"),
        ("[]", "not JSON of the form"),
        ('{"order": "10.0.0.5:80"}', "not JSON of the form"),
        ('{"order": [80]}', "not JSON of the form"),
        (listing("10.0.0.5"), "product: '10.0.0.5' is not host:port"),
        (listing("10.0.0.5:0"), "is not host:port"),
        (listing("10.0.0.5:65536"), "is not host:port"),
        (listing("http://10.0.0.5:80"), "is not host:port"),
        (listing("10.0.0.5:80/x"), "is not host:port"),
        (listing("::1:80"), "is not host:port"),
        (listing("10.0.0.5:80", "10.0.0.5:80"), "10.0.0.5:80 is listed twice"),
        (listing(service="../order"), "'../order' is not a service name"),
        (listing(*(f"h:{port}" for port in range(1, 1002))), "more than 1000 addresses"),
        (json.dumps({f"s{n}": [] for n in range(257)}), "or 256 services"),
    ],
)
def test_reports_what_is_wrong_with_a_list(text: str, problem: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert any(problem in one for one in caught.value.problems)
    assert all(one.startswith("SERAI_STATIC_SERVICES: ") for one in caught.value.problems)


def test_reports_all_problems_together() -> None:
    with pytest.raises(Malformed) as caught:
        parse('{"order": ["a", "b"], "-": ["c:1"]}')
    assert len(caught.value.problems) == 3


def test_a_process_starts_with_a_list_alone_and_refuses_a_malformed_one(tmp_path: Path) -> None:
    environ = {
        "SERAI_MODE": "production",
        "SERAI_HOME": str(tmp_path),
        "SERAI_DISCOVERY": "static",
        "SERAI_SERVICE_KEY": tokens.SERVICE_SEEDS["monitoring"],
    }
    declared = topology.service("monitoring")
    service = Service(declared, load(Settings, environ | {"SERAI_STATIC_SERVICES": listing("h:1", service="user")}))
    assert isinstance(service.registry, StaticDirectory)
    with pytest.raises(SettingsError) as caught:
        Service(declared, load(Settings, environ | {"SERAI_STATIC_SERVICES": listing("h")}))
    assert caught.value.problems == ["SERAI_STATIC_SERVICES: product: 'h' is not host:port"]
    with pytest.raises(SettingsError, match="SERAI_STATIC_SERVICES: is missing"):
        Service(declared, load(Settings, environ))
    with pytest.raises(SettingsError, match="SERAI_DISCOVERY is not acceptable"):
        load(Settings, environ | {"SERAI_DISCOVERY": "guess"})


async def test_calls_go_to_the_listed_addresses_and_follow_the_file(tmp_path: Path) -> None:
    file = tmp_path / "services.json"
    async with callee("one") as one, callee("two") as two:
        file.write_text(listing(one.instance.authority))
        environ = {"SERAI_MODE": "local", "SERAI_DISCOVERY": "static", "SERAI_STATIC_SERVICES_FILE": str(file)}
        found = directory.of(load(Settings, environ), "order")
        async with calling_by(found) as client:
            assert (await client.ask()).by == "one"
            file.write_text(listing(two.instance.authority))
            async with asyncio.timeout(30):
                while (await client.ask()).by != "two":
                    await asyncio.sleep(0.05)
            assert min_calls(one, two) > 0
            assert [health.instance.url for health in await found.health_state()] == [two.instance.url]
            assert await found.services() == {"product": []}


def min_calls(*callees: Callee) -> int:
    return min(len(each.seen) for each in callees)


@contextlib.asynccontextmanager
async def watching(file: Path, *addresses: str) -> AsyncIterator[Watch]:
    found = StaticDirectory(listing(*addresses), file)
    try:
        yield found.watch("product")
    finally:
        await found.close()


async def until(watch: Watch, *addresses: str) -> None:
    async with asyncio.timeout(30):
        while [instance.authority for instance in watch.instances] != list(addresses):
            await watch.changed(watch.version)


async def test_a_malformed_change_is_ignored_and_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_directory, "CHECK_INTERVAL_S", 0.02)
    logged: list[str] = []
    again = asyncio.Event()

    def error(text: str, *rest: object) -> None:
        logged.append(text % rest)
        again.set()

    monkeypatch.setattr(static_directory.log, "error", error)
    file = tmp_path / "services.json"
    file.write_text(listing("a:1"))
    async with watching(file, "a:1") as watch, asyncio.timeout(60):
        assert await watch.ready(30)
        file.write_text('{"product": ["b"')
        await again.wait()
        again.clear()
        file.unlink()
        await again.wait()
        assert [instance.authority for instance in watch.instances] == ["a:1"]
        assert len(logged) == 2
        file.write_text(listing("b:1"))
        await until(watch, "b:1")
        file.write_text("{}")
        await until(watch)


async def test_a_file_replaced_behind_a_symlink_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mounted ConfigMap changes this way."""
    monkeypatch.setattr(static_directory, "CHECK_INTERVAL_S", 0.02)
    for name, address in (("first", "a:1"), ("second", "b:2")):
        (tmp_path / name).write_text(listing(address))
        os.utime(tmp_path / name, (0, 0))
    link = tmp_path / "services.json"
    link.symlink_to("first")
    async with watching(link, "a:1") as watch:
        await until(watch, "a:1")
        (tmp_path / "next").symlink_to("second")
        (tmp_path / "next").rename(link)
        await until(watch, "b:2")


async def test_registration_does_nothing_and_a_list_in_the_environment_stays(tmp_path: Path) -> None:
    found = StaticDirectory(listing("a:1"))
    me = Instance("order-1", "order", "10.0.0.9", 1)
    await found.register(me)
    heartbeats = asyncio.create_task(found.heartbeat_forever())
    await found.set_draining()
    await found.deregister()
    assert found.watch("order").instances == ()
    assert found.watch("product") is found.watch("product")
    with pytest.raises(ValueError, match="not a service name"):
        found.watch("../product")
    assert not heartbeats.done()
    heartbeats.cancel()
    await found.close()
