"""Prices a basket, for quotes and orders alike. Pure; amounts are in minor units.

Shipping methods and taxes are data. A tax applies to goods and shipping, in one country or in all. Taxes on top of the
prices are rounded half up to a multiple of the currency's step, one by one. Of taxes included in the prices the sum is
rounded once and divided among the rates. Each tax is divided among lines and shipping by largest remainder, so that the
shares add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serai.chassis.errors import Invalid
from serai.commerce.currency import CURRENCIES
from serai.commerce.line import Line
from serai.commerce.priced import Priced, PricedLine, PricedShipping, TaxLine, share

_MILLION = 1_000_000


class UnknownShippingMethod(Invalid):
    code, detail = "unknown_shipping_method", "This shipping method does not exist."


@dataclass(frozen=True, slots=True)
class ShippingMethod:
    """`amount` is in minor units of the shop's currency."""

    id: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class TaxRate:
    """`rate` in parts per million."""

    name: str
    rate: int
    #: ISO 3166-1 alpha-2; None for every country.
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The shop's shipping methods and taxes. The first shipping method is the default."""

    currency: str
    shipping_methods: tuple[ShippingMethod, ...]
    tax_rates: tuple[TaxRate, ...]
    prices_include_tax: bool = False


def price(lines: Sequence[Line], method_id: str | None, country: str | None, rules: Rules) -> Priced:
    """Raises `UnknownShippingMethod`."""
    method = shipping_method(method_id, rules)
    # Sorted, so that rounding does not depend on the order of the cart.
    by_variant = sorted(range(len(lines)), key=lambda at: (lines[at].variant_id, lines[at].id))
    weights = [*(lines[at].subtotal for at in by_variant), method.amount]
    rates = [rate for rate in rules.tax_rates if rate.country in (None, country)]
    step = CURRENCIES[rules.currency].step
    tax_lines = _included(sum(weights), rates) if rules.prices_include_tax else _added(sum(weights), rates, step)
    taxes = [sum(parts) for parts in zip(*(share(line.amount, weights) for line in tax_lines), strict=True)]
    taxes = taxes or [0] * len(weights)
    tax_of = dict(zip(by_variant, taxes, strict=False))
    return Priced(
        currency=rules.currency,
        prices_include_tax=rules.prices_include_tax,
        lines=tuple(PricedLine(line, tax=tax_of[at]) for at, line in enumerate(lines)),
        shipping=PricedShipping(method.id, method.name, method.amount, tax=taxes[-1]),
        tax_lines=tax_lines,
    )


def _added(net: int, rates: Sequence[TaxRate], step: int) -> tuple[TaxLine, ...]:
    divisor = _MILLION * step
    return tuple(
        TaxLine(rate.name, rate.rate, net, (net * rate.rate + divisor // 2) // divisor * step, included=False)
        for rate in rates
    )


def _included(gross: int, rates: Sequence[TaxRate]) -> tuple[TaxLine, ...]:
    if not rates:
        return ()
    whole = sum(rate.rate for rate in rates)
    divisor = _MILLION + whole
    tax = (2 * gross * whole + divisor) // (2 * divisor)
    amounts = share(tax, [rate.rate for rate in rates])
    return tuple(
        TaxLine(rate.name, rate.rate, gross - tax, amount, included=True)
        for rate, amount in zip(rates, amounts, strict=True)
    )


def shipping_method(method_id: str | None, rules: Rules) -> ShippingMethod:
    """The method called `method_id`, or the default. Raises `UnknownShippingMethod`."""
    if method_id is None:
        return rules.shipping_methods[0]
    for method in rules.shipping_methods:
        if method.id == method_id:
            return method
    raise UnknownShippingMethod(field="shipping_method")
