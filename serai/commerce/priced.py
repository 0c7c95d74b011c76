"""What a basket costs, with the discount or tax that each amount comes from. All amounts are minor units of one
currency.

Totals are computed only here. Quotes, orders, lines of payments, emails and pages show these values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from serai.commerce.line import Line

Level = Literal["item", "order", "shipping"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A discount: `amount` is taken off the lines (`item`, `order`) or off `shipping`. `rule` identifies what made it;
    `code` is what the buyer typed for it, if anything."""

    rule: str
    name: str
    level: Level
    amount: int
    code: str | None = None


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax rate of the whole order. `rate` is in parts per million (190,000 is 19 %). `base` is the taxed amount
    without the tax. An `included` tax is part of the prices; any other is added to them.
    """

    name: str
    rate: int
    base: int
    amount: int
    included: bool


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its share of the order's discounts and taxes."""

    line: Line
    discount: int = 0
    tax: int = 0

    @property
    def net_of_discount(self) -> int:
        """The price of the line after its discount. Does not contain a tax that is added to the prices."""
        return self.line.subtotal - self.discount


@dataclass(frozen=True, slots=True)
class PricedShipping:
    """`price` is the method's, before `discount`."""

    method: str
    name: str
    price: int
    discount: int = 0
    tax: int = 0


@dataclass(frozen=True, slots=True)
class Priced:
    """A basket that has been priced. Raises `ValueError` if a part is negative, if a discount exceeds its price, or if
    the parts do not add up to the totals."""

    currency: str
    prices_include_tax: bool
    lines: tuple[PricedLine, ...]
    shipping: PricedShipping
    adjustments: tuple[Adjustment, ...] = ()
    tax_lines: tuple[TaxLine, ...] = ()

    def __post_init__(self) -> None:
        parts = [(line.line.subtotal, line.discount, line.tax) for line in self.lines]
        for price, discount, tax in [*parts, (self.shipping.price, self.shipping.discount, self.shipping.tax)]:
            if not 0 <= discount <= price or tax < 0:
                raise ValueError("a price, discount or tax of this basket is negative, or a discount exceeds its price")
        if any(tax.amount < 0 or tax.included is not self.prices_include_tax for tax in self.tax_lines):
            raise ValueError("a tax is negative, or `included` contradicts `prices_include_tax`")
        if sum(line.tax for line in self.lines) + self.shipping.tax != self.tax:
            raise ValueError("the taxes of the lines and of shipping do not add up to the order's tax")
        if self.discount + self.shipping.discount != sum(each.amount for each in self.adjustments):
            raise ValueError("the discounts of the lines and of shipping do not add up to the adjustments")

    @property
    def subtotal(self) -> int:
        """The lines before discounts."""
        return sum(line.line.subtotal for line in self.lines)

    @property
    def discount(self) -> int:
        """The discounts of the lines, without the discount of shipping."""
        return sum(line.discount for line in self.lines)

    @property
    def tax(self) -> int:
        """All taxes, whether in the prices or added to them."""
        return sum(tax.amount for tax in self.tax_lines)

    @property
    def total(self) -> int:
        added = 0 if self.prices_include_tax else self.tax
        return self.subtotal - self.discount + self.shipping.price - self.shipping.discount + added

    @property
    def amount_due(self) -> int:
        """What the buyer still has to pay. Always the total, until gift cards or credit can pay a part of it."""
        return self.total


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` divided in proportion to `weights` by largest remainder; a tie goes to the earlier. If all weights are
    0, the first share is everything. The shares always add up to `amount`.
    """
    if not weights:
        raise ValueError("at least one weight is needed")
    whole = sum(weights)
    if whole == 0:
        return [amount, *([0] * (len(weights) - 1))]
    shares = [amount * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % whole), at))
    for at in remainders[: amount - sum(shares)]:
        shares[at] += 1
    return shares
