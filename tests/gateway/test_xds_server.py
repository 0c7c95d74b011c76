"""The xDS server: its resources and access control, and that an Envoy with no other configuration serves by it."""

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
from serai.gateway import xds_server
from serai.gateway.settings import GatewaySettings
from serai.supervisor.ports import find_free
from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response
from tests.gateway.standalone_envoy import standalone_envoy

REGISTRY_TOKEN, TOKEN = "token-of-the-registry", "token-of-the-xds-server"
_CONFIG = "type.googleapis.com/envoy.config."
TYPES = {
    "clusters": _CONFIG + "cluster.v3.Cluster",
    "endpoints": _CONFIG + "endpoint.v3.ClusterLoadAssignment",
    "extension_configs": _CONFIG + "core.v3.TypedExtensionConfig",
    "routes": _CONFIG + "route.v3.RouteConfiguration",
    "listeners": _CONFIG + "listener.v3.Listener",
}


@dataclass
class XdsClient:
    """Sends requests to the xDS server as an Envoy does."""

    url: str
    gateway: GatewayProcess
    consul: FakeConsul
    #: The port of Envoys that use the xDS server.
    listen_port: int

    async def request(
        self, kind: str, body: Any = None, *, token: str = TOKEN, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.url}/v3/discovery:{kind}",
                data=sent,
                headers={"authorization": f"Bearer {token}"} if headers is None else headers,
            ) as response,
        ):
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def given(self, kind: str, *names: str) -> Any:
        status, document = await self.request(kind, {"type_url": TYPES[kind], "resource_names": list(names)})
        assert status == 200, document
        return document


@pytest.fixture(scope="module")
async def xds_client(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[XdsClient]:
    consul = await FakeConsul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    listen_port = find_free()
    gateway = GatewayProcess(
        tmp_path_factory.mktemp("xds"),
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
    await gateway.start()
    await gateway.until_all_serve(keys.token("admin"))
    yield XdsClient(await consul.address_of("gateway-1"), gateway, consul, listen_port)
    await gateway.stop()
    await consul.stop()


async def test_every_path_has_the_resources_of_its_type(xds_client: XdsClient) -> None:
    for kind, type_url in TYPES.items():
        document = await xds_client.given(kind)
        assert document["type_url"] == type_url
        assert document["nonce"]
        assert {resource["@type"] for resource in document["resources"]} == {type_url}
    clusters = {cluster["name"] for cluster in (await xds_client.given("clusters"))["resources"]}
    assert clusters == {"gateway", "web", *DOCUMENTS}


async def test_resources_do_not_refer_to_files(xds_client: XdsClient) -> None:
    for kind in TYPES:
        assert "path_config_source" not in json.dumps(await xds_client.given(kind))
    assert "serai_xds" in json.dumps(await xds_client.given("clusters"))


async def test_resources_are_selected_by_name(xds_client: XdsClient) -> None:
    (cart,) = (await xds_client.given("endpoints", "cart"))["resources"]
    assert cart["cluster_name"] == "cart"
    assert len((await xds_client.given("endpoints", "cart", "order", "unknown"))["resources"]) == 2
    assert (await xds_client.given("endpoints", "unknown"))["resources"] == []
    assert len((await xds_client.given("routes", "edge"))["resources"]) == 1
    assert len((await xds_client.given("clusters", "*"))["resources"]) == len(DOCUMENTS) + 2


async def test_the_current_version_gets_304(xds_client: XdsClient, upstream: Upstream) -> None:
    query = {"type_url": TYPES["endpoints"], "resource_names": ["cart"]}
    first = await xds_client.given("endpoints", "cart")
    assert await xds_client.request("endpoints", query | {"version_info": first["version_info"]}) == (304, None)
    again = await xds_client.given("endpoints", "cart")
    assert (again["version_info"], again["resources"]) == (first["version_info"], first["resources"])
    assert again["nonce"] != first["nonce"]
    # The version of another type of resource is not the current one.
    assert (await xds_client.request("clusters", {"version_info": first["version_info"]}))[0] == 200

    other = await Upstream("other", {}).start()
    try:
        await xds_client.consul.set("cart", upstream, other)
        async with asyncio.timeout(30):
            while (await xds_client.request("endpoints", query | {"version_info": first["version_info"]}))[0] == 304:
                await asyncio.sleep(0.05)
        assert (await xds_client.given("endpoints", "cart"))["version_info"] != first["version_info"]
    finally:
        await xds_client.consul.set("cart", upstream)
        await other.stop()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"resource_names": "cart"}', b'{"version_info": 1}', b'{"type_url": "nonsense"}', b"\xff"],
)
async def test_a_malformed_request_is_a_400(xds_client: XdsClient, body: bytes) -> None:
    status, problem = await xds_client.request("clusters", body)
    assert (status, problem["code"]) == (400, "bad_request")


