"""The forms of a priced basket outside the process: on the wire (`...Out`) and in the database (`...V1`).

They are types of their own, converted here and nowhere else, so that a field that one of them gains or loses changes
nothing about the others. Stored forms carry a version in their name and are read for ever.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from serai.commerce.line import Line
from serai.commerce.money import Money
from serai.commerce.priced import Adjustment, Level, Priced, PricedLine, PricedShipping, TaxLine

#: Which arithmetic made a stored basket; raised when the same basket would come out otherwise. 0 is what was stored
#: before engines had numbers.
ENGINE = 1


class LineOut(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order or a quote. `total` is the price times the quantity, before `discount`; `tax` is the line's
    share of the order's taxes. `line_id` is null in a quote."""

    line_id: UUID | None
    product_id: UUID
    variant_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    quantity: int
    unit_price: Money
    total: Money
    discount: Money
    tax: Money


class DiscountOut(msgspec.Struct, frozen=True):
    """What was taken off the items, the order or the shipping, and why."""

    promotion_id: str
    name: str
    code: str | None
    level: Level
    amount: Money


class TaxLineOut(msgspec.Struct, frozen=True):
    """A rate over the whole order. `rate` is in percent, a decimal ("4.875"); `basis_points` is the same, rounded.
    `base` is what was taxed, without the tax. An `included` amount is part of the prices."""

    name: str
    rate: str
    basis_points: int
    base: Money
    amount: Money
    included: bool


class PricedOut(msgspec.Struct, frozen=True, kw_only=True):
    """What an order costs. `total` = `subtotal` − `discounts` + `shipping`, and + `tax` unless prices include it."""

    items: list[LineOut]
    subtotal: Money
    discounts: list[DiscountOut]
    shipping: Money
    shipping_method: str
    tax: Money
    tax_lines: list[TaxLineOut]
    prices_include_tax: bool
    total: Money


class LineV1(msgspec.Struct, frozen=True):
    id: UUID
    product_id: UUID
    variant_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    unit_price: int
    quantity: int
    discount: int = 0
    tax: int = 0


class ShippingV1(msgspec.Struct, frozen=True):
    method: str
    name: str
    price: int
    discount: int = 0
    tax: int = 0


class AdjustmentV1(msgspec.Struct, frozen=True):
    rule: str
    name: str
    level: Level
    amount: int
    code: str | None = None


class TaxLineV1(msgspec.Struct, frozen=True):
    name: str
    rate: int
    base: int
    amount: int
    included: bool


class PricedV1(msgspec.Struct, frozen=True):
    """`engine` is the number of the arithmetic that made it (`ENGINE`)."""

    engine: int
    currency: str
    prices_include_tax: bool
    lines: list[LineV1]
    shipping: ShippingV1
    adjustments: list[AdjustmentV1] = []
    tax_lines: list[TaxLineV1] = []


def to_wire(priced: Priced, *, quoted: bool = False) -> PricedOut:
    """`quoted` leaves out the ids of lines, which only an order has."""

    def money(amount: int) -> Money:
        return Money(amount, priced.currency)

    return PricedOut(
        items=[
            LineOut(
                line_id=None if quoted else each.line.id,
                product_id=each.line.product_id,
                variant_id=each.line.variant_id,
                sku=each.line.sku,
                name=each.line.name,
                options=each.line.options,
                quantity=each.line.quantity,
                unit_price=money(each.line.unit_price),
                total=money(each.line.subtotal),
                discount=money(each.discount),
                tax=money(each.tax),
            )
            for each in priced.lines
        ],
        subtotal=money(priced.subtotal),
        discounts=[
            DiscountOut(each.rule, each.name, each.code, each.level, money(each.amount)) for each in priced.adjustments
        ],
        shipping=money(priced.shipping.price),
        shipping_method=priced.shipping.method,
        tax=money(priced.tax),
        tax_lines=[
            TaxLineOut(
                name=each.name,
                rate=percent(each.rate),
                basis_points=(each.rate + 50) // 100,
                base=money(each.base),
                amount=money(each.amount),
                included=each.included,
            )
            for each in priced.tax_lines
        ],
        prices_include_tax=priced.prices_include_tax,
        total=money(priced.total),
    )


def to_stored(priced: Priced) -> PricedV1:
    return PricedV1(
        engine=ENGINE,
        currency=priced.currency,
        prices_include_tax=priced.prices_include_tax,
        lines=[
            LineV1(
                id=each.line.id,
                product_id=each.line.product_id,
                variant_id=each.line.variant_id,
                sku=each.line.sku,
                name=each.line.name,
                options=each.line.options,
                unit_price=each.line.unit_price,
                quantity=each.line.quantity,
                discount=each.discount,
                tax=each.tax,
            )
            for each in priced.lines
        ],
        shipping=ShippingV1(
            priced.shipping.method,
            priced.shipping.name,
            priced.shipping.price,
            priced.shipping.discount,
            priced.shipping.tax,
        ),
        adjustments=[
            AdjustmentV1(each.rule, each.name, each.level, each.amount, each.code) for each in priced.adjustments
        ],
        tax_lines=[TaxLineV1(each.name, each.rate, each.base, each.amount, each.included) for each in priced.tax_lines],
    )


def from_stored(document: Any) -> Priced:
    """A basket as it was stored, by whichever version. Raises `msgspec.ValidationError` and `ValueError` for what none
    of them has written."""
    stored = msgspec.convert(document, PricedV1)
    return Priced(
        currency=stored.currency,
        prices_include_tax=stored.prices_include_tax,
        lines=tuple(
            PricedLine(
                Line(
                    each.id,
                    each.product_id,
                    each.variant_id,
                    each.sku,
                    each.name,
                    each.options,
                    each.unit_price,
                    each.quantity,
                ),
                each.discount,
                each.tax,
            )
            for each in stored.lines
        ),
        shipping=PricedShipping(
            stored.shipping.method,
            stored.shipping.name,
            stored.shipping.price,
            stored.shipping.discount,
            stored.shipping.tax,
        ),
        adjustments=tuple(
            Adjustment(each.rule, each.name, each.level, each.amount, each.code) for each in stored.adjustments
        ),
        tax_lines=tuple(
            TaxLine(each.name, each.rate, each.base, each.amount, each.included) for each in stored.tax_lines
        ),
    )


def percent(rate: int) -> str:
    """Parts per million as a decimal in percent, without needless zeros: 48,750 is "4.875"."""
    whole, fraction = divmod(rate, 10_000)
    return f"{whole}.{fraction:04}".rstrip("0").rstrip(".")
