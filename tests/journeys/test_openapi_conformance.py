"""Schemathesis holds every answer against the documents: what fits is served, what does not is refused, nothing breaks.

Requests are derived from the documents alone (boundary values, then random ones, well-formed and not) and are the same
in every run. The shop is one of its own, since nothing in it is left as it was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import pytest
import requests
import schemathesis
from schemathesis import CheckFunction, Config, GenerationMode
from schemathesis.filters import HasAPIOperation
from schemathesis.openapi import from_dict
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection

from serai.gateway.openapi_documents import merge_documents
from tests.security.credentials import bearer, token_of
from tests.security.operations import DOCUMENTS
from tools.shop.shopper import AdminClient, Shopper, pay, until
from tools.shop.system import System, running_system

Case: TypeAlias = schemathesis.Case[Any]

#: What a well-formed request may meet all the same: rules between fields, the state of things, a limit.
_LAWFUL = ["2xx", "401", "403", "404", "409", "412", "422", "429"]
_REFUSED = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429"]
#: Not QUERY, which Envoy takes for nothing that is HTTP (400).
_METHODS = ["get", "put", "post", "delete", "options", "patch", "trace"]
#: Its body is bytes under Stripe's signature; tests/payment/test_webhooks.py is about it.
_RAW = "/api/payments/webhooks/stripe"
#: In place of the policy of an operation that needs a permission.
_NEEDING = "needs a permission"

_DOCUMENT = merge_documents(DOCUMENTS, title="Serai", version="1", url="http://127.0.0.1")


def _api(policies: tuple[str, ...], *, boundaries: bool) -> BaseSchema:
    """The operations under `policies`, with a few random requests each and, if asked for, every boundary value."""
    config = {
        "seed": 20240229,
        "generation": {
            "deterministic": True,
            "max-examples": 20,
            "no-shrink": True,
            "database": "none",
            "with-security-parameters": False,
        },
        "phases": {"coverage": {"enabled": boundaries, "unexpected-methods": _METHODS}},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": _LAWFUL},
            "negative_data_rejection": {"expected-statuses": _REFUSED},
        },
    }

    def chosen(context: HasAPIOperation) -> bool:
        described = context.operation.definition.raw
        ends = not described.get("x-stream")
        policy = _NEEDING if "x-needs" in described else described["x-policy"]
        return policy in policies and ends and context.operation.path != _RAW

    return from_dict(_DOCUMENT, config=Config.from_dict(config)).include(func=chosen)


class Things(NamedTuple):
    """What is there to be asked about."""

    #: For the ids in paths; the first beginning that fits counts.
    paths: dict[str, str]
    #: For members of bodies that only a lucky guess would get right.
    members: dict[str, str]

    def ground(self, case: Case) -> None:
        """Let a well-formed request be about things that are there, else it would get no further than 404."""
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
            return
        if case.path_parameters:
            for beginning, thing in self.paths.items():
                if f"{case.method} {case.path}".startswith(beginning) or case.path.startswith(beginning):
                    case.path_parameters = dict.fromkeys(case.path_parameters, thing)
                    break
        case.body = self._grounded(case.body)

    def _grounded(self, body: Any) -> Any:
        if isinstance(body, list):
            return [self._grounded(each) for each in body]
        if not isinstance(body, dict):
            return body
        return {
            key: self.members[key] if key in self.members and isinstance(value, str) else self._grounded(value)
            for key, value in body.items()
        }


class Caller(NamedTuple):
    url: str
    session: requests.Session
    headers: dict[str, str]
    things: Things

    def ask(self, case: Case) -> None:
        """Send `case` and check the answer."""
        self.things.ground(case)
        # A cookie that one request brought must not decide about the next.
        self.session.cookies.clear()
        # What Schemathesis takes for a violation and is none: a null of its own making where a body may be null, and a
        # key of 254 characters beside a body in parts.
        innocent = case.body is None or case.media_type == "multipart/form-data"
        excluded: list[CheckFunction] = [negative_data_rejection] if innocent else []
        case.call_and_validate(
            base_url=self.url, session=self.session, headers=self.headers, excluded_checks=excluded, timeout=20
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("conformance")) as started:
        yield started


@pytest.fixture(scope="module")
def callers(shop: System) -> Iterator[dict[str, Caller]]:
    office, shopper, other = AdminClient(shop), Shopper(shop), Shopper(shop)
    lamp, chair = office.product(stock=900), office.product(stock=900)

    def order(paid: bool) -> dict[str, Any]:
        shopper.add(lamp).raise_for_status()
        placed = shopper.placed()
        if not paid:
            return placed
        pay(placed)
        until("the cart to be empty", lambda: not shopper.cart()["items"])
        return shopper.order_when(placed["id"], "paid")

    bought, returned, unpaid = order(paid=True), order(paid=True), order(paid=False)
    shopper.add(chair).raise_for_status()
    lines = {line["product_id"]: line["id"] for line in shopper.cart()["items"]}
    shopper.sign_in()
    earlier = shopper.http.get("/api/auth/sessions").raise_for_status().json()["items"][-1]
    mail = until("a mail", lambda: office.http.get("/api/notifications?limit=1").json()["items"])[0]
    things = Things(
        paths={
            "DELETE /api/products/": chair["id"],
            "/api/products/": lamp["id"],
            "/api/orders/": bought["id"],
            "/api/payments/{id}/confirm": unpaid["payment"]["id"],
            "/api/payments/": returned["payment"]["id"],
            "DELETE /api/cart/items/": lines[chair["id"]],
            "/api/cart/items/": lines[lamp["id"]],
            "PATCH /api/users/": other.http.get("/api/auth/me").json()["id"],
            "/api/users/": shopper.http.get("/api/auth/me").json()["id"],
            "/api/notifications/": mail["id"],
            "/api/auth/sessions/": earlier["id"],
        },
        members={
            "currency": "USD",
            "product_id": lamp["id"],
            "variant_id": lamp["variants"][0]["id"],
            "order_id": unpaid["id"],
        },
    )
    with requests.Session() as session:
        session.trust_env = False
        yield {
            "visitor": Caller(shop.url, session, {}, things),
            "customer": Caller(shop.url, session, bearer(token_of(shopper.http)), things),
            "admin": Caller(shop.url, session, bearer(token_of(office.http)), things),
        }
    for each in (shopper, other, office):
        each.http.close()


@_api(("public", "optional"), boundaries=True).parametrize()
def test_a_visitor_s_answers_conform(case: Case, callers: dict[str, Caller]) -> None:
    callers["visitor"].ask(case)


@_api(("signed_in",), boundaries=True).parametrize()
def test_a_customer_s_answers_conform(case: Case, callers: dict[str, Caller]) -> None:
    callers["customer"].ask(case)


@_api(("public", "optional"), boundaries=False).parametrize()
def test_a_customer_s_answers_conform_where_anybody_may_call(case: Case, callers: dict[str, Caller]) -> None:
    callers["customer"].ask(case)


@_api((_NEEDING,), boundaries=True).parametrize()
def test_an_admin_s_answers_conform(case: Case, callers: dict[str, Caller]) -> None:
    callers["admin"].ask(case)


@_api(("public", "optional", "signed_in"), boundaries=False).parametrize()
def test_an_admin_s_answers_conform_where_others_may_call(case: Case, callers: dict[str, Caller]) -> None:
    callers["admin"].ask(case)
