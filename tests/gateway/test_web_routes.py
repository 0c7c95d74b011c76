"""The client application's pages and files: routed one by one, read-only, and forwarded unchanged."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serai import topology
from serai.gateway.openapi_documents import read_documents
from serai.gateway.routes import WEB, RouteError, client_document, service_routes
from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess

PATHS = [re.sub(r"\{\w+\}", "walnut-desk", route) for route in topology.WEB_ROUTES]


@pytest.fixture(scope="module")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[GatewayProcess]:
    """A gateway in front of all services and the web service."""
    consul = await FakeConsul().start()
    for service in (*DOCUMENTS, WEB):
        await consul.set(service, upstream)
    environ = {
        "SERAI_OPENAPI": str(documents),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
    }
    gateway = await GatewayProcess(tmp_path_factory.mktemp("web-routes"), environ).start()
    await gateway.until(lambda response: response.status == 200, "/")
    yield gateway
    await gateway.stop()
    await consul.stop()


async def test_every_page_and_file_accepts_get_and_head_only(shop: GatewayProcess, upstream: Upstream) -> None:
    for path in PATHS:
        upstream.received.clear()
        assert (await shop.get(path)).status == 200, path
        assert (await shop.request("HEAD", path)).status == 200, path
        assert [(received.method, received.path) for received in upstream.received] == [("GET", path), ("HEAD", path)]
        response = await shop.request("POST", path, body=b"{}")
        response.problem(405, "method_not_allowed")
        assert response.headers["allow"] == "GET, HEAD"
        assert len(upstream.received) == 2


async def test_responses_of_web_are_not_changed(shop: GatewayProcess, upstream: Upstream) -> None:
    """Web sends precompressed files with strong entity tags."""
    upstream.received.clear()
    response = await shop.get('/assets/a.js?large&type=text/javascript&tag="strong"', **{"accept-encoding": "br, gzip"})
    assert "content-encoding" not in response.headers
    assert response.headers["etag"] == '"strong"'
    assert upstream.received[-1].headers["accept-encoding"] == "br, gzip"


async def test_pages_need_no_token_and_ignore_an_expired_one(shop: GatewayProcess) -> None:
    response = await shop.request("GET", "/orders", token="stale")
    assert response.status == 200


async def test_the_api_opens_without_the_web_service(gateway: GatewayProcess) -> None:
    assert (await gateway.get("/api/categories")).status == 200
    (await gateway.get("/")).problem(503, "unavailable")


def test_the_pages_do_not_conflict_with_the_services_paths() -> None:
    documents = read_documents(service.name for service in topology.SERVICES if service.public)
    routes = service_routes({**documents, WEB: client_document(topology.WEB_ROUTES)})
    assert {route.template for route in routes if route.service == WEB} == set(topology.WEB_ROUTES)


@pytest.mark.parametrize("taken", ["/api/products", "/metrics", "/docs", "/{anything}", "/{rest:path}"])
def test_refuses_pages_at_reserved_or_taken_paths(taken: str) -> None:
    with pytest.raises(RouteError):
        service_routes({**DOCUMENTS, WEB: client_document([taken])})
