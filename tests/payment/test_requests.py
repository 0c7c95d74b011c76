"""What Stripe is asked for: the same bytes for the same attempt, within Stripe's limits, and never another amount."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid
from serai.commerce.money import Money
from serai.contracts.payment import PayLine, PaymentAsked
from serai.payment import requests

ORDER, USER, REFUND = UUID(int=1), UUID(int=2), UUID(int=3)
UNTIL = datetime(2026, 1, 31, 12, 0, 0, 900_000, tzinfo=UTC)
SHOP = "https://serai.test"


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def asked(*lines: PayLine, **fields: Any) -> PaymentAsked:
    lines = lines or (PayLine("Walnut desk", 2, usd(2000)), PayLine("Shipping", 1, usd(500)))
    total = sum(line.unit_price.amount * line.quantity for line in lines)
    made = PaymentAsked("S-100042", usd(total), USER, "ada@example.com", list(lines), UNTIL)
    return msgspec.structs.replace(made, **fields)


def sum_of(session: requests.Request) -> int:
    return sum(line["quantity"] * line["price_data"]["unit_amount"] for line in session["line_items"])


# What is refused


@pytest.mark.parametrize("amount", [1, 4500, requests.MAX_AMOUNT])
def test_takes_what_stripe_takes(amount: int) -> None:
    requests.check(asked(PayLine("Walnut desk", 1, usd(amount))), "USD")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (asked(PayLine("Nothing", 1, usd(0))), "amount.amount"),
        (asked(PayLine("A palace", 1, usd(requests.MAX_AMOUNT + 1))), "amount.amount"),
        (asked(amount=Money(4500, "EUR")), "amount.currency"),
        (asked(PayLine("Walnut desk", 1, Money(4500, "EUR"))), "amount.currency"),
        (asked(amount=usd(4499)), "lines"),
        (asked(amount=usd(4501)), "lines"),
    ],
)
def test_refuses_what_stripe_would_refuse_or_what_does_not_add_up(wrong: PaymentAsked, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        requests.check(wrong, "USD")
    assert [error["field"] for error in refused.value.errors] == [field]


# A page


def test_a_page_names_the_order_wherever_stripe_shows_it() -> None:
    session = requests.session(ORDER, 2, asked(), SHOP)
    named = {"order_id": str(ORDER), "attempt": "2"}
    assert session["mode"] == "payment"
    assert session["client_reference_id"] == str(ORDER)
    assert session["metadata"] == named
    assert session["payment_intent_data"] == {"metadata": named, "description": "Order S-100042"}


def test_a_page_has_a_line_for_each_that_was_asked_for() -> None:
    session = requests.session(ORDER, 1, asked(), SHOP)
    assert session["line_items"] == [
        {
            "quantity": 2,
            "price_data": {"currency": "usd", "unit_amount": 2000, "product_data": {"name": "Walnut desk"}},
        },
        {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Shipping"}}},
    ]
    # Stripe would show the buyer another amount than the order's.
    assert session["adaptive_pricing"] == {"enabled": False}


def test_a_page_never_outlives_the_order() -> None:
    assert requests.session(ORDER, 1, asked(), SHOP)["expires_at"] == int(UNTIL.timestamp())


@pytest.mark.parametrize("public_url", [SHOP, f"{SHOP}/"])
def test_a_buyer_comes_back_to_the_order(public_url: str) -> None:
    session = requests.session(ORDER, 1, asked(), public_url)
    page = f"{SHOP}/orders/{ORDER}"
    assert session["cancel_url"] == page
    assert session["success_url"] == page + "?session_id={CHECKOUT_SESSION_ID}"
    assert requests.confirmation(ORDER, "pm_card_visa", public_url) == {
        "payment_method": "pm_card_visa",
        "return_url": page,
    }


@pytest.mark.parametrize(
    ("email", "given"),
    [
        ("ada@example.com", True),
        ("ada+desk@mail.example.co.uk", True),
        ("", False),
        ("ada", False),
        ("ada@example", False),
        ("ada lovelace@example.com", False),
        ("ada@exam@ple.com", False),
        ("ada@example.com\n", False),
        ("ädä@example.com", False),
    ],
)
def test_an_address_that_stripe_might_refuse_is_asked_of_the_buyer_there(email: str, given: bool) -> None:
    session = requests.session(ORDER, 1, asked(email=email), SHOP)
    assert session.get("customer_email") == (email if given else None)


@pytest.mark.parametrize("count", [1, requests.MAX_LINES, requests.MAX_LINES + 1, 250])
def test_more_lines_than_stripe_takes_are_summed_up_in_the_last(count: int) -> None:
    order = asked(*(PayLine(f"Item {n}", 2, usd(n)) for n in range(1, count + 1)))
    session = requests.session(ORDER, 1, order, SHOP)
    assert len(session["line_items"]) == min(count, requests.MAX_LINES)
    assert sum_of(session) == order.amount.amount
    last = session["line_items"][-1]["price_data"]["product_data"]["name"]
    left_over = count - requests.MAX_LINES + 1
    assert last == (f"{left_over} more lines" if count > requests.MAX_LINES else f"Item {count}")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x" * 250, "x" * 250),
        ("x" * 251, "x" * 249 + "…"),
        ("  Walnut desk ", "Walnut desk"),
        ("   ", "Item"),
        ("", "Item"),
    ],
)
def test_a_name_is_shown_as_stripe_takes_it(name: str, shown: str) -> None:
    (line,) = requests.session(ORDER, 1, asked(PayLine(name, 1, usd(100))), SHOP)["line_items"]
    assert line["price_data"]["product_data"]["name"] == shown


_LINES = st.lists(
    st.builds(
        PayLine,
        st.text(max_size=1000),
        st.integers(1, 999),
        st.builds(Money, st.integers(0, 10_000), st.just("USD")),
    ),
    min_size=1,
    max_size=150,
)


@given(_LINES)
def test_a_page_costs_what_the_order_costs_and_is_asked_for_in_the_same_bytes(lines: list[PayLine]) -> None:
    order = asked(*lines)
    session = requests.session(ORDER, 1, order, SHOP)
    assert sum_of(session) == order.amount.amount
    assert msgspec.json.encode(session) == msgspec.json.encode(requests.session(ORDER, 1, order, SHOP))
    assert all(1 <= len(line["price_data"]["product_data"]["name"]) <= 250 for line in session["line_items"])


# Without a page, and back


def test_an_intent_is_of_the_whole_amount_and_names_the_order() -> None:
    assert requests.intent(ORDER, 3, asked()) == {
        "amount": 4500,
        "currency": "usd",
        "automatic_payment_methods": {"enabled": True},
        "description": "Order S-100042",
        "metadata": {"order_id": str(ORDER), "attempt": "3"},
    }


@pytest.mark.parametrize(("duplicate", "reason"), [(False, "requested_by_customer"), (True, "duplicate")])
def test_a_refund_says_which_of_ours_it_is_and_why(duplicate: bool, reason: str) -> None:
    assert requests.refund(ORDER, REFUND, 2, "pi_1", 1200, duplicate=duplicate) == {
        "payment_intent": "pi_1",
        "amount": 1200,
        "reason": reason,
        "metadata": {"order_id": str(ORDER), "refund_id": str(REFUND), "n": "2"},
    }
