"""A process that has only the registry's token cannot pose as another service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from serai.chassis import telemetry
from serai.chassis.calls import address_cache, proof, registry
from serai.chassis.calls.instance import Instance
from serai.chassis.calls.proof import Proofs
from serai.chassis.calls.registry import Registry
from tests import tokens
from tests.chassis.calls.callees import callee, calling_by
from tests.chassis.calls.test_registry import heartbeats
from tests.discovery.registry_server import TOKEN, RegistryServer, registry_server

KEYS: dict[str, str] = json.loads(tokens.SERVICE_KEYS)
SEEDS = tokens.SERVICE_SEEDS
BARE = Instance("product-1", "product", "10.0.0.1", 8000, {"version": "7"})
PROVEN = proof.signed(BARE, SEEDS["product"])


def with_proof(text: str) -> Instance:
    return msgspec.structs.replace(BARE, meta={"proof": text})


def test_accepts_a_proof_by_the_services_key() -> None:
    assert Proofs(KEYS).proven("product", [PROVEN]) == (PROVEN,)
    assert PROVEN.meta["version"] == "7"
    assert len(PROVEN.meta["proof"]) == 86, "a Consul takes 512 characters"


UNPROVEN = {
    "missing": BARE,
    "empty": with_proof(""),
    "signed by another service": proof.signed(BARE, SEEDS["order"]),
    "another service's own proof": proof.signed(msgspec.structs.replace(BARE, service="order"), SEEDS["order"]),
    "of the same key for another name": with_proof(
        proof.signed(msgspec.structs.replace(BARE, service="order"), SEEDS["product"]).meta["proof"]
    ),
    "moved to another id": msgspec.structs.replace(PROVEN, id="product-2"),
    "moved to another host": msgspec.structs.replace(PROVEN, host="10.0.0.9"),
    "moved to another port": msgspec.structs.replace(PROVEN, port=8001),
    "replaced by that of another instance": with_proof(
        proof.signed(msgspec.structs.replace(BARE, id="product-2"), SEEDS["product"]).meta["proof"]
    ),
    "cut short": with_proof(PROVEN.meta["proof"][:-1]),
    "one character changed": with_proof(("B" if PROVEN.meta["proof"][0] == "A" else "A") + PROVEN.meta["proof"][1:]),
    "garbage": with_proof("not base64url at all! ünïcode \U0001f600"),
    "long garbage": with_proof("A" * 100_000),
    "a token of the same key": with_proof(tokens.as_service("product", "user")["authorization"].split(".")[2]),
}


@pytest.mark.parametrize("instance", UNPROVEN.values(), ids=UNPROVEN.keys())
def test_rejects_an_invalid_proof_and_keeps_the_other_instances(instance: Instance) -> None:
    assert Proofs(KEYS).proven("product", [instance, PROVEN]) == (PROVEN,)


def test_verifies_the_name_that_was_looked_up() -> None:
    """A registry that returns order's instances for product is not believed."""
    order = proof.signed(msgspec.structs.replace(BARE, service="order"), SEEDS["order"])
    assert Proofs(KEYS).proven("product", [order]) == ()
    assert Proofs(KEYS).proven("order", [order]) == (order,)


def test_a_service_without_a_key_has_no_instances() -> None:
    stranger = proof.signed(msgspec.structs.replace(BARE, service="stranger"), SEEDS["product"])
    assert Proofs(KEYS).proven("stranger", [stranger]) == ()


def test_without_any_key_nothing_is_verified() -> None:
    assert Proofs({}).proven("product", [BARE]) == (BARE,)
    assert proof.signed(BARE, "") is BARE


@pytest.mark.parametrize("key", ["", "AAAA", "%%%", "ü" * 43])
def test_a_malformed_key_is_reported_with_its_service(key: str) -> None:
    with pytest.raises(ValueError, match="the key of order"):
        Proofs({"order": key})


