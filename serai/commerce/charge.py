"""What a payment page shows of a priced basket: lines that add up to the amount due, none of them negative."""

from __future__ import annotations

from dataclasses import dataclass

from serai.commerce.priced import Priced, PricedLine


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """`unit_amount` is in minor units of the basket's currency."""

    name: str
    quantity: int
    unit_amount: int


def charge_lines(priced: Priced) -> list[ChargeLine]:
    """The lines after their discounts, then shipping, then tax if it is added to the prices.

    Stripe has no negative line, and a line has one amount per unit: one whose discounted amount does not divide by its
    quantity is shown as a single unit named after all of them.
    """
    lines = [_line(each) for each in priced.lines]
    tax = 0 if priced.prices_include_tax else priced.tax
    extras = (("Shipping", priced.shipping.price - priced.shipping.discount), ("Tax", tax))
    return lines + [ChargeLine(name, 1, amount) for name, amount in extras if amount]


def _line(priced: PricedLine) -> ChargeLine:
    quantity, amount = priced.line.quantity, priced.net_of_discount
    if amount % quantity:
        return ChargeLine(f"{quantity} × {priced.line.name}", 1, amount)
    return ChargeLine(priced.line.name, quantity, amount // quantity)
