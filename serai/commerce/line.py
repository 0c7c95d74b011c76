"""What somebody buys: an offer in a quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from serai.commerce.money import Money


class Offer(Protocol):
    """What a line takes from the product service's answer about a variant, whatever type carries it."""

    @property
    def product_id(self) -> UUID: ...
    @property
    def variant_id(self) -> UUID: ...
    @property
    def sku(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def options(self) -> dict[str, str]: ...
    @property
    def unit_price(self) -> Money: ...


@dataclass(frozen=True, slots=True)
class Line:
    """A variant under the name and price that it is sold at. `unit_price` is in minor units of the basket's
    currency."""

    id: UUID
    product_id: UUID
    variant_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    unit_price: int
    quantity: int

    @classmethod
    def of(cls, offer: Offer, quantity: int, line_id: UUID) -> Line:
        return cls(
            id=line_id,
            product_id=offer.product_id,
            variant_id=offer.variant_id,
            sku=offer.sku,
            name=offer.name,
            options=offer.options,
            unit_price=offer.unit_price.amount,
            quantity=quantity,
        )

    @property
    def subtotal(self) -> int:
        """Before discounts, as the shop shows the price: with the tax in it where prices include tax."""
        return self.unit_price * self.quantity
