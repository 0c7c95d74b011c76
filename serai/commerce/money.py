"""Money as the API carries it: integer minor units and an ISO 4217 code; never a float."""

from __future__ import annotations

from typing import Annotated

import msgspec

from serai.commerce.currency import CURRENCIES

#: The largest amount of a client. A thousand of them fit PostgreSQL's bigint. What Stripe charges is less
#: (`Currency.maximum`).
MAX_AMOUNT = 10**12

Minor = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT)]
#: With a length, because `$` also matches before a newline at the end.
CurrencyCode = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)]


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units (cents for USD) of one currency, as it is stored and passed on."""

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
            raise ValueError("an amount of money must not be negative")
        return Money(self.amount - other.amount, self.currency)

    def times(self, quantity: int) -> Money:
        return Money(self.amount * quantity, self.currency)

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")


class MoneyIn(Money, frozen=True, forbid_unknown_fields=True):
    """An amount as a client may send it: no other fields. Compare `money`: a `MoneyIn` never equals a `Money`."""

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
