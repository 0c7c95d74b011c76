"""`build_resources`: policies, retries, outlier detection and deadlines in Envoy's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serai.gateway.config_source import FileSource
from serai.gateway.edge_config import EdgeConfig
from serai.gateway.envoy_resources import Resources, build_resources
from serai.gateway.rate_limits import RateLimit
from serai.gateway.routes import service_routes
from serai.gateway.system_state import Endpoint, SystemState
from tests.gateway.fake_services import DOCUMENTS, SigningKeys

ROUTES = service_routes(DOCUMENTS)
FULL = SystemState(
    services={service: (Endpoint("127.0.0.1", 9000 + n),) for n, service in enumerate(sorted(DOCUMENTS))},
    jwks=SigningKeys().jwks,
    open=True,
)
CLOSED = SystemState()


def _edge(**changed: Any) -> EdgeConfig:
    return EdgeConfig(
        **{"bind": "127.0.0.1", "port": 8080, "source": FileSource(Path("/nowhere")), "agent_port": 9999, **changed}
    )


def _routes(found: Resources) -> list[dict[str, Any]]:
    tree = found.routes[0]["virtual_hosts"][0]["matcher"]["matcher_tree"]["prefix_match_map"]["map"]
    return [route for group in tree.values() for route in group["action"]["typed_config"]["routes"]]


def _named(found: Resources, name: str) -> dict[str, Any]:
    return next(route for route in _routes(found) if route["name"] == name)


def test_the_same_input_gives_the_same_output() -> None:
    assert build_resources(ROUTES, FULL, _edge()) == build_resources(reversed(list(reversed(ROUTES))), FULL, _edge())


def test_every_route_requires_what_its_policy_says() -> None:
    found = build_resources(ROUTES, FULL, _edge())
    for route in ROUTES:
        config = _named(found, f"{route.method} {route.template}").get("typed_per_filter_config", {})
        required = config.get("envoy.filters.http.jwt_authn", {}).get("requirement_name")
        assert required == {"public": None, "optional": "optional"}.get(route.policy, "signed_in"), route
        assert ("envoy.filters.http.rbac" in config) == (route.needs is not None), route
        assert not any("disabled" in value for value in config.values())


def test_catalogue_routes_have_no_filter_but_compression() -> None:
    found = build_resources(ROUTES, FULL, _edge(limits={"sign_in": RateLimit(60, 30)}))
    config = _named(found, "GET /api/products/{id_or_slug}")["typed_per_filter_config"]
    assert set(config) == {"serai.brotli", "serai.gzip"}


def test_every_path_refuses_other_methods() -> None:
    found = build_resources(ROUTES, FULL, _edge())
    tree = found.routes[0]["virtual_hosts"][0]["matcher"]["matcher_tree"]["prefix_match_map"]["map"]
    for group in tree.values():
        listed = group["action"]["typed_config"]["routes"]
        for route in listed:
            fallbacks = [
                r for r in listed if r["match"].items() <= route["match"].items() and "headers" not in r["match"]
            ]
            assert any(fallback["direct_response"]["status"] == 405 for fallback in fallbacks), route["name"]


def test_a_closed_gateway_routes_to_no_service() -> None:
    found = build_resources(ROUTES, CLOSED, _edge())
    assert {route["route"]["cluster"] for route in _routes(found) if "route" in route} == {"gateway"}


def test_writes_are_never_retried_after_a_response() -> None:
    found = build_resources(ROUTES, FULL, _edge())
    for route in ROUTES:
        retried = _named(found, f"{route.method} {route.template}")["route"]["retry_policy"]["retry_on"]
        assert ("gateway-error" in retried) == (route.method == "GET")
        assert not {"5xx", "reset", "retriable-4xx"} & set(retried.split(","))


def test_a_single_instance_is_never_ejected() -> None:
    two = SystemState(
        services={"product": (Endpoint("a", 1), Endpoint("b", 2)), "cart": (Endpoint("a", 1),)}, open=True
    )
    clusters = {cluster["name"]: cluster for cluster in build_resources(ROUTES, two, _edge()).clusters}
    assert clusters["product"]["outlier_detection"]["always_eject_one_host"]
    assert "outlier_detection" not in clusters["cart"]


def test_without_keys_only_the_placeholder_key_is_configured() -> None:
    config = build_resources(ROUTES, CLOSED, _edge()).extensions[0]["typed_config"]
    keys = json.loads(config["providers"]["user"]["local_jwks"]["inline_string"])["keys"]
    assert [key["kid"] for key in keys] == ["nobody"]


def test_a_stream_has_no_deadline() -> None:
    action = _named(build_resources(ROUTES, FULL, _edge()), "GET /api/monitoring/logs/tail")["route"]
    assert (action["timeout"], action["idle_timeout"]) == ("0s", "0s")