def test_each_rejected_instance_is_logged_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(proof.log, "error", lambda text, *rest, **_: logged.append(text % rest))
    proofs = Proofs(KEYS)
    rogue = msgspec.structs.replace(BARE, id="rogue-1")
    for _ in range(3):
        assert proofs.proven("product", [rogue, PROVEN]) == (PROVEN,)
    assert logged == ["rogue-1 gets no traffic: it does not prove that it is product"]
    assert b'registry_unproven_instances{callee="product"} 1.0' in generate_latest(telemetry.REGISTRY)
    assert proofs.proven("product", [PROVEN]) == (PROVEN,)
    assert b'registry_unproven_instances{callee="product"} 0.0' in generate_latest(telemetry.REGISTRY)


def test_each_registration_is_verified_once_and_few_results_are_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = Proofs(KEYS)
    verified: list[str] = []
    verify = Proofs._verified

    def counted(self: Proofs, service: str, instance: Instance, text: str) -> str:
        verified.append(instance.id)
        return verify(self, service, instance, text)

    monkeypatch.setattr(Proofs, "_verified", counted)
    monkeypatch.setattr(proof, "MAX_REMEMBERED", 2)
    rogue = msgspec.structs.replace(BARE, id="rogue-1")
    for _ in range(3):
        proofs.proven("product", [PROVEN, rogue])
    assert verified == ["product-1", "rogue-1"]
    proofs.proven("product", [proof.signed(msgspec.structs.replace(BARE, port=1), SEEDS["product"])])
    proofs.proven("product", [rogue])
    assert verified == ["product-1", "rogue-1", "product-1"], "the cache is LRU"
    assert len(proofs._verdicts) == 2


def registry_with_keys(replica: RegistryServer | None, service: str = "", cache_dir: Path | None = None) -> Registry:
    """The registry as a process of this service sees it."""
    urls = [replica.url] if replica else []
    return Registry(urls, TOKEN, cache_dir=cache_dir, key=SEEDS.get(service, ""), keys=KEYS)


async def test_a_rogue_registration_is_neither_watched_nor_reported_healthy(
    database: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "HEARTBEATS_PER_CHECK", 1)
    async with registry_server(database("discovery"), tmp_path) as running:
        product, rogue, order = (
            registry_with_keys(running, "product"),
            Registry([running.url], TOKEN),
            registry_with_keys(running, "order"),
        )
        watch = order.watch("product")
        await rogue.register(msgspec.structs.replace(BARE, id="product-0"))
        assert await watch.ready(30, at_least=0)
        assert not watch.instances

        await product.register(BARE, ttl_s=60)
        assert await watch.ready(30)
        assert watch.instances == (PROVEN,)
        assert {health.instance.id: (health.status, health.output) for health in await order.health_state()} == {
            "product-0": ("critical", "it does not prove that it is product"),
            "product-1": ("passing", ""),
        }

        # Taking over an id does not get its traffic either, and its owner registers again.
        seen = watch.version
        await rogue.register(msgspec.structs.replace(PROVEN, host="10.6.6.6"))
        async with asyncio.timeout(30):
            await watch.changed(seen)
        assert not watch.instances
        async with heartbeats(product):
            assert await watch.ready(60)
        assert watch.instances == (PROVEN,)
        for each in (product, rogue, order):
            await each.close()


async def test_no_call_of_a_service_reaches_a_rogue(database: Callable[[str], str], tmp_path: Path) -> None:
    async with (
        registry_server(database("discovery"), tmp_path) as running,
        callee("product-1") as mine,
        callee("product-0") as rogue,
        calling_by(registry_with_keys(running)) as client,
    ):
        pretender, product = Registry([running.url], TOKEN), registry_with_keys(running, "product")
        await pretender.register(rogue.instance)
        await product.register(mine.instance)
        assert {(await client.ask(timeout_s=30)).by for _ in range(20)} == {"product-1"}
        assert not rogue.seen
        await pretender.close()
        await product.close()


async def test_addresses_on_disk_are_verified_too(tmp_path: Path) -> None:
    address_cache.write(tmp_path / "product.json", (msgspec.structs.replace(BARE, id="rogue"), PROVEN))
    address_cache.write(tmp_path / "cart.json", (msgspec.structs.replace(BARE, id="rogue", service="cart"),))
    order = registry_with_keys(None, cache_dir=tmp_path)
    assert await order.watch("product").ready(30)
    assert order.watch("product").instances == (PROVEN,)
    assert not await order.watch("cart").ready(0.2)
    await order.close()
