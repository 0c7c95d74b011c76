"""The monitoring API, with a real registry and real instances."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from serai import topology
from serai.monitoring.actions import MAX_AGE_S, NAMES
from serai.monitoring.app import create as create_monitoring
from serai.user.app import create as create_user
from tests import tokens
from tests.discovery.registry_server import RegistryServer, registry_server
from tests.notification.harness import eventually, served

PATH = "/api/monitoring/services"
PASSWORD = "a caravan at dusk"


@dataclass
class RunningServices:
    client: httpx.AsyncClient
    admin: dict[str, str]
    customer: dict[str, str]
    registry: RegistryServer
    user_port: int
    stop_registry: AsyncExitStack

    async def services(self) -> dict[str, Any]:
        answer = await self.client.get(PATH, headers=self.admin)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"items", "next_cursor", "registry"}
        return dict(body)

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Waits for a response that fits. It may be `MAX_AGE_S` old."""

        async def fetch() -> dict[str, Any]:
            body = await self.services()
            return body if fits(body) else {}

        return await eventually(fetch, within_s=MAX_AGE_S + 10)


def named(body: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [item for item in body["items"] if item["name"] == name]
    return dict(found)


@pytest.fixture
async def services(database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[RunningServices]:
    async with AsyncExitStack() as stack:
        registry_stack = AsyncExitStack()
        stack.push_async_callback(registry_stack.aclose)
        registry = await registry_stack.enter_async_context(registry_server(database("discovery"), tmp_path))
        user_database = database("user")
        environ = {"SERAI_HOME": str(tmp_path), "SERAI_DISCOVERY_URL": registry.url}
        user = create_user(tokens.environ("user", user_database, SERAI_JWT_KEYS=tokens.JWT_KEYS))
        user_port = await stack.enter_async_context(served(user.app()))
        monitoring = create_monitoring(tokens.environ("monitoring", **environ))
        port = await stack.enter_async_context(served(monitoring.app()))
        await _register(registry, "user-1", "user", user_port)
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10)
        await stack.enter_async_context(client)
        admin = await _signed_in(user_port, "admin@example.com", user_database)
        customer = await _signed_in(user_port, "ada@example.com")
        yield RunningServices(client, admin, customer, registry, user_port, registry_stack)


async def _register(registry: RegistryServer, instance: str, service: str, port: int, **check: Any) -> None:
    meta = {"version": "1.2.3"}
    if service in tokens.SERVICE_SEEDS:
        meta |= tokens.instance(service, port, instance).meta
    await registry.put(
        "/v1/agent/service/register",
        {
            "ID": instance,
            "Name": service,
            "Address": "127.0.0.1",
            "Port": port,
            "Meta": meta,
            "Check": {"CheckID": f"service:{instance}", "TTL": "60s", "Status": "passing"} | check,
        },
    )


async def _signed_in(user_port: int, email: str, make_admin_in: str | None = None) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{user_port}", trust_env=False) as client:
        credentials = {"email": email, "password": PASSWORD}
        await client.post("/api/auth/register", json=credentials | {"name": "Somebody"})
        if make_admin_in is not None:
            conn = await asyncpg.connect(make_admin_in)
            await conn.execute("update account set role = 'admin' where email = $1", email)
            await conn.close()
        answer = await client.post("/api/auth/login", json=credentials)
        UUID(answer.json()["user"]["id"])
        return {"authorization": f"Bearer {answer.json()['access_token']}"}


async def test_only_admins_may_read_it(services: RunningServices) -> None:
    assert (await services.client.get(PATH)).status_code == 401
    assert (await services.client.get(PATH, headers=services.customer)).status_code == 403
    assert (await services.client.get(f"{PATH}?all=1", headers=services.admin)).status_code == 422


async def test_every_service_is_listed_with_all_its_instances(services: RunningServices) -> None:
    await _register(services.registry, "user-2", "user", 9)
    await _register(services.registry, "cart-1", "cart", 9, Status="critical")
    await _register(services.registry, "order-1", "order", 9)
    await services.registry.put("/v1/agent/service/maintenance/order-1", enable="true", reason="draining")
    await _register(services.registry, "till-1", "till", 9)
    body = await services.until(lambda body: any(item["name"] == "till" for item in body["items"]))
    assert [item["name"] for item in body["items"]] == [*NAMES, "till"]
    assert {service.name for service in topology.SERVICES} | {"gateway", "discovery"} == set(NAMES)
    assert body["next_cursor"] is None
    assert body["registry"]["reachable"] is True

    user = named(body, "user")
    first, second = user["instances"]
    assert first["instance"] == "user-1"
    assert first["address"] == f"127.0.0.1:{services.user_port}"
    assert (first["health"], first["version"], first["scraped"]) == ("passing", "1.2.3", True)
    assert first["since"].endswith("Z")
    assert first["requests_total"] > 0
    assert first["error_rate"] is not None
    assert (second["scraped"], second["requests_total"], second["error_rate"]) == (False, None, None)

    assert [one["health"] for one in named(body, "cart")["instances"]] == ["critical"]
    assert [one["health"] for one in named(body, "order")["instances"]] == ["maintenance"]
    assert named(body, "payment") == {"name": "payment", "health": "critical", "instances": []}
    discovery = named(body, "discovery")
    assert discovery["health"] == "passing"
    assert f"http://{discovery['instances'][0]['address']}" == services.registry.url


async def test_without_the_registry_the_last_known_instances_are_shown_and_marked(services: RunningServices) -> None:
    before = await services.until(lambda body: bool(named(body, "user")["instances"]))
    await services.stop_registry.aclose()
    body = await services.until(lambda body: not body["registry"]["reachable"])
    assert body["registry"]["as_of"] >= before["registry"]["as_of"]
    assert [one["instance"] for one in named(body, "user")["instances"]] == ["user-1"]
    assert named(body, "user")["instances"][0]["scraped"] is True
    assert named(body, "discovery")["health"] == "critical"
