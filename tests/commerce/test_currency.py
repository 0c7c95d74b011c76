"""Every currency: its decimal places, and the amounts that Stripe can charge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.currency import CURRENCIES, Currency

CHARGED = [currency for currency in CURRENCIES.values() if currency.stripe_digits is not None]


@pytest.mark.parametrize(
    ("code", "amount", "text", "at_stripe"),
    [
        ("USD", 124_900, "1,249.00", 124_900),
        ("JPY", 1_249, "1,249", 1_249),
        ("HUF", 499_000, "4,990.00", 499_000),
        ("TWD", 4_990, "49.90", 4_990),
        # Two decimal places at Stripe, none by ISO 4217.
        ("ISK", 5, "5", 500),
        ("UGX", 5_000, "5,000", 500_000),
        ("KWD", 1_250, "1.250", 1_250),
        # None at Stripe, two by ISO 4217.
        ("MGA", 490_000, "4,900.00", 4_900),
        ("IDR", 999_999_999_999, "9,999,999,999.99", 999_999_999_999),
    ],
)
def test_an_amount_is_written_and_charged_with_the_decimal_places_of_its_currency(
    code: str, amount: int, text: str, at_stripe: int
) -> None:
    currency = CURRENCIES[code]
    assert currency.text(amount) == text
    assert currency.to_stripe(amount) == at_stripe
    assert currency.from_stripe(at_stripe) == amount


@given(st.sampled_from(CHARGED), st.integers(0, 10**10))
def test_what_can_be_charged_comes_back_from_stripe_unchanged(currency: Currency, steps: int) -> None:
    amount = steps * currency.step
    assert currency.from_stripe(currency.to_stripe(amount)) == amount


def test_the_limits_of_a_charge_are_multiples_of_the_step() -> None:
    for currency in CHARGED:
        assert 0 < currency.minimum < currency.maximum
        assert currency.minimum % currency.step == currency.maximum % currency.step == 0


def test_a_shop_has_a_currency_that_exists_and_that_stripe_takes() -> None:
    assert Currency.parse("EUR") is CURRENCIES["EUR"]
    for code, problem in {
        "usd": "write USD",
        "ABC": "USD, EUR or JPY",
        "IQD": "Stripe takes no payments in IQD",
    }.items():
        with pytest.raises(ValueError, match=problem):
            Currency.parse(code)
