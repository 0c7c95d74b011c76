"""py-consul, a Consul client of another project, works with the registry."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import consul
import pytest

from tests.discovery.registry_server import TOKEN, RegistryServer


async def test_py_consul_registers_reports_watches_and_leaves(registry: RegistryServer) -> None:
    # Its calls block, and the registry runs on this thread's event loop.
    await asyncio.wait_for(asyncio.to_thread(_use_client, registry.url), 60)


def _use_client(url: str) -> None:
    address = urlsplit(url)
    client = consul.Consul(host=address.hostname, port=address.port, token=TOKEN)
    agent = client.agent
    assert client.status.leader() == address.netloc
    assert agent.self()["Config"]["Datacenter"]

    index, entries = client.health.service("product")
    assert entries == []
    assert agent.service.register(
        "product",
        service_id="product-1",
        address="10.0.0.1",
        port=8000,
        tags=["blue"],
        meta={"version": "7"},
        check=consul.Check.ttl("30s"),
    )
    index, (entry,) = client.health.service("product", index=index, wait="20s")
    assert entry["Service"]["Meta"] == {"version": "7"}
    assert entry["Checks"][0]["Status"] == "critical", "a check starts as critical, as in Consul"
    assert client.health.service("product", passing=True)[1] == []

    assert agent.check.ttl_pass("service:product-1", notes="well")
    index, (entry,) = client.health.service("product", passing=True, index=index, wait="20s")
    assert (entry["Service"]["Address"], entry["Service"]["Port"]) == ("10.0.0.1", 8000)
    assert entry["Checks"][0]["Output"] == "well"
    assert agent.check.ttl_pass("service:product-1")
    assert client.health.service("product", index=index, wait="100ms")[0] == index, (
        "a heartbeat does not change the index"
    )

    assert client.catalog.services()[1] == {"product": ["blue"]}
    assert [one["ServiceID"] for one in client.catalog.service("product", tag="blue")[1]] == ["product-1"]
    assert client.health.state("critical")[1] == []
    assert agent.check.ttl_warn("service:product-1")
    assert [check["Status"] for check in client.health.state("any")[1]] == ["warning"]
    assert agent.check.ttl_fail("service:product-1")
    assert agent.service.maintenance("product-1", True, reason="an exercise")
    assert {check["CheckID"] for check in client.health.state("critical")[1]} == {
        "service:product-1",
        "_service_maintenance:product-1",
    }
    assert agent.service.maintenance("product-1", False)

    assert agent.service.deregister("product-1")
    gone, entries = client.health.service("product", index=index, wait="20s")
    assert (gone > index, entries) == (True, [])
    assert client.catalog.services()[1] == {}

    unauthorized = consul.Consul(host=address.hostname, port=address.port, token="guess")
    with pytest.raises(consul.ACLPermissionDenied):
        unauthorized.agent.service.register("product", service_id="product-2")
