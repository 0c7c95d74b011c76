"""Money as the API carries it: integer minor units and an ISO 4217 code; never a float.

How many minor units a currency has is a matter of display only; nothing here divides.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

#: Large enough for any order, small enough that a thousand of them fit PostgreSQL's bigint and Stripe's 99,999,999 is
#: checked where Stripe is called.
MAX_AMOUNT = 10**12

#: ISO 4217 codes in circulation (list one, 2024-06-25).
CURRENCIES = frozenset(
    re.findall(
        "[A-Z]{3}",
        """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD
        BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN
        ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD
        IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD
        MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD
        OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
        SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
        UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
        """,
    )
)

Minor = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)]
#: With a length, because `$` also matches before a newline at the end.
CurrencyCode = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)]


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (cents for USD) of one currency, as it is stored and handed on."""

    amount: Minor
    currency: CurrencyCode

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise ValueError(f"{self.currency} is not a currency of ISO 4217")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        if other.amount > self.amount:
            raise ValueError("money here is never negative")
        return Money(self.amount - other.amount, self.currency)

    def times(self, quantity: int) -> Money:
        return Money(self.amount * quantity, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")


class MoneyIn(Money, frozen=True, forbid_unknown_fields=True):
    """An amount as a client may send it: no other fields. Equal only to another such; compare `money`."""

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
