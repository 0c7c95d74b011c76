"""Currencies: their decimal places, and which amounts Stripe can charge in them.

Decimal places follow ISO 4217 (list one, 2024-06-25), what Stripe charges https://docs.stripe.com/currencies. Both
differ for a few currencies, so an amount is converted where Stripe is called, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Amounts at Stripe have at most eight digits, in rupiah twelve.
_STRIPE_MAXIMUM, _STRIPE_MAXIMUM_IDR = 99_999_999, 999_999_999_999
_POWERS = (1, 10, 100, 1000)


@dataclass(frozen=True, slots=True)
class Currency:
    """Amounts are integers in minor units: a unit of the currency has `10 ** digits` of them."""

    code: str
    digits: int = 2
    #: Decimal places of an amount in Stripe's API. None: Stripe charges nothing in this currency.
    stripe_digits: int | None = 2
    #: Prices, discounts, taxes on top, refunds and totals are multiples of this, because Stripe charges only such.
    step: int = 1
    #: The smallest charge. Where Stripe converts a currency for the payout, it depends on the account and is not known
    #: here.
    minimum: int = 1

    @property
    def maximum(self) -> int:
        """The largest charge."""
        return self.from_stripe(_STRIPE_MAXIMUM_IDR if self.code == "IDR" else _STRIPE_MAXIMUM)

    def can_charge(self, amount: int) -> bool:
        """Whether a multiple of `step` is neither too small nor too large for Stripe."""
        return self.minimum <= amount <= self.maximum

    def to_stripe(self, amount: int) -> int:
        """A multiple of `step` as Stripe's API expects it."""
        return amount * _POWERS[self._stripe_digits] // _POWERS[self.digits]

    def from_stripe(self, amount: int) -> int:
        """An amount of Stripe's API in minor units, rounded down to a multiple of `step`."""
        converted = amount * _POWERS[self.digits] // _POWERS[self._stripe_digits]
        return converted - converted % self.step

    def text(self, amount: int) -> str:
        """`1,250.00`: grouped, with the decimal places of the currency and without its name."""
        whole, part = divmod(amount, _POWERS[self.digits])
        return f"{whole:,}.{part:0{self.digits}}" if self.digits else f"{whole:,}"

    @property
    def _stripe_digits(self) -> int:
        if self.stripe_digits is None:
            raise ValueError(f"Stripe charges nothing in {self.code}")
        return self.stripe_digits

    @classmethod
    def parse(cls, code: str) -> Currency:
        """A currency that a shop can have. Raises ValueError."""
        known = CURRENCIES.get(code)
        if known is None:
            hint = f"; write {code.upper()}" if code.upper() in CURRENCIES else "; use one such as USD, EUR or JPY"
            raise ValueError(f"{code!r} is not a currency code of ISO 4217{hint}")
        if known.stripe_digits is None:
            raise ValueError(f"Stripe takes no payments in {code}")
        return known


def _table() -> Mapping[str, Currency]:
    regular = """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC
        CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR
        KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
        PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH USD
        UYU UZS WST XCD YER ZAR ZMW"""
    without_decimals = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF"
    #: Stripe expects two decimal places that are always 00.
    whole_at_stripe = "ISK UGX"
    #: Stripe expects three decimal places of which the last is 0.
    three_decimals = "BHD JOD KWD OMR TND"
    not_at_stripe = "BTN CUP ERN GHS IRR KPW MRU SDG SSP STN SVC SYP TMT VES ZWG"
    #: Of a payout in the same currency.
    minimum = {
        "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 15_00, "DKK": 250, "EUR": 50,
        "GBP": 30, "HKD": 400, "HUF": 175_00, "INR": 50, "JPY": 50, "MXN": 10_00, "MYR": 200, "NOK": 300, "NZD": 50,
        "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 10_00, "USD": 50,
    }  # fmt: skip
    currencies = [
        *(Currency(code, minimum=minimum.get(code, 1)) for code in regular.split()),
        *(Currency(code, 0, 0, minimum=minimum.get(code, 1)) for code in without_decimals.split()),
        *(Currency(code, 0, 2) for code in whole_at_stripe.split()),
        *(Currency(code, 3, 3, step=10, minimum=10) for code in three_decimals.split()),
        # Two decimal places by ISO 4217, none at Stripe.
        Currency("MGA", 2, 0, step=100, minimum=100),
        *(Currency(code, stripe_digits=None) for code in not_at_stripe.split()),
        *(Currency(code, 3, None) for code in ("IQD", "LYD")),
    ]
    return {currency.code: currency for currency in currencies}


#: By code.
CURRENCIES = _table()
