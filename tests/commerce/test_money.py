"""Money: exact, never negative, of one currency."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.money import MAX_AMOUNT, Money, MoneyIn

minor = st.integers(min_value=0, max_value=10**11)


@given(minor, minor)
def test_money_adds_and_subtracts_exactly(a: int, b: int) -> None:
    assert (Money(a, "USD") + Money(b, "USD")) - Money(b, "USD") == Money(a, "USD")


@given(minor, st.integers(min_value=0, max_value=999))
def test_money_times_a_quantity_is_that_many_additions(amount: int, quantity: int) -> None:
    assert Money(amount, "EUR").times(quantity) == sum_of([Money(amount, "EUR")] * quantity)


def sum_of(parts: list[Money]) -> Money:
    total = Money(0, "EUR")
    for part in parts:
        total += part
    return total


def test_money_is_never_negative_nor_mixed() -> None:
    assert Money(2, "USD") - Money(2, "USD") == Money(0, "USD")
    with pytest.raises(ValueError, match=r"^an amount of money must not be negative$"):
        Money(1, "USD") - Money(2, "USD")
    with pytest.raises(ValueError, match=r"^cannot mix USD and EUR$"):
        Money(1, "USD") + Money(1, "EUR")
    with pytest.raises(ValueError, match=r"^cannot mix USD and EUR$"):
        Money(1, "USD") - Money(1, "EUR")


def test_a_currency_that_does_not_exist_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"^XXZ is not a currency of ISO 4217$"):
        Money(1, "XXZ")


@pytest.mark.parametrize(
    "sent",
    [
        b'{"amount": -1, "currency": "USD"}',
        b'{"amount": %d, "currency": "USD"}' % (MAX_AMOUNT + 1),
        b'{"amount": 1.5, "currency": "USD"}',
        b'{"amount": 1, "currency": "usd"}',
        b'{"amount": 1, "currency": "USD\\n"}',
        b'{"amount": 1, "currency": "XXZ"}',
        b'{"amount": 1, "currency": "USD", "cents": true}',
    ],
)
def test_a_client_cannot_send_money_that_there_is_not(sent: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(sent, type=MoneyIn)


def test_the_money_that_a_client_sends_is_that_of_the_shop() -> None:
    sent = msgspec.json.decode(b'{"amount": %d, "currency": "USD"}' % MAX_AMOUNT, type=MoneyIn)
    assert sent.money == Money(MAX_AMOUNT, "USD")
