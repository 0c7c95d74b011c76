"""What a basket costs, each cent named by the rule that made it. All amounts are minor units of one currency.

The sums are taken here and nowhere else: a quote, an order, a payment's lines, an email and a page show these values.
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
    """One rate of tax over the whole order. `rate` is parts per million (190,000 is 19 %), `base` what it was taken of
    without the tax itself. An `included` amount is part of the prices; another one is added to them."""

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
        """What is paid for the line, without a tax that is added."""
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
    """A basket that has been priced. Raises `ValueError` when a part is negative or a discount exceeds what it is
    taken off, so that nothing else has to look."""

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
                raise ValueError("a part of this basket is negative")
        if any(tax.amount < 0 or tax.included is not self.prices_include_tax for tax in self.tax_lines):
            raise ValueError("a tax is negative, or included in prices that are without tax")
        if sum(line.tax for line in self.lines) + self.shipping.tax != self.tax:
            raise ValueError("the lines' taxes are not the order's")
        if self.discount + self.shipping.discount != sum(each.amount for each in self.adjustments):
            raise ValueError("the lines' discounts are not the order's")

    @property
    def subtotal(self) -> int:
        """The lines before discounts."""
        return sum(line.line.subtotal for line in self.lines)

    @property
    def discount(self) -> int:
        """What is taken off the lines; that off shipping is apart."""
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
        """What the buyer still has to pay: the total, as there is no other way to pay a part of it yet."""
        return self.total


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` divided in proportion to `weights` by largest remainder; a tie goes to the earlier. Where all weights
    are 0 the first takes everything. The shares always add up to `amount`."""
    if not weights:
        raise ValueError("there is nobody to share with")
    whole = sum(weights)
    if whole == 0:
        return [amount, *([0] * (len(weights) - 1))]
    shares = [amount * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda at: (-(amount * weights[at] % whole), at))
    for at in remainders[: amount - sum(shares)]:
        shares[at] += 1
    return shares