async def test_a_request_for_another_type_is_a_400(xds_client: XdsClient) -> None:
    status, problem = await xds_client.request("clusters", {"type_url": TYPES["routes"]})
    assert (status, problem["code"]) == (400, "bad_request")
    assert "Cluster" in problem["detail"]


async def test_a_request_of_a_megabyte_is_too_large(xds_client: XdsClient) -> None:
    status, problem = await xds_client.request("clusters", b'{"node": "' + b"x" * (1 << 20) + b'"}')
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
async def test_every_request_needs_a_token(xds_client: XdsClient, kind: str, headers: dict[str, str]) -> None:
    status, problem = await xds_client.request(kind, headers=headers)
    assert (status, problem["code"]) == (401, "unauthenticated")


async def test_on_this_machine_the_registry_s_token_is_accepted(xds_client: XdsClient) -> None:
    assert (await xds_client.request("clusters", token=REGISTRY_TOKEN))[0] == 200


async def test_the_xds_server_is_not_routed_from_outside(xds_client: XdsClient) -> None:
    for kind in TYPES:
        response = await xds_client.gateway.request("POST", f"/v3/discovery:{kind}", token=TOKEN, body=b"{}")
        response.problem(404, "not_found")


def _from(address: str, server: xds_server.XdsServer) -> web.Application:
    """The xDS server, with requests that appear to come from this address."""

    @web.middleware
    async def set_remote(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request.clone(remote=address))

    app = web.Application(middlewares=[set_remote])
    app.add_routes(server.routes())
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
async def test_from_another_machine_its_own_token_is_needed(address: str, token: str, status: int) -> None:
    """An authorized request gets 503, because there are no resources yet."""
    app = _from(address, xds_server.XdsServer(token=TOKEN, registry_token=REGISTRY_TOKEN))
    async with TestClient(TestServer(app)) as client:
        headers = {"authorization": f"Bearer {token}"}
        async with client.post("/v3/discovery:clusters", data=b"{}", headers=headers) as response:
            assert (response.status, (await response.json())["status"]) == (status, status)


async def test_without_any_token_the_server_is_disabled() -> None:
    app = _from("127.0.0.1", xds_server.XdsServer(token="", registry_token=""))
    async with TestClient(TestServer(app)) as client:
        for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}):
            async with client.post("/v3/discovery:clusters", data=b"{}", headers=headers) as response:
                assert response.status == 404


async def _via_remote_envoy(xds_client: XdsClient, path: str, **options: Any) -> Response:
    """Sends the request to the standalone Envoy instead of the gateway's own."""
    own, xds_client.gateway.port = xds_client.gateway.port, xds_client.listen_port
    try:
        return await xds_client.gateway.request("GET", path, **options)
    finally:
        xds_client.gateway.port = own


