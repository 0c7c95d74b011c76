"""The discovery outlet: what it says, to whom, and that an Envoy which knows nothing else becomes an edge by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from serai.chassis.settings import SettingsError, load
from serai.gateway import xds as served
from serai.gateway.settings import GatewaySettings
from serai.supervisor.ports import find_free
from tests.gateway.gate import Answer, Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream
from tests.gateway.stock import stock_envoy

REGISTRY_TOKEN, TOKEN = "token-of-the-registry", "token-of-the-outlet"
_CONFIG = "type.googleapis.com/envoy.config."
TYPES = {
    "clusters": _CONFIG + "cluster.v3.Cluster",
    "endpoints": _CONFIG + "endpoint.v3.ClusterLoadAssignment",
    "extension_configs": _CONFIG + "core.v3.TypedExtensionConfig",
    "routes": _CONFIG + "route.v3.RouteConfiguration",
    "listeners": _CONFIG + "listener.v3.Listener",
}


@dataclass
class Outlet:
    """Asks the outlet as an Envoy would."""

    url: str
    gate: Gate
    consul: Consul
    #: Where Envoys that are fed by it listen.
    listen_port: int

    async def ask(
        self, kind: str, body: Any = None, *, token: str = TOKEN, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.url}/v3/discovery:{kind}",
                data=sent,
                headers={"authorization": f"Bearer {token}"} if headers is None else headers,
            ) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def given(self, kind: str, *names: str) -> Any:
        status, document = await self.ask(kind, {"type_url": TYPES[kind], "resource_names": list(names)})
        assert status == 200, document
        return document


@pytest.fixture(scope="module")
async def outlet(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: Keys, upstream: Upstream
) -> AsyncIterator[Outlet]:
    consul = await Consul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    listen_port = find_free()
    gate = Gate(
        tmp_path_factory.mktemp("outlet"),
        {
            "SERAI_OPENAPI": str(documents),
            "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
            "SERAI_REGISTRY_TOKEN": REGISTRY_TOKEN,
            "SERAI_XDS_TOKEN": TOKEN,
            "SERAI_XDS_LISTEN": f"127.0.0.1:{listen_port}",
            "SERAI_JWKS": json.dumps(keys.jwks),
            "SERAI_INSTANCE": "gateway-1",
        },
    )
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield Outlet(await consul.address_of("gateway-1"), gate, consul, listen_port)
    await gate.stop()
    await consul.stop()


async def test_everything_is_found_under_its_own_name(outlet: Outlet) -> None:
    for kind, type_url in TYPES.items():
        document = await outlet.given(kind)
        assert document["type_url"] == type_url
        assert document["nonce"]
        assert {resource["@type"] for resource in document["resources"]} == {type_url}
    clusters = {cluster["name"] for cluster in (await outlet.given("clusters"))["resources"]}
    assert clusters == {"gateway", "web", *DOCUMENTS}


async def test_nothing_it_says_is_found_in_a_file(outlet: Outlet) -> None:
    for kind in TYPES:
        assert "path_config_source" not in json.dumps(await outlet.given(kind))
    assert "serai_xds" in json.dumps(await outlet.given("clusters"))


async def test_what_is_asked_for_by_name_comes_alone(outlet: Outlet) -> None:
    (cart,) = (await outlet.given("endpoints", "cart"))["resources"]
    assert cart["cluster_name"] == "cart"
    assert len((await outlet.given("endpoints", "cart", "order", "unheard-of"))["resources"]) == 2
    assert (await outlet.given("endpoints", "unheard-of"))["resources"] == []
    assert len((await outlet.given("routes", "edge"))["resources"]) == 1
    assert len((await outlet.given("clusters", "*"))["resources"]) == len(DOCUMENTS) + 2


async def test_who_has_the_version_is_told_that_nothing_changed(outlet: Outlet, upstream: Upstream) -> None:
    asked = {"type_url": TYPES["endpoints"], "resource_names": ["cart"]}
    first = await outlet.given("endpoints", "cart")
    assert await outlet.ask("endpoints", asked | {"version_info": first["version_info"]}) == (304, None)
    again = await outlet.given("endpoints", "cart")
    assert (again["version_info"], again["resources"]) == (first["version_info"], first["resources"])
    assert again["nonce"] != first["nonce"]
    # The same version of something else is not this.
    assert (await outlet.ask("clusters", {"version_info": first["version_info"]}))[0] == 200

    other = await Upstream("other", {}).start()
    try:
        await outlet.consul.set("cart", upstream, other)
        async with asyncio.timeout(30):
            while (await outlet.ask("endpoints", asked | {"version_info": first["version_info"]}))[0] == 304:
                await asyncio.sleep(0.05)
        assert (await outlet.given("endpoints", "cart"))["version_info"] != first["version_info"]
    finally:
        await outlet.consul.set("cart", upstream)
        await other.stop()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"resource_names": "cart"}', b'{"version_info": 1}', b'{"type_url": "nonsense"}', b"\xff"],
)
async def test_what_is_no_request_is_a_400(outlet: Outlet, body: bytes) -> None:
    status, problem = await outlet.ask("clusters", body)
    assert (status, problem["code"]) == (400, "bad_request")


async def test_a_request_for_another_type_is_a_400(outlet: Outlet) -> None:
    status, problem = await outlet.ask("clusters", {"type_url": TYPES["routes"]})
    assert (status, problem["code"]) == (400, "bad_request")
    assert "Cluster" in problem["detail"]


async def test_a_request_of_a_megabyte_is_too_large(outlet: Outlet) -> None:
    status, problem = await outlet.ask("clusters", b'{"node": "' + b"x" * (1 << 20) + b'"}')
    assert (status, problem["code"]) == (413, "too_large")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"x-consul-token": REGISTRY_TOKEN},
    ],
)
async def test_nobody_is_told_anything_without_a_token(outlet: Outlet, kind: str, headers: dict[str, str]) -> None:
    status, problem = await outlet.ask(kind, headers=headers)
    assert (status, problem["code"]) == (401, "unauthenticated")


async def test_on_this_machine_the_registry_s_token_will_do(outlet: Outlet) -> None:
    assert (await outlet.ask("clusters", token=REGISTRY_TOKEN))[0] == 200


async def test_it_is_not_routed_from_outside(outlet: Outlet) -> None:
    for kind in TYPES:
        answer = await outlet.gate.ask("POST", f"/v3/discovery:{kind}", token=TOKEN, body=b"{}")
        answer.problem(404, "not_found")


def _from(address: str, outlet: served.Outlet) -> web.Application:
    """The outlet as whoever calls from that address finds it."""

    @web.middleware
    async def elsewhere(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request.clone(remote=address))

    app = web.Application(middlewares=[elsewhere])
    app.add_routes(outlet.routes())
    return app


@pytest.mark.parametrize(
    ("address", "token", "status"),
    [
        ("127.0.0.1", REGISTRY_TOKEN, 503),
        ("::1", REGISTRY_TOKEN, 503),
        ("10.0.0.7", REGISTRY_TOKEN, 403),
        ("2001:db8::7", REGISTRY_TOKEN, 403),
        ("not an address", REGISTRY_TOKEN, 403),
        ("10.0.0.7", "wrong", 401),
        ("10.0.0.7", TOKEN, 503),
    ],
)
async def test_from_elsewhere_it_takes_a_token_of_its_own(address: str, token: str, status: int) -> None:
    """Whoever is let in hears that there is nothing yet."""
    app = _from(address, served.Outlet(token=TOKEN, registry_token=REGISTRY_TOKEN))
    async with TestClient(TestServer(app)) as client:
        headers = {"authorization": f"Bearer {token}"}
        async with client.post("/v3/discovery:clusters", data=b"{}", headers=headers) as answer:
            assert (answer.status, (await answer.json())["status"]) == (status, status)


async def test_without_any_token_there_is_no_outlet() -> None:
    app = _from("127.0.0.1", served.Outlet(token="", registry_token=""))
    async with TestClient(TestServer(app)) as client:
        for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}):
            async with client.post("/v3/discovery:clusters", data=b"{}", headers=headers) as answer:
                assert answer.status == 404


async def _elsewhere(outlet: Outlet, path: str, **asked: Any) -> Answer:
    """Asks the stock Envoy instead of the gate's own."""
    own, outlet.gate.port = outlet.gate.port, outlet.listen_port
    try:
        return await outlet.gate.ask("GET", path, **asked)
    finally:
        outlet.gate.port = own


