"""A gateway that is started again goes on as it was, whoever is away and whatever has become of its files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from serai.gateway.kept import Kept
from serai.gateway.snapshot import Endpoint, endpoint
from tests.gateway.gate import Answer, Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream

Make = Callable[..., Gate]


@dataclass
class Shop:
    consul: Consul
    user: Upstream
    rest: Upstream
    make: Make
    #: That only the user service has told.
    later_keys: Keys

    async def opened(self) -> Gate:
        gate = self.make()
        await gate.start()
        await gate.until(_is_open, "/api/categories")
        return gate


@pytest.fixture
async def shop(consul: Consul, keys: Keys, fresh_gate: Make) -> AsyncIterator[Shop]:
    later = Keys("key-2")
    async with AsyncExitStack() as stack:
        user = await Upstream("user", {"keys": [*later.jwks["keys"], *keys.jwks["keys"]]}).start()
        rest = await Upstream("rest", {}).start()
        stack.push_async_callback(user.stop)
        stack.push_async_callback(rest.stop)
        for service in DOCUMENTS:
            await consul.set(service, user if service == "user" else rest)
        yield Shop(consul, user, rest, fresh_gate, later)


def _is_open(answer: Answer) -> bool:
    return answer.status == 200


async def _believes(gate: Gate, keys: Keys) -> None:
    async with asyncio.timeout(30):
        while (await gate.ask("GET", "/api/orders", token=keys.token())).status != 200:
            await asyncio.sleep(0.05)


async def test_the_edge_serves_with_what_it_kept_when_registry_and_user_are_away(shop: Shop) -> None:
    gate = await shop.opened()
    await _believes(gate, shop.later_keys)
    assert await gate.stop() == 0
    await shop.consul.stop()
    await shop.user.stop()

    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/categories")
    # Its settings know nothing of this key.
    await _believes(again, shop.later_keys)
    (await again.ask("GET", "/api/orders", token=Keys().token())).problem(401, "unauthenticated")
    (await again.ask("GET", "/api/auth/me", token=shop.later_keys.token())).problem(503, "unavailable")
    assert "using the addresses of product kept on disk" in again.log


async def test_a_service_that_is_missing_after_a_restart_is_missed_on_its_own_routes_only(shop: Shop) -> None:
    gate = await shop.opened()
    assert await gate.stop() == 0
    await shop.consul.set("product")
    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/cart")
    (await again.get("/api/categories")).problem(503, "unavailable")


async def test_damaged_files_are_survived_and_named(shop: Shop, keys: Keys) -> None:
    gate = await shop.opened()
    await _believes(gate, shop.later_keys)
    assert await gate.stop() == 0
    await shop.consul.stop()
    await shop.user.stop()
    cached = gate.home / "registry" / "gateway" / "product.json"
    cached.write_bytes(cached.read_bytes()[:20])
    (gate.home / "gateway" / "jwks.json").write_bytes(b'\xff{"keys"')
    for left in ("routes.json", "clusters.json", "endpoints/cart.json", "bootstrap.json"):
        (gate.home / "gateway" / "envoy" / left).write_bytes(b'{"resour')

    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/cart")
    (await again.get("/api/categories")).problem(503, "unavailable")
    # The keys of the settings, then.
    assert (await again.ask("GET", "/api/orders", token=keys.token())).status == 200
    assert "the addresses of product kept on disk are unreadable" in again.log
    assert "jwks.json cannot be used" in again.log

    # Back on the same port, the registry puts everything right.
    await shop.consul.start()
    await again.until(_is_open, "/api/categories")


async def test_a_gate_that_does_not_know_whether_it_was_open_waits_for_everybody(shop: Shop) -> None:
    gate = await shop.opened()
    assert await gate.stop() == 0
    (gate.home / "gateway" / "opened.json").write_bytes(b"[")
    await shop.consul.set("product")
    again = shop.make()
    await again.start()
    assert "opened.json cannot be used" in again.log
    (await again.get("/api/cart")).problem(503, "unavailable")
    await shop.consul.set("product", shop.rest)
    await again.until(_is_open, "/api/categories")


async def test_an_instance_without_an_address_costs_the_others_nothing(shop: Shop) -> None:
    gate = await shop.opened()
    await shop.consul.place("product", ("product.internal", 80), ("127.0.0.1", shop.rest.port), ("10.0.0.1", 0))
    async with asyncio.timeout(30):
        while "product.internal:80, no address for the edge" not in gate.log:
            await asyncio.sleep(0.05)
    assert {(await gate.get("/api/categories")).status for _ in range(20)} == {200}
    assert "product.internal" not in (gate.home / "gateway" / "envoy" / "endpoints" / "product.json").read_text()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1"])
def test_an_address_is_an_address(host: str) -> None:
    assert endpoint(host, 80) == Endpoint(host, 80)


@pytest.mark.parametrize(
    ("host", "port"),
    [("", 80), ("localhost", 80), ("127.1", 80), ("fe80::1%eth0", 80), ("[::1]", 80), ("::1", 0), ("::1", 65536)],
)
def test_anything_else_is_none(host: str, port: int) -> None:
    assert endpoint(host, port) is None


def test_a_gate_that_was_open_for_fewer_services_was_not_open_for_these(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    assert not kept.was_open(["cart"])
    kept.keep_open(["order", "cart"])
    assert kept.was_open(["cart"])
    assert kept.was_open(["cart", "order"])
    assert not kept.was_open(["cart", "order", "web"])


def test_the_last_keys_told_go_before_those_of_the_settings(tmp_path: Path) -> None:
    kept, told, configured = Kept(tmp_path), Keys().jwks, Keys("other").jwks
    assert kept.keys("") == {}
    assert kept.keys(json.dumps(configured)) == configured
    kept.keep_keys(told)
    assert kept.keys(json.dumps(configured)) == told
