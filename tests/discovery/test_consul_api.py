"""The parts of Consul's HTTP API that its clients rely on."""

from __future__ import annotations

import itertools
from typing import Any

import aiohttp.web

from serai.discovery.api import MAX_BODY_BYTES
from tests.discovery.registry_server import TOKEN, RegistryServer

REGISTER = "/v1/agent/service/register"


async def test_a_registered_instance_is_found_in_consul_s_format(registry: RegistryServer) -> None:
    await registry.register("p1", Notes="beats")
    entries, index = await registry.get("/v1/health/service/product", passing="")
    assert index > 0
    (entry,) = entries
    assert set(entry) == {"Node", "Service", "Checks"}
    assert entry["Node"]["Address"] == "10.0.0.1"
    assert entry["Service"] | {"CreateIndex": 0, "ModifyIndex": 0} == {
        "ID": "p1",
        "Service": "product",
        "Tags": [],
        "Address": "10.0.0.1",
        "Port": 8000,
        "Meta": {"version": "1"},
        "Weights": {"Passing": 1, "Warning": 1},
        "EnableTagOverride": False,
        "CreateIndex": 0,
        "ModifyIndex": 0,
    }
    (check,) = entry["Checks"]
    assert (check["CheckID"], check["Status"], check["Notes"]) == ("service:p1", "passing", "beats")
    assert (check["ServiceID"], check["ServiceName"], check["Type"]) == ("p1", "product", "ttl")

    listed, _ = await registry.get("/v1/catalog/service/product")
    assert [(s["ServiceID"], s["ServiceName"], s["ServiceAddress"], s["ServicePort"]) for s in listed] == [
        ("p1", "product", "10.0.0.1", 8000)
    ]
    assert listed[0]["ServiceMeta"] == {"version": "1"}
    assert (await registry.get("/v1/catalog/services"))[0] == {"product": []}


async def test_health_state_lists_the_checks_of_all_services(registry: RegistryServer) -> None:
    await registry.register("p1")
    await registry.register("u1", "user", Status="critical")
    checks, _ = await registry.get("/v1/health/state/any")
    assert {(c["ServiceName"], c["CheckID"], c["Status"]) for c in checks} == {
        ("product", "service:p1", "passing"),
        ("user", "service:u1", "critical"),
    }
    critical, _ = await registry.get("/v1/health/state/critical")
    assert [c["ServiceID"] for c in critical] == ["u1"]


async def test_checks_pass_warn_fail_and_update(registry: RegistryServer) -> None:
    await registry.register("p1", Status="critical")
    for verb, status in (("pass", "passing"), ("warn", "warning"), ("fail", "critical")):
        await registry.put(f"/v1/agent/check/{verb}/service:p1", note=f"now {status}")
        entries, _ = await registry.get("/v1/health/service/product")
        assert entries[0]["Checks"][0]["Status"] == status
        assert entries[0]["Checks"][0]["Output"] == f"now {status}"
        passing, _ = await registry.get("/v1/health/service/product", passing="1")
        assert len(passing) == (status == "passing")
    await registry.put("/v1/agent/check/update/service:p1", {"Status": "passing", "Output": "x" * 9000})
    entries, _ = await registry.get("/v1/health/service/product")
    assert entries[0]["Checks"][0]["Output"] == "x" * 4096


async def test_maintenance_stops_traffic_and_keeps_the_status_of_the_check(registry: RegistryServer) -> None:
    await registry.register("p1")
    await registry.put("/v1/agent/service/maintenance/p1", enable="true", reason="draining")
    entries, _ = await registry.get("/v1/health/service/product")
    assert [(c["CheckID"], c["Status"], c["Notes"]) for c in entries[0]["Checks"]] == [
        ("service:p1", "passing", ""),
        ("_service_maintenance:p1", "critical", "draining"),
    ]
    assert (await registry.get("/v1/health/service/product", passing="true"))[0] == []
    await registry.put("/v1/agent/check/pass/service:p1")
    assert (await registry.get("/v1/health/service/product", passing="true"))[0] == []
    await registry.put("/v1/agent/service/maintenance/p1", enable="false")
    assert len((await registry.get("/v1/health/service/product", passing="true"))[0]) == 1


async def test_a_deregistered_instance_is_gone(registry: RegistryServer) -> None:
    await registry.register("p1")
    await registry.put("/v1/agent/service/deregister/p1")
    assert (await registry.get("/v1/catalog/service/product"))[0] == []
    assert (await registry.get("/v1/catalog/services"))[0] == {}