async def _until(outlet: Outlet, fits: Callable[[Answer], bool], path: str, log: Callable[[], str]) -> None:
    last: object = None
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    answer = await _elsewhere(outlet, path)
                    if fits(answer):
                        return
                    last = answer
                except (OSError, asyncio.IncompleteReadError) as error:
                    last = error
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{path} stays {last}\n{log()}") from None


async def test_an_envoy_that_knows_only_the_outlet_becomes_an_edge(
    outlet: Outlet, upstream: Upstream, keys: Keys, tmp_path: Path
) -> None:
    async with stock_envoy(tmp_path, int(outlet.url.rpartition(":")[2]), TOKEN) as stock:
        await _until(outlet, lambda answer: answer.status == 200, "/api/categories", lambda: stock.log)

        upstream.seen.clear()
        (await _elsewhere(outlet, "/api/auth/me")).problem(401, "unauthenticated")
        (await _elsewhere(outlet, "/api/auth/me", token=Keys().token())).problem(401, "unauthenticated")
        (await _elsewhere(outlet, "/api/monitoring/services", token=keys.token())).problem(403, "forbidden")
        (await _elsewhere(outlet, "/nothing")).problem(404, "not_found")
        (await _elsewhere(outlet, "/api//categories%2f")).problem(400, "bad_request")
        assert not upstream.seen
        assert (await _elsewhere(outlet, "/api/auth/me", token=keys.token())).status == 200
        assert (await _elsewhere(outlet, "/docs")).status == 200
        # Addresses that are not there any more are forgotten, new ones found.
        moved = await Upstream("moved", keys.jwks).start()
        try:
            await outlet.consul.set("product", moved)
            await _until(
                outlet, lambda a: a.status == 200 and a.json["from"] == "moved", "/api/categories", lambda: stock.log
            )
        finally:
            await outlet.consul.set("product", upstream)
            await moved.stop()
        await _until(
            outlet, lambda a: a.status == 200 and a.json["from"] == "first", "/api/categories", lambda: stock.log
        )
        counters = await stock.counters()
        assert counters["cluster_manager.cds.update_success"] >= 1
        assert not {name: count for name, count in counters.items() if "rejected" in name and count}


