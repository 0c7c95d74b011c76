"""The client application's pages and files: listed one by one, there for reading, and passed on as they are."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serai import topology
from serai.gateway.documents import read_documents
from serai.gateway.routes import WEB, RouteError, client_document, service_routes
from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream

PLACES = [re.sub(r"\{\w+\}", "walnut-desk", route) for route in topology.WEB_ROUTES]


@pytest.fixture(scope="module")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: Keys, upstream: Upstream
) -> AsyncIterator[Gate]:
    """A gateway in front of a whole shop that has pages too."""
    consul = await Consul().start()
    for service in (*DOCUMENTS, WEB):
        await consul.set(service, upstream)
    environ = {
        "SERAI_OPENAPI": str(documents),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
    }
    gate = await Gate(tmp_path_factory.mktemp("client-files"), environ).start()
    await gate.until(lambda answer: answer.status == 200, "/")
    yield gate
    await gate.stop()
    await consul.stop()


async def test_every_place_is_there_for_reading_and_for_nothing_else(shop: Gate, upstream: Upstream) -> None:
    for path in PLACES:
        upstream.seen.clear()
        assert (await shop.get(path)).status == 200, path
        assert (await shop.ask("HEAD", path)).status == 200, path
        assert [(seen.method, seen.path) for seen in upstream.seen] == [("GET", path), ("HEAD", path)]
        answer = await shop.ask("POST", path, body=b"{}")
        answer.problem(405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"
        assert len(upstream.seen) == 2


async def test_what_web_says_of_its_files_is_not_touched(shop: Gate, upstream: Upstream) -> None:
    """It compresses by itself, once; and its tags name bytes."""
    upstream.seen.clear()
    answer = await shop.get('/assets/a.js?large&type=text/javascript&tag="strong"', **{"accept-encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["etag"] == '"strong"'
    assert upstream.seen[-1].headers["accept-encoding"] == "br, gzip"


async def test_no_token_is_asked_for_and_a_stale_one_does_no_harm(shop: Gate) -> None:
    answer = await shop.ask("GET", "/orders", token="stale")
    assert answer.status == 200


async def test_the_api_is_open_whether_or_not_there_are_pages(gate: Gate) -> None:
    assert (await gate.get("/api/categories")).status == 200
    (await gate.get("/")).problem(503, "unavailable")


def test_the_pages_stand_in_no_service_s_way() -> None:
    documents = read_documents(service.name for service in topology.SERVICES if service.public)
    routes = service_routes({**documents, WEB: client_document(topology.WEB_ROUTES)})
    assert {route.template for route in routes if route.service == WEB} == set(topology.WEB_ROUTES)


@pytest.mark.parametrize("taken", ["/api/products", "/metrics", "/docs", "/{anything}", "/{rest:path}"])
def test_refuses_pages_that_would_take_what_is_not_theirs(taken: str) -> None:
    with pytest.raises(RouteError):
        service_routes({**DOCUMENTS, WEB: client_document([taken])})
