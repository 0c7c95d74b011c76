"""The requests to Stripe, and the rules for the requests of other services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid
from serai.commerce.money import Money
from serai.contracts.payment import OpenPayment, PaymentLine, RefundRequest
from serai.payment import requests

ORDER, BUYER = UUID(int=1), UUID(int=2)
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def line(amount: int, quantity: int = 1, name: str = "Walnut desk") -> PaymentLine:
    return PaymentLine(name, quantity, usd(amount))


def opening(
    amount: int = 5000, lines: list[PaymentLine] | None = None, currency: str = "USD", **more: Any
) -> OpenPayment:
    lines = lines or [line(amount)]
    request = OpenPayment("S-100042", Money(amount, currency), BUYER, "ada@example.com", lines, UNTIL)
    return msgspec.structs.replace(request, **more)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (opening(0), "amount.amount"),
        (opening(49), "amount.amount"),
        (opening(100_000_000), "amount.amount"),
        (opening(currency="EUR"), "amount.currency"),
        (opening(lines=[PaymentLine("Desk", 1, Money(5000, "EUR"))]), "amount.currency"),
        (opening(lines=[line(2500, 2), line(1)]), "lines"),
        (opening(lines=[line(2499, 2)]), "lines"),
    ],
)
def test_a_request_that_stripe_would_refuse_or_that_does_not_add_up_is_invalid(
    request_: OpenPayment, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        requests.check(request_, "USD")
    assert [error["field"] for error in refused.value.errors] == [field]


@pytest.mark.parametrize(
    "request_",
    [
        opening(50),
        opening(99_999_999),
        opening(lines=[line(2000, 2), line(1000, name="Shipping")]),
        # Prices exclude tax: the tax is a line.
        opening(lines=[line(4000), line(1000, name="Tax")]),
        # Prices include tax: there is no line for it.
        opening(lines=[line(5000, name="Walnut desk, tax included")]),
        # A discount of a third on three units, and one that leaves nothing to pay for a line.
        opening(lines=[line(5000, name="Walnut desk × 3"), line(0, name="Cable")]),
    ],
)
def test_lines_are_what_the_buyer_pays_for_each(request_: OpenPayment) -> None:
    requests.check(request_, "USD")


def charged(request: requests.Request) -> int:
    """The sum of the line items, as Stripe computes it."""
    return sum(item["quantity"] * item["price_data"]["unit_amount"] for item in request["line_items"])


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 9)), min_size=1, max_size=250))
def test_the_page_charges_the_amount_whatever_the_number_of_lines(prices: list[tuple[int, int]]) -> None:
    lines = [line(amount, quantity) for amount, quantity in prices]
    request = requests.session(ORDER, 1, opening(lines=lines), "https://shop.example")
    assert charged(request) == sum(amount * quantity for amount, quantity in prices)
    assert len(request["line_items"]) == min(len(prices), requests.MAX_LINES)


def test_lines_beyond_stripes_limit_are_summed_up_in_the_last() -> None:
    lines = [line(n, name=f"Line {n}") for n in range(1, 103)]
    items = requests.session(ORDER, 1, opening(lines=lines), "https://shop.example")["line_items"]
    assert items[-2]["price_data"]["product_data"]["name"] == "Line 99"
    assert items[-1]["price_data"] == {
        "currency": "usd",
        "unit_amount": 100 + 101 + 102,
        "product_data": {"name": "3 more lines"},
    }


@pytest.mark.parametrize(
    ("name", "shown"), [("Desk", "Desk"), ("x" * 250, "x" * 250), ("x" * 251, "x" * 249 + "…"), ("  ", "Item")]
)
def test_a_name_has_the_length_that_stripe_takes(name: str, shown: str) -> None:
    (item,) = requests.session(ORDER, 1, opening(lines=[line(5000, name=name)]), "https://shop.example")["line_items"]
    assert item["price_data"]["product_data"]["name"] == shown


@pytest.mark.parametrize(("email", "sent"), [("ada@example.com", True), ("ada@localhost", False), ("a b@c.de", False)])
def test_an_address_that_stripe_would_refuse_is_left_out(email: str, sent: bool) -> None:
    request = requests.session(ORDER, 1, opening(email=email), "https://shop.example")
    assert ("customer_email" in request) is sent


def test_a_session_names_its_order_and_returns_to_it_and_expires_with_it() -> None:
    request = requests.session(ORDER, 3, opening(), "https://shop.example/")
    assert request["client_reference_id"] == str(ORDER)
    assert request["metadata"] == request["payment_intent_data"]["metadata"] == {"order_id": str(ORDER), "attempt": "3"}
    assert request["success_url"] == f"https://shop.example/orders/{ORDER}?session_id={{CHECKOUT_SESSION_ID}}"
    assert request["cancel_url"] == f"https://shop.example/orders/{ORDER}"
    assert request["expires_at"] == 1767225600
    assert request["adaptive_pricing"] == {"enabled": False}


def test_an_intent_has_the_amount_and_names_its_order() -> None:
    request = requests.intent(ORDER, 2, opening())
    assert (request["amount"], request["currency"]) == (5000, "usd")
    assert request["metadata"] == {"order_id": str(ORDER), "attempt": "2"}
    assert "confirm" not in request


def test_a_confirmation_returns_to_the_order() -> None:
    assert requests.confirmation(ORDER, "pm_1", "https://shop.example") == {
        "payment_method": "pm_1",
        "return_url": f"https://shop.example/orders/{ORDER}",
    }


@pytest.mark.parametrize(("duplicate", "reason"), [(True, "duplicate"), (False, "requested_by_customer")])
def test_a_refund_carries_the_id_by_which_it_is_recognised(duplicate: bool, reason: str) -> None:
    request = requests.refund(ORDER, UUID(int=9), 4, "pi_1", usd(700), duplicate=duplicate)
    assert request == {
        "payment_intent": "pi_1",
        "amount": 700,
        "reason": reason,
        "metadata": {"order_id": str(ORDER), "refund_id": str(UUID(int=9)), "n": "4"},
    }


class NewerLine(PaymentLine, frozen=True):
    image: str = ""


class NewerOpenPayment(OpenPayment, frozen=True):
    """The request of a later version, which has one more field."""

    statement: str = ""


class NewerRefundRequest(RefundRequest, frozen=True):
    note: str = ""


def newer(request: OpenPayment) -> NewerOpenPayment:
    fields = msgspec.to_builtins(request)
    fields["lines"] = [each | {"image": "desk.webp"} for each in fields["lines"]]
    return msgspec.convert(fields | {"statement": "SERAI"}, NewerOpenPayment)


@dataclass
class Version:
    """What one version of the service makes of a stored request and of a received one."""

    opening: type[OpenPayment]
    refund: type[RefundRequest]


OLDER, NEWER = Version(OpenPayment, RefundRequest), Version(NewerOpenPayment, NewerRefundRequest)


@pytest.mark.parametrize("writer", [OLDER, NEWER])
@pytest.mark.parametrize("reader", [OLDER, NEWER])
@pytest.mark.parametrize("first_caller", [opening(), newer(opening())])
@pytest.mark.parametrize("second_caller", [opening(), newer(opening())])
def test_a_repetition_is_recognised_whichever_versions_send_store_and_compare_it(
    writer: Version, reader: Version, first_caller: OpenPayment, second_caller: OpenPayment
) -> None:
    stored = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(first_caller), type=writer.opening))
    repeated = msgspec.json.decode(msgspec.json.encode(second_caller), type=reader.opening)
    assert requests.same_opening(msgspec.json.decode(stored, type=reader.opening), repeated)
    other = msgspec.structs.replace(repeated, email="eve@example.com")
    assert not requests.same_opening(msgspec.json.decode(stored, type=reader.opening), other)


@pytest.mark.parametrize(
    "change",
    [
        {"number": "S-2"},
        {"amount": usd(4999)},
        {"user_id": None},
        {"email": "eve@example.com"},
        {"payable_until": datetime(2026, 1, 2, tzinfo=UTC)},
        {"lines": [line(5000), line(0)]},
        {"lines": [line(5000, name="Desk")]},
        {"lines": [line(2500, 2)]},
    ],
)
def test_a_request_that_differs_in_any_field_is_another_one(change: dict[str, Any]) -> None:
    assert requests.same_opening(opening(), opening())
    assert not requests.same_opening(opening(), msgspec.structs.replace(opening(), **change))


@pytest.mark.parametrize("reader", [OLDER, NEWER])
def test_a_refund_is_compared_by_the_fields_that_every_version_has(reader: Version) -> None:
    newer_request = NewerRefundRequest("key", usd(100), "scratched", True, "a note")
    received = msgspec.json.decode(msgspec.json.encode(newer_request), type=reader.refund)
    older = RefundRequest("key", usd(100), "scratched", True)
    assert requests.same_refund(older, received)
    for change in ({"amount": usd(99)}, {"amount": None}, {"reason": None}, {"restock": False}):
        assert not requests.same_refund(older, msgspec.structs.replace(received, **change))
