"""The documents that are committed make a gateway, and it guards every route in them as they say."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from serai import topology
from serai.gateway.documents import read_documents
from serai.gateway.routes import WEB, Route, check_limits, client_document, service_routes
from serai.gateway.settings import GatewaySettings
from serai.gateway.table import route_table
from serai.permissions import ROLES
from serai.supervisor.documents import ROUTES
from tests.gateway.gate import Gate
from tests.gateway.shop import Consul, Keys, Upstream

PUBLIC = [service.name for service in topology.SERVICES if service.public]


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    return service_routes(read_documents(PUBLIC))


@pytest.fixture(scope="module")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, keys: Keys, upstream: Upstream, routes: list[Route]
) -> AsyncIterator[Gate]:
    consul = await Consul().start()
    for service in PUBLIC:
        await consul.set(service, upstream)
    environ = {
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
        **{f"SERAI_LIMIT_{name.upper()}": "off" for name in GatewaySettings().limits()},
    }
    gate = Gate(tmp_path_factory.mktemp("committed"), environ)
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield gate
    await gate.stop()
    await consul.stop()


def test_the_page_of_routes_is_that_of_the_documents_and_of_the_client() -> None:
    documents = {**read_documents(PUBLIC), WEB: client_document(topology.WEB_ROUTES)}
    assert ROUTES.read_text() == route_table(service_routes(documents))


def test_every_class_of_limit_has_figures(routes: list[Route]) -> None:
    check_limits(routes, GatewaySettings().limits())


async def test_every_route_lets_in_whom_its_document_names(
    shop: Gate, upstream: Upstream, keys: Keys, routes: list[Route]
) -> None:
    tokens = {
        "anonymous": None,
        "customer": keys.token(),
        "admin": keys.token("admin"),
        "expired": keys.token("admin", exp=1),
    }
    upstream.let_go.set()
    for route in routes:
        path = re.sub(r"\{[^}]+\}", "01900000-0000-7000-8000-000000000000", route.template)
        for who, token in tokens.items():
            answer = await shop.ask(route.method, path, token=token, body=None if route.method == "GET" else b"{}")
            if who == "expired":
                # A public route asks for no token, so a stale one does not hurt there.
                expected = 200 if route.policy == "public" else 401
            elif who == "anonymous" and route.policy == "signed_in":
                expected = 401
            elif who in ROLES and route.needs is not None and route.needs not in ROLES[who]:
                expected = 403
            else:
                expected = 200
            assert answer.status == expected, (route, who)


async def test_a_service_s_token_opens_no_route(
    shop: Gate, upstream: Upstream, keys: Keys, routes: list[Route]
) -> None:
    upstream.seen.clear()
    for route in routes:
        path = re.sub(r"\{[^}]+\}", "1", route.template)
        for scheme in ("Service", "Bearer"):
            token = keys.token("admin", iss="order", aud="user", headers={"kid": "svc-order"})
            answer = await shop.ask(route.method, path, headers={"authorization": f"{scheme} {token}"})
            if (route.policy, scheme) != ("public", "Bearer"):
                answer.problem(401, "unauthenticated")
    assert all(seen.headers.get("authorization", "").startswith("Bearer ") for seen in upstream.seen)
