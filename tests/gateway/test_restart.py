"""A restarted gateway serves as before, without the registry or the user service, and with damaged files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response

NewGateway = Callable[..., GatewayProcess]


@dataclass
class Shop:
    consul: FakeConsul
    user: Upstream
    rest: Upstream
    make: NewGateway
    #: Keys that only the user service publishes.
    later_keys: SigningKeys

    async def opened(self) -> GatewayProcess:
        gateway = self.make()
        await gateway.start()
        await gateway.until(_is_open, "/api/categories")
        return gateway


@pytest.fixture
async def shop(consul: FakeConsul, keys: SigningKeys, new_gateway: NewGateway) -> AsyncIterator[Shop]:
    later = SigningKeys("key-2")
    async with AsyncExitStack() as stack:
        user = await Upstream("user", {"keys": [*later.jwks["keys"], *keys.jwks["keys"]]}).start()
        rest = await Upstream("rest", {}).start()
        stack.push_async_callback(user.stop)
        stack.push_async_callback(rest.stop)
        for service in DOCUMENTS:
            await consul.set(service, user if service == "user" else rest)
        yield Shop(consul, user, rest, new_gateway, later)


def _is_open(response: Response) -> bool:
    return response.status == 200


async def _accepts_tokens_of(gateway: GatewayProcess, keys: SigningKeys) -> None:
    async with asyncio.timeout(30):
        while (await gateway.request("GET", "/api/orders", token=keys.token())).status != 200:
            await asyncio.sleep(0.05)


async def test_a_restarted_gateway_serves_without_the_registry_and_user(shop: Shop) -> None:
    gateway = await shop.opened()
    await _accepts_tokens_of(gateway, shop.later_keys)
    assert await gateway.stop() == 0
    await shop.consul.stop()
    await shop.user.stop()

    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/categories")
    # The settings do not contain this key.
    await _accepts_tokens_of(again, shop.later_keys)
    (await again.request("GET", "/api/orders", token=SigningKeys().token())).problem(401, "unauthenticated")
    (await again.request("GET", "/api/auth/me", token=shop.later_keys.token())).problem(503, "unavailable")
    assert "using the addresses of product from disk" in again.log


async def test_a_service_missing_after_a_restart_affects_its_own_routes_only(shop: Shop) -> None:
    gateway = await shop.opened()
    assert await gateway.stop() == 0
    await shop.consul.set("product")
    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/cart")
    (await again.get("/api/categories")).problem(503, "unavailable")


async def test_damaged_files_are_logged_and_ignored(shop: Shop, keys: SigningKeys) -> None:
    gateway = await shop.opened()
    await _accepts_tokens_of(gateway, shop.later_keys)
    assert await gateway.stop() == 0
    await shop.consul.stop()
    await shop.user.stop()
    cached = gateway.home / "registry" / "gateway" / "product.json"
    cached.write_bytes(cached.read_bytes()[:20])
    (gateway.home / "gateway" / "jwks.json").write_bytes(b'\xff{"keys"')
    for left in ("routes.json", "clusters.json", "endpoints/cart.json", "bootstrap.json"):
        (gateway.home / "gateway" / "envoy" / left).write_bytes(b'{"resour')

    again = shop.make()
    await again.start()
    await again.until(_is_open, "/api/cart")
    (await again.get("/api/categories")).problem(503, "unavailable")
    # It uses the keys of the settings.
    assert (await again.request("GET", "/api/orders", token=keys.token())).status == 200
    assert "cannot read the addresses of product from disk" in again.log
    assert "jwks.json cannot be used" in again.log

    # When the registry is back on the same port, everything works again.
    await shop.consul.start()
    await again.until(_is_open, "/api/categories")


async def test_a_gateway_that_does_not_know_whether_it_was_open_waits_for_every_service(shop: Shop) -> None:
    gateway = await shop.opened()
    assert await gateway.stop() == 0
    (gateway.home / "gateway" / "opened.json").write_bytes(b"[")
    await shop.consul.set("product")
    again = shop.make()
    await again.start()
    assert "opened.json cannot be used" in again.log
    (await again.get("/api/cart")).problem(503, "unavailable")
    await shop.consul.set("product", shop.rest)
    await again.until(_is_open, "/api/categories")


async def test_an_instance_without_an_ip_address_does_not_affect_the_others(shop: Shop) -> None:
    gateway = await shop.opened()
    await shop.consul.place("product", ("product.internal", 80), ("127.0.0.1", shop.rest.port), ("10.0.0.1", 0))
    async with asyncio.timeout(30):
        while "product.internal:80, no address for the edge" not in gateway.log:
            await asyncio.sleep(0.05)
    assert {(await gateway.get("/api/categories")).status for _ in range(20)} == {200}
    assert "product.internal" not in (gateway.home / "gateway" / "envoy" / "endpoints" / "product.json").read_text()
