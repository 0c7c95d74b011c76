"""Every route of every document × everybody who may knock, through the gateway of the running shop.

The documents say who may call (`x-policy`, `x-needs`); nothing here is listed by hand but the few routes that mean
something special by 401.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

import serai
from serai import topology
from serai.gateway.routes import WEB, client_document, paths, service_routes
from serai.permissions import ROLES
from tests.security.credentials import bearer, expired, of_service, token_of
from tests.security.operations import DOCUMENTS, OPERATIONS, Operation
from tests.security.problems import problem
from tools.shop.shopper import AdminClient, Shopper
from tools.shop.system import System

KNOCKING = ("anonymous", "customer", "admin", "expired", "garbage", "service")
#: Public, and 401 for whoever has no session to go on with.
NEEDS_A_COOKIE = "POST /api/auth/refresh"
CODES = {401: ("unauthenticated", "session_ended"), 403: ("forbidden",)}
#: Bodies that fit, so that a stranger is refused for who they are and not for what they send.
BODIES: dict[str, dict[str, Any]] = {"PUT /api/cart/items/{id}": {"quantity": 1}}
#: Services whose things belong to a customer.
OWNED = ("cart", "order", "payment", "user")
PATHS = paths(service_routes({**DOCUMENTS, WEB: client_document(topology.WEB_ROUTES)}))
#: Nothing has it; the same in every process that collects these tests.
NOBODY_S = "0190b5b0-0000-7000-8000-000000000000"
#: Whatever the code says is for services only.
INTERNAL = sorted(
    {
        found.replace("{id:str}", NOBODY_S)
        for file in Path(serai.__file__).parent.rglob("*.py")
        for found in re.findall(r'@\w+\(\s*f?"(/internal/[^"]*)"', file.read_text())
    }
)


class World(NamedTuple):
    """A shop in which somebody has bought something, and a stranger to them."""

    system: System
    http: httpx.Client
    admin: str
    customer: str
    #: Ids of the other customer's things, by the beginning of the paths that take them.
    foreign: dict[str, str]
    #: How those things stood before anybody knocked.
    before: tuple[dict[str, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def owner(system: System) -> Iterator[Shopper]:
    made = Shopper(system)
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def world(system: System, owner: Shopper) -> Iterator[World]:
    office = AdminClient(system)
    lamp, chair = office.product(stock=5), office.product(stock=5)
    owner.add(lamp).raise_for_status()
    order = owner.placed()
    owner.add(chair).raise_for_status()
    stranger = Shopper(system)
    foreign = {
        "/api/orders/": order["id"],
        "/api/payments/": order["payment"]["id"],
        "/api/cart/items/": owner.cart()["items"][0]["id"],
        "/api/users/": owner.http.get("/api/auth/me").json()["id"],
        "/api/auth/sessions/": owner.http.get("/api/auth/sessions").json()["items"][0]["id"],
    }
    before = owner.cart(), owner.order(order["id"])
    with system.client() as http:
        yield World(system, http, token_of(office.http), token_of(stranger.http), foreign, before)
    stranger.http.close()
    office.http.close()


def knock(world: World, operation: Operation, who: str) -> httpx.Response:
    credential = {
        "anonymous": {},
        "customer": bearer(world.customer),
        "admin": bearer(world.admin),
        "expired": bearer(expired(world.system, world.admin)),
        "garbage": bearer("no.such.token"),
        "service": of_service(world.system, "order", operation.service),
    }[who]
    thing = str(uuid4())
    if who == "customer" and operation.takes_id and operation.service in OWNED:
        things = [id for at, id in world.foreign.items() if operation.template.startswith(at)]
        assert things, f"somebody else needs something that {operation.label} is about"
        thing = things[0]
    body = BODIES.get(operation.label, {}) if operation.method in ("post", "put", "patch") else None
    headers = {**credential, "Idempotency-Key": str(uuid4())}
    with world.http.stream(operation.method, operation.path(thing), json=body, headers=headers) as answer:
        # An answer that goes on for ever has said enough with its head.
        if not operation.described.get("x-stream") or answer.status_code >= 400:
            answer.read()
    return answer


def expected(operation: Operation, who: str) -> int | None:
    """The status that the policy demands; None where it lets the caller in."""
    if who == "service":
        return 401
    if operation.policy == "public" or (operation.policy == "optional" and who == "anonymous"):
        return 401 if operation.label == NEEDS_A_COOKIE else None
    if who in ("anonymous", "expired", "garbage"):
        return 401
    return 403 if operation.needs and operation.needs not in ROLES[who] else None


@pytest.mark.parametrize("who", KNOCKING)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_the_policy_decides(world: World, operation: Operation, who: str) -> None:
    answer = knock(world, operation, who)
    wanted = expected(operation, who)
    if wanted is not None:
        assert problem(answer, wanted)["code"] in CODES[wanted]
        return
    assert answer.status_code not in (401, 403, 405), answer.text
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        problem(answer)
    if operation.policy == "signed_in":
        assert answer.headers["cache-control"] == "no-store"
    elif operation.policy == "optional" and who != "anonymous":
        assert "public" not in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "operation",
    [
        one
        for one in OPERATIONS
        if one.takes_id and one.needs is None and one.policy in ("signed_in", "optional") and one.service != "product"
    ],
    ids=lambda operation: operation.label,
)
def test_a_stranger_s_thing_looks_as_if_it_were_not_there(world: World, operation: Operation) -> None:
    foreign = problem(knock(world, operation, "customer"), 404, "not_found")
    headers = {**bearer(world.customer), "Idempotency-Key": str(uuid4())}
    body = BODIES.get(operation.label, {}) if operation.method in ("post", "put", "patch") else None
    absent = problem(
        world.http.request(operation.method, operation.path(str(uuid4())), json=body, headers=headers), 404, "not_found"
    )
    assert {**foreign, "request_id": ""} == {**absent, "request_id": ""}


def test_the_owner_s_things_stand_as_they_were(world: World, owner: Shopper) -> None:
    assert (owner.cart(), owner.order(world.foreign["/api/orders/"])) == world.before


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.template)
def test_a_path_has_no_other_methods(world: World, path: Any) -> None:
    known = {route.method for route in path.routes}
    where = re.sub(r"\{[^}]*\}", str(uuid4()), path.template)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} - known:
        for credential in ({}, bearer(world.admin)):
            answer = world.http.request(method, where, headers=credential)
            problem(answer, 405, "method_not_allowed")
            assert answer.headers["allow"] == path.allow


@pytest.mark.parametrize("service", topology.BY_NAME)
@pytest.mark.parametrize("probe", ["/metrics", "/livez", "/readyz"])
def test_probes_are_not_there_at_the_edge(world: World, service: str, probe: str) -> None:
    for path in (probe, f"/{service}{probe}", f"/api/{service}{probe}"):
        for credential in ({}, bearer(world.admin), of_service(world.system, "order", service)):
            answer = world.http.get(path, headers=credential)
            problem(answer, 401 if credential.get("Authorization", "").startswith("Service") else 404)


def test_there_are_internal_routes_to_look_for() -> None:
    assert {"/internal/events"} < set(INTERNAL)


@pytest.mark.parametrize("path", INTERNAL)
def test_what_is_internal_is_not_there_at_the_edge(world: World, path: str) -> None:
    where = re.sub(r"\{[^}]*\}", str(uuid4()), path)
    for method in ("GET", "POST", "PUT"):
        for prefix in ("", "/api", "/api/products/.."):
            problem(world.http.request(method, prefix + where, headers=bearer(world.admin)), 404, "not_found")
            problem(world.http.request(method, prefix + where), 404, "not_found")


def test_discovery_is_not_there_at_the_edge(world: World) -> None:
    for path in ("/v1/catalog/services", "/v1/health/service/user", "/v1/agent/service/register"):
        problem(world.http.get(path, headers=bearer(world.admin)), 404, "not_found")