async def test_such_an_edge_serves_on_without_its_outlet(
    consul: Consul, upstream: Upstream, fresh_gate: Callable[..., Gate], tmp_path: Path
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    listen_port = find_free()
    gate = fresh_gate(SERAI_INSTANCE="gateway-1", SERAI_XDS_TOKEN=TOKEN, SERAI_XDS_LISTEN=f"127.0.0.1:{listen_port}")
    await gate.start()
    outlet = Outlet(await consul.address_of("gateway-1"), gate, consul, listen_port)
    async with stock_envoy(tmp_path, int(outlet.url.rpartition(":")[2]), TOKEN) as stock:
        await _until(outlet, lambda answer: answer.status == 200, "/api/categories", lambda: stock.log)
        assert await gate.stop() == 0
        async with asyncio.timeout(30):
            while not (await stock.counters()).get("cluster_manager.cds.update_failure"):
                await asyncio.sleep(0.1)
        # It says neither that it leaves nor that anything is amiss: that was the other gate.
        assert (await _elsewhere(outlet, "/healthz")).status == 200
        assert (await _elsewhere(outlet, "/api/categories")).status == 200


@pytest.mark.parametrize("address", ["localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ":80", "80", "::1"])
def test_refuses_to_send_such_edges_where_nobody_can_listen(address: str) -> None:
    with pytest.raises(SettingsError, match="SERAI_XDS_LISTEN"):
        load(GatewaySettings, {"SERAI_MODE": "local", "SERAI_XDS_LISTEN": address}).check()


def test_such_edges_may_listen_everywhere() -> None:
    for address in ("0.0.0.0:8443", "[::]:8443"):
        load(GatewaySettings, {"SERAI_MODE": "local", "SERAI_XDS_LISTEN": address}).check()
