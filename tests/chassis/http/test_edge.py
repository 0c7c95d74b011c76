"""The edge of every service: policies, strict requests, problem documents, ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from litestar import get, post
from litestar.params import FromQuery, JSONBody, QueryParameter
from litestar.testing import TestClient

from serai import topology
from serai.chassis.errors import Conflict
from serai.chassis.http.edge import Request
from serai.chassis.http.openapi import document
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, SettingsError, load
from tests import tokens


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]


class Taken(Conflict):
    code, detail = "thing_taken_for_test", "There is one already."


@post("/api/things", policy="signed_in")
async def make_thing(request: Request, data: JSONBody[Thing]) -> Thing:
    if data.name == "taken":
        raise Taken(owner="me")
    if data.name == "bug":
        raise RuntimeError("secret detail of the inside")
    return data


@get("/api/things", policy="public")
async def list_things(
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 20,
    q: FromQuery[str | None] = None,
    since: FromQuery[int | None] = None,
) -> dict[str, Any]:
    return {"limit": limit, "q": q, "since": since}


@get("/api/whoami", policy="optional")
async def whoami(request: Request) -> dict[str, Any]:
    return {"user": request.caller.user_id}


@get("/internal/things", policy="service", include_in_schema=False)
async def internal_things(request: Request) -> dict[str, Any]:
    return {"service": request.caller.service}


def assembled() -> Service:
    declared = topology.Service("cart", "", database=False)
    service = Service(declared, load(Settings, tokens.environ("cart")), callers=frozenset({"order"}))
    service.routes(object(), [make_thing, list_things, whoami, internal_things])
    return service


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Any]]:
    with TestClient(assembled().app(), raise_server_exceptions=False) as opened:
        yield opened


def signed_in() -> dict[str, str]:
    """A new token for each request: a token is valid for ten minutes, and a run of all tests takes longer."""
    return tokens.as_user(uuid4())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    document: dict[str, Any] = answer.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document.keys() >= {"type", "title", "detail"}
    return document


def test_a_route_without_a_policy_does_not_start() -> None:
    @get("/api/open")
    async def forgotten() -> None: ...

    service = assembled()
    service.routes(object(), [forgotten])
    with pytest.raises(RuntimeError, match="/api/open declares no policy"):
        service.app()


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"needs": "orders:raed"}, "permissions that no role has: orders:raed"),
        ({"policy": "signed_in", "more_with": ("orders:read", "orders:raed")}, "that no role has: orders:raed"),
        ({"policy": "signed_in", "needs": "orders:read"}, "both a policy and a permission"),
        ({"policy": "admin"}, "declares no policy"),
        ({"more_with": ("orders:read",)}, "declares no policy"),
    ],
)
def test_a_route_with_an_unknown_permission_or_policy_does_not_start(declared: dict[str, Any], said: str) -> None:
    @get("/api/misspelt", **declared)
    async def misspelt() -> None: ...

    service = assembled()
    service.routes(object(), [misspelt])
    with pytest.raises(RuntimeError, match=f"/api/misspelt declares .*{said.removeprefix('declares ')}"):
        service.app()


def test_a_route_that_needs_a_permission_is_for_who_is_signed_in() -> None:
    @get("/api/needing", needs="orders:read")
    async def needing() -> None: ...

    service = assembled()
    service.routes(object(), [needing])
    app = service.app()
    described = document("cart", app)["paths"]["/api/needing"]["get"]
    assert (described["x-policy"], described["x-needs"]) == ("signed_in", "orders:read")
    with TestClient(app, raise_server_exceptions=False) as client:
        problem(client.get("/api/needing"), 401, "unauthenticated")
        problem(client.get("/api/needing", headers=tokens.as_service("order", "cart")), 403, "forbidden")


def test_production_refuses_to_start_half_configured() -> None:
    declared = topology.Service("cart", "", calls=("product",))
    with pytest.raises(SettingsError) as caught:
        Service(declared, load(Settings, {"SERAI_MODE": "production"}))
    assert caught.value.problems == [
        "DATABASE_URL is missing",
        "SERAI_DISCOVERY_URL is missing",
        "SERAI_SERVICE_KEY is missing",
        "SERAI_SERVICE_KEYS has no key of product, by which it proves its name",
    ]


def test_who_may_call(client: TestClient[Any]) -> None:
    problem(client.post("/api/things", json={"name": "a"}), 401, "unauthenticated")
    assert client.post("/api/things", json={"name": "a"}, headers=signed_in()).status_code == 201
    problem(client.get("/internal/things"), 403, "forbidden")
    problem(client.get("/internal/things", headers=signed_in()), 403, "forbidden")


def test_an_optional_token_must_be_valid_if_given(client: TestClient[Any]) -> None:
    assert client.get("/api/whoami").json() == {"user": None}
    assert client.get("/api/whoami", headers=signed_in()).json()["user"] is not None
    problem(client.get("/api/whoami", headers={"Authorization": "Bearer nonsense"}), 401, "unauthenticated")


def test_only_a_listed_service_may_call(client: TestClient[Any]) -> None:
    assert client.get("/internal/things", headers=tokens.as_service("order", "cart")).json() == {"service": "order"}
    problem(client.get("/internal/things", headers=tokens.as_service("payment", "cart")), 401, "unauthenticated")


def test_a_token_for_another_service_has_its_own_code(client: TestClient[Any]) -> None:
    """A caller then notices that its callee's address now belongs to another service."""
    for caller in ("order", "payment"):
        problem(client.get("/internal/things", headers=tokens.as_service(caller, "product")), 401, "wrong_audience")