async def test_an_instance_without_check_and_address_passes_at_the_address_of_its_request(
    registry: RegistryServer,
) -> None:
    await registry.put(REGISTER, {"Name": "plain", "Port": 9})
    entries, _ = await registry.get("/v1/health/service/plain", passing="true")
    assert (entries[0]["Service"]["ID"], entries[0]["Service"]["Address"]) == ("plain", "127.0.0.1")
    assert entries[0]["Checks"] == []


async def test_member_names_are_accepted_in_any_spelling_of_consul_s_clients(registry: RegistryServer) -> None:
    """Consul's server takes any case and underscores; HashiCorp's client writes `Name`, py-consul `name`."""
    check = {"TTL": "30s", "deregister_critical_service_after": "90s", "status": "passing"}
    await registry.put(REGISTER, {"id": "p1", "NAME": "product", "port": 1, "meta": {"a_B": "c"}, "check": check})
    await registry.put(REGISTER, {"Id": "p2", "name": "product", "checks": [{"ttl": "30s", "Status": "passing"}]})
    entries, _ = await registry.get("/v1/health/service/product", passing="1")
    assert [(entry["Service"]["ID"], entry["Service"]["Meta"]) for entry in entries] == [
        ("p1", {"a_B": "c"}),
        ("p2", {}),
    ]
    await registry.put("/v1/agent/check/update/service:p1", {"status": "critical", "output": "ill"})
    assert (await registry.health())["p1"] == "critical"


async def test_instances_are_selected_by_tag(registry: RegistryServer) -> None:
    for id_, tags in (("p1", ["a", "b"]), ("p2", ["b"])):
        await registry.put(REGISTER, {"ID": id_, "Name": "product", "Port": 1, "Tags": tags})
    assert (await registry.get("/v1/catalog/services"))[0] == {"product": ["a", "b"]}
    selected, _ = await registry.get("/v1/health/service/product", tag="a")
    assert [entry["Service"]["ID"] for entry in selected] == ["p1"]


async def test_prometheus_gets_targets_or_an_empty_list(registry: RegistryServer) -> None:
    assert (await registry.get("/v1/sd/prometheus"))[0] == []
    await registry.register("p1", Status="critical")
    (group,) = (await registry.get("/v1/sd/prometheus"))[0]
    assert group["targets"] == ["10.0.0.1:8000"]
    assert group["labels"]["job"] == "product"
    assert group["labels"]["instance"] == "p1"
    assert group["labels"]["__meta_consul_health"] == "critical"
    assert group["labels"]["__meta_consul_service_metadata_version"] == "1"
    assert all(isinstance(value, str) for value in group["labels"].values())


async def test_the_registry_describes_itself(registry: RegistryServer) -> None:
    described, _ = await registry.get("/v1/agent/self")
    assert described["Config"]["Datacenter"]
    leader, _ = await registry.get("/v1/status/leader")
    assert leader == registry.url.removeprefix("http://")


WRITES = [
    (REGISTER, {"Name": "evil", "Port": 1}),
    ("/v1/agent/service/deregister/p1", None),
    ("/v1/agent/service/maintenance/p1?enable=true", None),
    ("/v1/agent/check/pass/service:p1", None),
    ("/v1/agent/check/warn/service:p1", None),
    ("/v1/agent/check/fail/service:p1", None),
    ("/v1/agent/check/update/service:p1", {"Status": "critical"}),
]