async def _until(xds_client: XdsClient, fits: Callable[[Response], bool], path: str, log: Callable[[], str]) -> None:
    last: object = None
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    response = await _via_remote_envoy(xds_client, path)
                    if fits(response):
                        return
                    last = response
                except (OSError, asyncio.IncompleteReadError) as error:
                    last = error
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"{path} stays {last}\n{log()}") from None


async def test_an_envoy_that_knows_only_the_xds_server_serves_as_the_gateway_does(
    xds_client: XdsClient, upstream: Upstream, keys: SigningKeys, tmp_path: Path
) -> None:
    async with standalone_envoy(tmp_path, int(xds_client.url.rpartition(":")[2]), TOKEN) as envoy:
        await _until(xds_client, lambda response: response.status == 200, "/api/categories", lambda: envoy.log)

        upstream.received.clear()
        (await _via_remote_envoy(xds_client, "/api/auth/me")).problem(401, "unauthenticated")
        (await _via_remote_envoy(xds_client, "/api/auth/me", token=SigningKeys().token())).problem(
            401, "unauthenticated"
        )
        (await _via_remote_envoy(xds_client, "/api/monitoring/services", token=keys.token())).problem(403, "forbidden")
        (await _via_remote_envoy(xds_client, "/nothing")).problem(404, "not_found")
        (await _via_remote_envoy(xds_client, "/api//categories%2f")).problem(400, "bad_request")
        assert not upstream.received
        assert (await _via_remote_envoy(xds_client, "/api/auth/me", token=keys.token())).status == 200
        assert (await _via_remote_envoy(xds_client, "/docs")).status == 200
        # Removed addresses are forgotten, new ones used.
        moved = await Upstream("moved", keys.jwks).start()
        try:
            await xds_client.consul.set("product", moved)
            await _until(
                xds_client,
                lambda a: a.status == 200 and a.json["from"] == "moved",
                "/api/categories",
                lambda: envoy.log,
            )
        finally:
            await xds_client.consul.set("product", upstream)
            await moved.stop()
        await _until(
            xds_client, lambda a: a.status == 200 and a.json["from"] == "first", "/api/categories", lambda: envoy.log
        )
        counters = await envoy.counters()
        assert counters["cluster_manager.cds.update_success"] >= 1
        assert not {name: count for name, count in counters.items() if "rejected" in name and count}


async def test_a_remote_envoy_serves_on_without_the_xds_server(
    consul: FakeConsul, upstream: Upstream, new_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    listen_port = find_free()
    gateway = new_gateway(
        SERAI_INSTANCE="gateway-1", SERAI_XDS_TOKEN=TOKEN, SERAI_XDS_LISTEN=f"127.0.0.1:{listen_port}"
    )
    await gateway.start()
    xds_client = XdsClient(await consul.address_of("gateway-1"), gateway, consul, listen_port)
    async with standalone_envoy(tmp_path, int(xds_client.url.rpartition(":")[2]), TOKEN) as envoy:
        await _until(xds_client, lambda response: response.status == 200, "/api/categories", lambda: envoy.log)
        assert await gateway.stop() == 0
        async with asyncio.timeout(30):
            while not (await envoy.counters()).get("cluster_manager.cds.update_failure"):
                await asyncio.sleep(0.1)
        # Only the other gateway drains: this one is healthy.
        assert (await _via_remote_envoy(xds_client, "/healthz")).status == 200
        assert (await _via_remote_envoy(xds_client, "/api/categories")).status == 200


@pytest.mark.parametrize("address", ["localhost:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", ":80", "80", "::1"])
def test_an_invalid_listen_address_of_remote_envoys_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="SERAI_XDS_LISTEN"):
        load(GatewaySettings, {"SERAI_MODE": "local", "SERAI_XDS_LISTEN": address}).check()


def test_remote_envoys_may_listen_on_every_address() -> None:
    for address in ("0.0.0.0:8443", "[::]:8443"):
        load(GatewaySettings, {"SERAI_MODE": "local", "SERAI_XDS_LISTEN": address}).check()
