"""A line of a basket: an offer and its quantity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from serai.commerce.money import Money


class Offer(Protocol):
    """The fields of a variant that a line copies. Any type that has them can be used."""

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
    """A variant with the name and price at which it is sold. `unit_price` is in minor units of the basket's
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
        """Price times quantity before discounts. Contains the tax if prices include tax."""
        return self.unit_price * self.quantity
