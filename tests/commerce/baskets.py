"""Priced baskets of every kind, for property tests."""

from __future__ import annotations

from uuid import UUID

from hypothesis import strategies as st

from serai.commerce.line import Line
from serai.commerce.priced import Adjustment, Priced, PricedLine, PricedShipping, TaxLine, share

_words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@st.composite
def baskets(draw: st.DrawFn) -> Priced:
    """Lines with discounts, a shipping method with one, and taxes inside the prices or added to them."""
    sold = [
        Line(UUID(int=at), UUID(int=at + 100), UUID(int=at + 200), f"SKU-{at}", draw(_words), {}, amount, quantity)
        for at, (amount, quantity) in enumerate(
            draw(st.lists(st.tuples(st.integers(0, 10**7), st.integers(1, 999)), min_size=1, max_size=6))
        )
    ]
    price = draw(st.integers(0, 10**5))
    item, order, off_shipping = (
        draw(st.integers(0, sold[0].subtotal)),
        draw(st.integers(0, sum(line.subtotal for line in sold[1:]))),
        draw(st.integers(0, price)),
    )
    discounts = [item, *(share(order, [line.subtotal for line in sold[1:]]) if sold[1:] else [])]
    adjustments = (
        Adjustment("r1", "Spring", "item", item),
        Adjustment("r2", "Loyalty", "order", order, "LOYAL"),
        Adjustment("r3", "Free delivery", "shipping", off_shipping),
    )
    included = draw(st.booleans())
    nets = [line.subtotal - discount for line, discount in zip(sold, discounts, strict=True)]
    taxes = tuple(
        TaxLine(draw(_words), draw(st.integers(0, 10**6)), sum(nets), draw(st.integers(0, 10**6)), included)
        for _ in range(draw(st.integers(0, 2)))
    )
    shares = share(sum(tax.amount for tax in taxes), [*nets, price - off_shipping])
    return Priced(
        currency="USD",
        prices_include_tax=included,
        lines=tuple(PricedLine(line, *parts) for line, *parts in zip(sold, discounts, shares, strict=False)),
        shipping=PricedShipping("standard", "Standard delivery", price, off_shipping, shares[-1]),
        adjustments=adjustments,
        tax_lines=taxes,
    )