def test_a_service_is_not_a_user(client: TestClient[Any]) -> None:
    problem(client.get("/api/whoami", headers=tokens.as_service("order", "cart")), 403, "forbidden")


@pytest.mark.parametrize(
    ("content_type", "raw", "status", "code"),
    [
        ("text/plain", b'{"name": "a"}', 415, "unsupported_media_type"),
        ("application/json", b"{", 400, "malformed_json"),
        ("application/json", b'{"name": "\xff"}', 400, "malformed_json"),
        ("application/json", b'{"name": "a", "role": "admin"}', 422, "invalid"),
        ("application/json", b'{"name": ""}', 422, "invalid"),
        ("application/json", b'{"name": "' + b"a" * 2_000_000 + b'"}', 413, "too_large"),
    ],
)
def test_refuses_a_bad_body(client: TestClient[Any], content_type: str, raw: bytes, status: int, code: str) -> None:
    headers = {**signed_in(), "Content-Type": content_type}
    problem(client.post("/api/things", content=raw, headers=headers), status, code)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=ten", "limt=1", "limit=1&limit=2", "q=%00", "since=null", "since=NULL"]
)
def test_refuses_a_bad_query(client: TestClient[Any], query: str) -> None:
    assert problem(client.get(f"/api/things?{query}"), 422, "invalid")["errors"]


def test_null_is_a_valid_search_text(client: TestClient[Any]) -> None:
    assert client.get("/api/things?q=null").json()["q"] == "null"


def test_a_fact_cannot_replace_a_standard_member() -> None:
    with pytest.raises(TypeError, match="status"):
        Conflict("Not now.", status="paid")


def test_the_facts_of_an_error_are_in_its_document(client: TestClient[Any]) -> None:
    answer = client.post("/api/things", json={"name": "taken"}, headers=signed_in())
    assert problem(answer, 409, "thing_taken_for_test")["owner"] == "me"


def test_an_unexpected_error_reveals_no_detail(client: TestClient[Any]) -> None:
    answer = client.post("/api/things", json={"name": "bug"}, headers=signed_in())
    problem(answer, 500, "internal")
    assert "secret detail" not in answer.text


def test_unknown_paths_and_methods(client: TestClient[Any]) -> None:
    problem(client.get("/api/nothing"), 404, "not_found")
    problem(client.delete("/api/things"), 405, "method_not_allowed")


def test_a_valid_request_id_is_kept_and_an_invalid_one_replaced(client: TestClient[Any]) -> None:
    assert (
        client.get("/api/things", headers={"X-Request-Id": "order-4711-abc"}).headers["x-request-id"]
        == "order-4711-abc"
    )
    for bad in ("short", "with space in it", "x" * 129, "semi;colon;semi"):
        given = client.get("/api/things", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert given != bad
        assert len(given) == 32


def test_probes_and_metrics_answer(client: TestClient[Any]) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert ready.json() == {"status": "ready"}
    assert ready.headers["x-envoy-upstream-healthchecked-cluster"] == "cart"
    assert 'http_route="/api/things"' in client.get("/metrics").text
