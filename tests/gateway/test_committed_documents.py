"""A gateway from the committed OpenAPI documents enforces the policy of every route."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest

from serai import topology
from serai.gateway.openapi_documents import read_documents
from serai.gateway.route_table import route_table
from serai.gateway.routes import WEB, Route, check_limits, client_document, service_routes
from serai.gateway.settings import GatewaySettings
from serai.permissions import ROLES
from serai.supervisor.documents import ROUTES
from tests.gateway.fake_services import FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess

PUBLIC = [service.name for service in topology.SERVICES if service.public]


@pytest.fixture(scope="module")
def routes() -> list[Route]:
    return service_routes(read_documents(PUBLIC))


@pytest.fixture(scope="module")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, keys: SigningKeys, upstream: Upstream, routes: list[Route]
) -> AsyncIterator[GatewayProcess]:
    consul = await FakeConsul().start()
    for service in PUBLIC:
        await consul.set(service, upstream)
    environ = {
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
        **{f"SERAI_LIMIT_{name.upper()}": "off" for name in GatewaySettings().limits()},
    }
    gateway = GatewayProcess(tmp_path_factory.mktemp("committed"), environ)
    await gateway.start()
    await gateway.until_all_serve(keys.token("admin"))
    yield gateway
    await gateway.stop()
    await consul.stop()


def test_docs_routes_md_agrees_with_the_documents() -> None:
    documents = {**read_documents(PUBLIC), WEB: client_document(topology.WEB_ROUTES)}
    assert ROUTES.read_text() == route_table(service_routes(documents))


def test_every_class_of_rate_limit_is_configured(routes: list[Route]) -> None:
    check_limits(routes, GatewaySettings().limits())


async def test_every_route_admits_exactly_those_that_its_policy_names(
    shop: GatewayProcess, upstream: Upstream, keys: SigningKeys, routes: list[Route]
) -> None:
    tokens = {
        "anonymous": None,
        "customer": keys.token(),
        "admin": keys.token("admin"),
        "expired": keys.token("admin", exp=1),
    }
    upstream.release.set()
    for route in routes:
        path = re.sub(r"\{[^}]+\}", "01900000-0000-7000-8000-000000000000", route.template)
        for who, token in tokens.items():
            response = await shop.request(
                route.method, path, token=token, body=None if route.method == "GET" else b"{}"
            )
            if who == "expired":
                # A public route ignores the token, so an expired one is accepted.
                expected = 200 if route.policy == "public" else 401
            elif who == "anonymous" and route.policy == "signed_in":
                expected = 401
            elif who in ROLES and route.needs is not None and route.needs not in ROLES[who]:
                expected = 403
            else:
                expected = 200
            assert response.status == expected, (route, who)


async def test_a_service_s_token_is_refused_on_every_route(
    shop: GatewayProcess, upstream: Upstream, keys: SigningKeys, routes: list[Route]
) -> None:
    upstream.received.clear()
    for route in routes:
        path = re.sub(r"\{[^}]+\}", "1", route.template)
        for scheme in ("Service", "Bearer"):
            token = keys.token("admin", iss="order", aud="user", headers={"kid": "svc-order"})
            response = await shop.request(route.method, path, headers={"authorization": f"{scheme} {token}"})
            if (route.policy, scheme) != ("public", "Bearer"):
                response.problem(401, "unauthenticated")
    assert all(received.headers.get("authorization", "").startswith("Bearer ") for received in upstream.received)
