"""What an order costs: the same arithmetic for the quote, the order and the payment page. Pure, in minor units.

Shipping methods and taxes are data. A tax is a rate in basis points (1/100 of a percent) of what is sold and shipped,
for one country or for all; each is rounded half up on its own, as it appears on an invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serai.chassis.errors import Invalid


class UnknownShippingMethod(Invalid):
    code, detail = "unknown_shipping_method", "There is no such shipping method."


@dataclass(frozen=True, slots=True)
class ShippingMethod:
    id: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class TaxRate:
    name: str
    basis_points: int
    #: ISO 3166-1 alpha-2; None for every country.
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """How this shop charges. The first shipping method is the default."""

    currency: str
    shipping_methods: tuple[ShippingMethod, ...]
    tax_rates: tuple[TaxRate, ...]


@dataclass(frozen=True, slots=True)
class TaxLine:
    name: str
    basis_points: int
    amount: int


@dataclass(frozen=True, slots=True)
class Totals:
    subtotal: int
    shipping_method: ShippingMethod
    tax_lines: tuple[TaxLine, ...]

    @property
    def shipping(self) -> int:
        return self.shipping_method.amount

    @property
    def tax(self) -> int:
        return sum(line.amount for line in self.tax_lines)

    @property
    def total(self) -> int:
        return self.subtotal + self.shipping + self.tax


def totals(lines: Sequence[tuple[int, int]], method_id: str | None, country: str | None, rules: Rules) -> Totals:
    """`lines` are (unit price, quantity). Raises `UnknownShippingMethod`."""
    subtotal = sum(unit_price * quantity for unit_price, quantity in lines)
    method = shipping_method(method_id, rules)
    taxed = subtotal + method.amount
    tax_lines = tuple(
        TaxLine(rate.name, rate.basis_points, (taxed * rate.basis_points + 5_000) // 10_000)
        for rate in rules.tax_rates
        if rate.country in (None, country)
    )
    return Totals(subtotal, method, tax_lines)


def shipping_method(method_id: str | None, rules: Rules) -> ShippingMethod:
    if method_id is None:
        return rules.shipping_methods[0]
    for method in rules.shipping_methods:
        if method.id == method_id:
            return method
    raise UnknownShippingMethod(field="shipping_method")


def tax_lines_out(totals: Totals, currency: str) -> list[dict[str, object]]:
    """Tax lines as an order shows them."""
    return [
        {
            "name": line.name,
            "basis_points": line.basis_points,
            "amount": {"amount": line.amount, "currency": currency},
        }
        for line in totals.tax_lines
    ]
