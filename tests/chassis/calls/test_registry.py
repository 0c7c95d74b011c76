"""The registry client, against real registries that start, stop and lose their data."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp.web
import pytest

from serai.chassis.calls import registry as client
from serai.chassis.calls import registry_http
from serai.chassis.calls.registry import Instance, Registry, RegistryRefused, RegistryUnavailable, Watch
from tests.discovery.registry_server import TOKEN, RegistryServer, registry_server

NOWHERE = "http://127.0.0.1:1"
OWN = Instance("product-1", "product", "10.0.0.1", 8000, {"version": "7"})
HEARTBEAT_ROUTE, HEALTH_ROUTE = "/v1/agent/check/pass/", "/v1/health/service/"
OTHER = Instance("product-2", "product", "10.0.0.2", 8000)


@contextlib.asynccontextmanager
async def connected(*urls: str, cache_dir: Path | None = None, token: str = TOKEN) -> AsyncIterator[Registry]:
    registry = Registry(urls, token, cache_dir=cache_dir)
    try:
        yield registry
    finally:
        await registry.close()


@contextlib.asynccontextmanager
async def heartbeats(registry: Registry) -> AsyncIterator[None]:
    task = asyncio.create_task(registry.heartbeat_forever())
    try:
        yield
    finally:
        assert not task.done(), "heartbeats never end by themselves"
        task.cancel()


async def until(watch: Watch, *ids: str, timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while watch.version == 0 or [instance.id for instance in watch.instances] != list(ids):
            await watch.changed(watch.version)


async def eventually(fact: Callable[[], Awaitable[bool]], timeout_s: float = 60) -> None:
    async with asyncio.timeout(timeout_s):
        while not await fact():
            await asyncio.sleep(0.05)


@pytest.fixture
async def running(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[RegistryServer]:
    async with registry_server(database("discovery"), tmp_path) as registry:
        yield registry


async def test_watchers_see_a_registration_its_draining_and_its_end(running: RegistryServer) -> None:
    async with connected(running.url) as own, connected(running.url) as other:
        watch = other.watch("product")
        assert await watch.ready(5, at_least=0)
        assert not watch.instances

        await own.register(OWN)
        await until(watch, "product-1")
        assert watch.instances == (OWN,)
        assert watch.instances[0].url == "http://10.0.0.1:8000"

        await own.set_draining()
        await until(watch)
        assert [(h.instance.id, h.status) for h in await other.health_state()] == [("product-1", "maintenance")]

        await own.deregister()
        assert await other.health_state() == ()


async def test_a_draining_instance_never_registers_again_by_itself(running: RegistryServer) -> None:
    async with connected(running.url) as own:
        await own.register(OWN, ttl_s=0.6)
        await own.set_draining()
        await running.put("/v1/agent/service/deregister/product-1")
        refused = await response_count(running, HEARTBEAT_ROUTE, 404)
        async with heartbeats(own):
            await eventually(lambda: reached(running, HEARTBEAT_ROUTE, 404, refused + 1))
        assert await own.health_state() == ()


async def test_heartbeats_keep_a_lease_for_longer_than_its_ttl(running: RegistryServer) -> None:
    async with connected(running.url) as own:
        await own.register(OWN, ttl_s=1)
        _, index = await running.get("/v1/health/service/product")
        accepted = await response_count(running, HEARTBEAT_ROUTE, 200)
        async with heartbeats(own):
            await eventually(lambda: reached(running, HEARTBEAT_ROUTE, 200, accepted + 6))
        assert await running.get("/v1/health/service/product", passing="1", index=str(index), wait="1ms")
        (health,) = await own.health_state()
        assert (health.status, health.version) == ("passing", "7")


async def test_an_instance_that_the_registry_lost_registers_again(running: RegistryServer) -> None:
    async with connected(running.url) as own, connected(running.url) as other:
        watch = other.watch("product")
        await own.register(OWN, ttl_s=1)
        await until(watch, "product-1")
        await running.put("/v1/agent/service/deregister/product-1")
        await until(watch)
        async with heartbeats(own):
            await until(watch, "product-1")


async def test_a_watch_survives_a_restart_of_the_registry(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("discovery")
    async with registry_server(url, tmp_path) as first:
        address = first.url
        own, other = Registry([address], TOKEN), Registry([address], TOKEN)
        watch = other.watch("product")
        await own.register(OWN)
        await until(watch, "product-1")
    with pytest.raises(RegistryUnavailable):
        await own.register(OTHER)
    assert watch.instances == (OWN,)
    async with registry_server(url, tmp_path, port=int(address.rpartition(":")[2])), heartbeats(own):
        await until(watch, "product-1", "product-2")
        await own.close()
        await other.close()


async def test_watched_instances_stay_while_a_registry_that_lost_its_data_refills(
    database: Callable[[str], str], tmp_path: Path
) -> None:
    async with registry_server(database("discovery"), tmp_path) as first:
        address = first.url
        own, other = Registry([address], TOKEN), Registry([address], TOKEN)
        watch = other.watch("product")
        await own.register(OWN, ttl_s=3)
        await until(watch, "product-1")
        known = watch.version
    async with registry_server(database("discovery"), tmp_path, port=int(address.rpartition(":")[2])) as empty:
        polled = await response_count(empty, HEALTH_ROUTE, 200)
        await eventually(lambda: reached(empty, HEALTH_ROUTE, 200, polled + 2))
        async with heartbeats(own):
            await eventually(lambda: registered(own))
            await empty.register("product-2")
            async with asyncio.timeout(60):
                await watch.changed(known)
        assert [instance.id for instance in watch.instances] == ["product-1", "product-2"]
        assert watch.version == known + 1, "the list was never empty in between"
        await own.close()
        await other.close()


async def test_one_of_several_registries_is_enough(running: RegistryServer) -> None:
    async with connected(NOWHERE, running.url) as own:
        watch = own.watch("product")
        await own.register(OWN)
        await until(watch, "product-1")


async def test_starts_from_disk_when_the_registry_is_down(running: RegistryServer, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    async with connected(running.url, cache_dir=cache) as own:
        await own.register(OWN)
        await until(own.watch("product"), "product-1")
        await eventually(lambda: exists(cache / "product.json"))
    async with connected(NOWHERE, cache_dir=cache) as later:
        watch = later.watch("product")
        assert await watch.ready(5)
        assert watch.instances == (OWN,)
        assert not await later.watch("user").ready(0.2)


async def test_an_empty_answer_leaves_the_last_addresses_on_disk(running: RegistryServer, tmp_path: Path) -> None:
    async with connected(running.url, cache_dir=tmp_path) as own:
        watch = own.watch("product")
        await own.register(OWN)
        await until(watch, "product-1")
        await eventually(lambda: exists(tmp_path / "product.json"))
        await own.deregister()
        await until(watch)
    assert b"product-1" in (tmp_path / "product.json").read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b'[{"id": 1}]'])
async def test_an_unreadable_cache_file_is_ignored(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "product.json").write_bytes(content)
    async with connected(NOWHERE, cache_dir=tmp_path) as own:
        watch = own.watch("product")
        assert not await watch.ready(0.3)
        assert watch.instances == ()


async def test_registers_once_the_registry_appears(database: Callable[[str], str], tmp_path: Path) -> None:
    url = database("discovery")
    async with registry_server(url, tmp_path) as before:
        address = before.url
    async with connected(address) as own:
        with pytest.raises(RegistryUnavailable):
            await own.register(OWN, ttl_s=1)
        async with heartbeats(own), registry_server(url, tmp_path, port=int(address.rpartition(":")[2])) as after:
            await after.until({"product-1": "passing"})


async def test_deregistering_without_a_registry_is_quick_and_does_not_raise() -> None:
    async with connected(NOWHERE) as own:
        with pytest.raises(RegistryUnavailable):
            await own.register(OWN)
        async with asyncio.timeout(2):
            await own.set_draining()
            await own.deregister()


async def test_an_outage_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(client.log, "warning", lambda text, *rest: logged.append(text % rest))
    polled = 0

    async def broken(_: aiohttp.web.Request) -> aiohttp.web.Response:
        nonlocal polled
        polled += 1
        return aiohttp.web.Response(status=500)

    async def failed_often() -> bool:
        return polled >= 4

    async with fake_registry(broken) as url, connected(url) as own:
        with pytest.raises(RegistryUnavailable):
            await own.register(OWN, ttl_s=0.3)
        async with heartbeats(own):
            await eventually(failed_often)
    assert len(logged) == 1, logged


async def test_after_an_outage_one_response_resumes_all_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_http, "BACKOFF_MIN_S", 3600.0)
    monkeypatch.setattr(registry_http, "BACKOFF_MAX_S", 3600.0)
    names = {"user", "product", "cart", "order", "payment"}
    away, failed = True, set[str]()

    async def serve(request: aiohttp.web.Request) -> aiohttp.web.Response:
        if away:
            failed.add(request.path.rpartition("/")[2])
            return aiohttp.web.Response(status=503)
        return aiohttp.web.json_response([] if "/health/" in request.path else {}, headers={"X-Consul-Index": "5"})

    async def all_failed() -> bool:
        return failed >= names

    async with fake_registry(serve) as url, connected(url) as own:
        watches = [own.watch(name) for name in names]
        await eventually(all_failed, 30)
        away = False

        async def all_back() -> bool:
            # As a heartbeat does: any response is enough.
            await own.services()
            return all(watch.version for watch in watches)

        await eventually(all_back, 30)


async def test_a_wrong_token_raises(running: RegistryServer) -> None:
    async with connected(running.url, token="guess") as own:
        with pytest.raises(RegistryRefused, match=r"403.*Permission denied"):
            await own.register(OWN)


async def test_health_state_lists_every_instance(running: RegistryServer) -> None:
    await running.register("u1", "user", Status="critical")
    await running.register("p1", Status="warning")
    await running.put("/v1/agent/check/warn/service:p1", note="disk nearly full")
    async with connected(running.url) as own:
        assert await own.services() == {"product": [], "user": []}
        product, user = await own.health_state()
    assert (product.instance.id, product.status, product.output) == ("p1", "warning", "disk nearly full")
    assert (user.instance.id, user.status, user.version) == ("u1", "critical", "1")
    assert product.since is not None
    assert product.since.tzinfo is not None


async def test_a_change_between_two_waits_is_not_missed(running: RegistryServer) -> None:
    async with connected(running.url) as own:
        watch = own.watch("product")
        assert await watch.ready(5, at_least=0)
        seen = watch.version
        await own.register(OWN)
        await until(watch, "product-1")
        async with asyncio.timeout(1):
            assert await watch.changed(seen) > seen


@pytest.mark.parametrize("answer", [b"<html>", b"[]]", b'{"Service": 1}', b"x" * (9 << 20)])
async def test_a_malformed_response_changes_nothing(answer: bytes, tmp_path: Path) -> None:
    good = b'[{"Node":{"Address":"10.0.0.9"},"Service":{"ID":"p","Service":"product","Port":1,"Meta":null}}]'
    bodies = [good, answer]
    served = asyncio.Event()

    async def serve(_: aiohttp.web.Request) -> aiohttp.web.Response:
        body = bodies.pop(0) if len(bodies) > 1 else bodies[0]
        if body is answer:
            served.set()
        return aiohttp.web.Response(body=body, headers={"X-Consul-Index": "5"})

    async with fake_registry(serve) as url, connected(url) as own:
        watch = own.watch("product")
        async with asyncio.timeout(60):
            await served.wait()
        with pytest.raises(RegistryUnavailable):
            await own.services()
        assert watch.instances == (Instance("p", "product", "10.0.0.9", 1),)


async def test_without_a_url_calls_raise() -> None:
    async with connected() as own:
        with pytest.raises(RegistryUnavailable, match="no registry"):
            await own.services()


async def test_the_number_and_names_of_watches_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_WATCHES", 1)
    async with connected(NOWHERE) as own:
        assert own.watch("product") is own.watch("product")
        for name in ("user", "../etc/passwd", "", "a" * 200):
            with pytest.raises(ValueError, match="service"):
                own.watch(name)


def test_an_ipv6_address_makes_a_url() -> None:
    assert Instance("a", "product", "::1", 80).url == "http://[::1]:80"


@contextlib.asynccontextmanager
async def fake_registry(answer: Callable[[aiohttp.web.Request], Awaitable[aiohttp.web.Response]]) -> AsyncIterator[str]:
    """An HTTP server at the registry's address with a scripted response."""
    app = aiohttp.web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = aiohttp.web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def response_count(registry: RegistryServer, route: str, status: int) -> int:
    """How many requests to the route got a response with this status."""
    async with registry.session.get(f"{registry.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    counts = [
        float(line.split()[-1])
        for line in lines
        if line.startswith("http_server_request_duration_seconds_count") and route in line and f'"{status}"' in line
    ]
    return int(sum(counts))


async def reached(registry: RegistryServer, route: str, status: int, count: int) -> bool:
    return await response_count(registry, route, status) >= count


async def registered(registry: Registry) -> bool:
    return any(health.instance.id == OWN.id for health in await registry.health_state())


async def exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)