NO_TOKEN: list[dict[str, str]] = [
    {},
    {"X-Consul-Token": "guess"},
    {"X-Consul-Token": TOKEN + "x"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": "Bearer"},
]


async def test_no_write_without_the_token(registry: RegistryServer) -> None:
    await registry.register("p1")
    before = await registry.get("/v1/health/state/any")
    for (path, body), headers in itertools.product(WRITES, NO_TOKEN):
        async with registry.session.put(registry.url + path, json=body, headers=headers) as response:
            assert response.status == 403, path
            assert response.content_type == "text/plain"
            assert await response.text() == "Permission denied"
    assert await registry.get("/v1/health/state/any") == before
    assert (await registry.get("/v1/catalog/services"))[0] == {"product": []}


async def test_the_token_may_be_a_bearer_token(registry: RegistryServer) -> None:
    async with registry.session.put(
        registry.url + REGISTER, data=b'{"Name":"plain"}', headers={"Authorization": f"Bearer {TOKEN}"}
    ) as response:
        assert response.status == 200


INVALID_REGISTRATIONS: list[dict[str, Any]] = [
    {},
    {"Name": ""},
    {"Name": "a/b"},
    {"Name": "a\n"},
    {"Name": "x" * 129},
    {"Name": "p", "ID": "a b"},
    {"Name": "p", "Port": 65536},
    {"Name": "p", "Port": "80"},
    {"Name": "p", "Address": "10.0.0.1/evil"},
    {"Name": "p", "Meta": {"a": "nul \x00"}},
    {"Name": "p", "Meta": {f"k{n}": "v" for n in range(65)}},
    {"Name": "p", "Tags": ["t"] * 33},
    {"Name": "p", "Check": {}},
    {"Name": "p", "Check": {"TTL": "soon"}},
    {"Name": "p", "Check": {"TTL": "0s"}},
    {"Name": "p", "Check": {"TTL": "-5s"}},
    {"Name": "p", "Check": {"TTL": "9999999h"}},
    {"Name": "p", "Check": {"TTL": "10s", "Status": "unknown"}},
    {"Name": "p", "Check": {"TTL": "10s", "HTTP": "http://10.0.0.1/", "Interval": "5s"}},
    {"Name": "p", "Check": {"HTTP": "http://10.0.0.1/"}},
    {"Name": "p", "Check": {"HTTP": "file:///etc/passwd", "Interval": "5s"}},
    {"Name": "p", "Check": {"TCP": "10.0.0.1:80", "Interval": "5s"}},
    {"Name": "p", "Checks": [{"TTL": "10s"}, {"TTL": "20s"}]},
]


async def test_refuses_an_invalid_registration(registry: RegistryServer) -> None:
    for body in INVALID_REGISTRATIONS:
        assert await registry.put(REGISTER, body, status=400), body
    assert (await registry.get("/v1/catalog/services"))[0] == {}


async def test_refuses_a_body_that_is_no_json_or_too_large(registry: RegistryServer) -> None:
    for data, status in ((b"", 400), (b"{", 400), (b'{"Name":"\xff"}', 400), (b"x" * (MAX_BODY_BYTES + 1), 413)):
        async with registry.session.put(
            registry.url + REGISTER, data=data, headers={"X-Consul-Token": TOKEN}
        ) as response:
            assert response.status == status, data[:20]


async def test_an_unknown_id_is_404_in_plain_text(registry: RegistryServer) -> None:
    for path, params in (
        ("/v1/agent/service/deregister/unknown", {}),
        ("/v1/agent/service/maintenance/unknown", {"enable": "true"}),
        ("/v1/agent/check/pass/service:unknown", {}),
    ):
        assert (await registry.put(path, status=404, **params)).startswith("Unknown ")
    assert await registry.put("/v1/agent/service/maintenance/unknown", status=400) == "Missing value for enable"


INVALID_QUERIES: list[tuple[str, dict[str, str]]] = [
    ("/v1/health/service/product", {"index": "-1"}),
    ("/v1/health/service/product", {"index": "x"}),
    ("/v1/health/service/product", {"index": "9" * 30}),
    ("/v1/health/service/product", {"index": "1", "wait": "soon"}),
    ("/v1/health/service/product", {"filter": "Service.Port == 1"}),
    ("/v1/health/service/%00", {}),
    ("/v1/catalog/service/" + "x" * 1000, {}),
]


async def test_refuses_invalid_queries(registry: RegistryServer) -> None:
    for path, params in INVALID_QUERIES:
        async with registry.session.get(registry.url + path, params=params) as response:
            assert response.status == 400, (path, params)
            assert response.content_type == "text/plain"


async def test_a_check_id_belongs_to_one_instance(registry: RegistryServer) -> None:
    await registry.register("p1", CheckID="mine")
    check = {"TTL": "10s", "CheckID": "mine"}
    await registry.put(REGISTER, {"ID": "p2", "Name": "product", "Port": 1, "Check": check}, status=400)
    await registry.put("/v1/agent/check/fail/mine")
    assert await registry.health() == {"p1": "critical"}


async def test_an_http_check_follows_the_instance_s_responses(registry: RegistryServer) -> None:
    statuses = [503, 200]

    async def answer(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(status=statuses.pop() if len(statuses) > 1 else statuses[0])

    app = aiohttp.web.Application()
    app.router.add_get("/readyz", answer)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        check = {"HTTP": f"http://127.0.0.1:{port}/readyz", "Interval": "1s", "Timeout": "500ms"}
        await registry.put(REGISTER, {"ID": "p1", "Name": "product", "Port": port, "Check": check})
        await registry.until({"p1": "passing"})
        await registry.until({"p1": "critical"})
        entries, _ = await registry.get("/v1/health/service/product")
        assert "503" in entries[0]["Checks"][0]["Output"]
        statuses[:] = [200]
        await registry.until({"p1": "passing"})
    finally:
        await runner.cleanup()
