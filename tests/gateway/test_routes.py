"""Routes are read from documents; incomplete or conflicting documents are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serai.gateway.routes import Route, RouteError, check_limits, paths, paths_by_prefix, service_routes
from tests.gateway.fake_services import DOCUMENTS


def _one(template: str, **operation: Any) -> dict[str, dict[str, Any]]:
    return {"product": {"paths": {template: {"get": {"x-policy": "public", **operation}}}}}


def test_every_operation_of_every_document_is_one_route() -> None:
    expected = {
        (service, method.upper(), template, operation["x-policy"], operation.get("x-needs"))
        for service, document in DOCUMENTS.items()
        for template, item in document["paths"].items()
        for method, operation in item.items()
    }
    routes = service_routes(DOCUMENTS)
    assert {(r.service, r.method, r.template, r.policy, r.needs) for r in routes} == expected
    assert len(routes) == len(expected)


def test_an_operation_sets_its_limits() -> None:
    said: dict[str, Any] = {"x-rate-limit": "orders", "x-timeout-s": 3, "x-max-body-bytes": 5, "x-stream": True}
    assert service_routes(_one("/api/x", **said)) == [
        Route("GET", "/api/x", "product", "public", "orders", timeout_s=3.0, max_body_bytes=5, stream=True)
    ]


@pytest.mark.parametrize("policy", [None, "", "service", "admin", "everyone", 1])
def test_refuses_an_operation_without_a_policy_for_visitors(policy: object) -> None:
    with pytest.raises(RouteError, match="x-policy"):
        service_routes({"product": {"paths": {"/api/x": {"get": {"x-policy": policy}}}}})


def test_a_permission_that_no_role_has_makes_no_route() -> None:
    for needs in ("orders:raed", "", 1, ["orders:read"]):
        with pytest.raises(RouteError, match="x-needs"):
            service_routes(_one("/api/x", **{"x-policy": "signed_in", "x-needs": needs}))
    for policy in ("public", "optional"):
        with pytest.raises(RouteError, match="x-needs goes with x-policy signed_in"):
            service_routes(_one("/api/x", **{"x-policy": policy, "x-needs": "orders:read"}))


@pytest.mark.parametrize("path", ["/internal/events", "/metrics", "/livez", "/readyz", "/docs", "/docs/x", "/healthz"])
def test_refuses_internal_paths(path: str) -> None:
    with pytest.raises(RouteError, match="not for the outside"):
        service_routes(_one(path))


@pytest.mark.parametrize("path", ["api/x", "/api//x", "/api/x/", "/api/{a}{b}", "/api/x?y", "/api/x*", "/{any}"])
def test_refuses_malformed_path_templates(path: str) -> None:
    with pytest.raises(RouteError):
        service_routes(_one(path))


@pytest.mark.parametrize(
    "extra",
    [
        {"x-rate-limit": 5},
        {"x-timeout-s": "5"},
        {"x-timeout-s": 61},
        {"x-timeout-s": -1},
        {"x-max-body-bytes": True},
        {"x-max-body-bytes": -1},
        {"x-max-body-bytes": 1 << 30},
        {"x-stream": "yes"},
        {"x-more-with": "orders:read"},
    ],
)
def test_refuses_an_extension_with_an_invalid_value(extra: dict[str, Any]) -> None:
    with pytest.raises(RouteError):
        service_routes(_one("/api/x", **extra))


def test_refuses_two_services_on_one_path() -> None:
    both = {
        "cart": {"paths": {"/api/x/{a}": {"get": {"x-policy": "public"}}}},
        "order": {"paths": {"/api/x/{b}": {"get": {"x-policy": "public"}}}},
    }
    with pytest.raises(RouteError, match="cart has this path already"):
        service_routes(both)


def test_refuses_a_misspelt_class_of_limit() -> None:
    routes = service_routes(_one("/api/x", **{"x-rate-limit": "sing_in"}))
    with pytest.raises(RouteError, match="sing_in"):
        check_limits(routes, ["sign_in"])


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(RouteError) as caught:
        service_routes({"cart": {"paths": {"/api/a": {"get": {}}, "/api/b": {"get": {}}}}})
    assert "/api/a" in str(caught.value)
    assert "/api/b" in str(caught.value)


def test_a_literal_segment_comes_before_a_parameter() -> None:
    order = [path.template for path in paths(service_routes(DOCUMENTS))]
    assert order.index("/api/orders/quote") < order.index("/api/orders/{id}")
    assert order.index("/api/orders/stats") < order.index("/api/orders/{id}")


def test_differently_named_parameters_are_one_path() -> None:
    found = [path for path in paths(service_routes(DOCUMENTS)) if path.regex == r"/api/products/[^/]+"]
    assert len(found) == 1
    assert found[0].allow == "DELETE, GET, PUT"


def test_an_expression_matches_its_own_path_only() -> None:
    by_template = {path.template: path for path in paths(service_routes(DOCUMENTS))}
    stock = re.compile(by_template["/api/products/{id}/stock"].regex)
    assert stock.fullmatch("/api/products/42/stock")
    for other in (
        "/api/products/42/stocks",
        "/api/products/4/2/stock",
        "/api/products//stock",
        "/x/api/products/4/stock",
    ):
        assert stock.fullmatch(other) is None
    well_known = re.compile(by_template["/.well-known/jwks.json"].regex)
    assert well_known.fullmatch("/.well-known/jwks.json")
    assert well_known.fullmatch("/xwell-known/jwksxjson") is None


def test_a_longer_prefix_hides_no_path() -> None:
    documents = {
        "cart": {
            "paths": {
                "/api/{thing}": {"get": {"x-policy": "public"}},
                "/api/order": {"get": {"x-policy": "public"}},
                "/api/orders/{id}": {"get": {"x-policy": "public"}},
            }
        }
    }
    found = paths_by_prefix(paths(service_routes(documents)))
    # /api/orders-of-mine begins with the prefix /api/orders but matches {thing}.
    assert [path.template for path in found["/api/orders"]] == ["/api/orders/{id}", "/api/{thing}"]
    assert [path.template for path in found["/api/order"]] == ["/api/order", "/api/{thing}"]


def test_only_reads_are_retried_after_a_response() -> None:
    assert {route.method for route in service_routes(DOCUMENTS) if route.retriable} == {"GET"}
