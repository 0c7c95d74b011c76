"""Carts on the wire, and what the cart service does for a checkout: a snapshot of the cart under the order's id.

The cart stays editable while it is frozen. A freeze ends cleared (its quantities leave the cart, what was added since
stays) or released; both ends are remembered, so a late freeze under that id is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.chassis.errors import Conflict
from serai.commerce.money import Money
from serai.contracts.product.inventory import MAX_QUANTITY, Quantity


class CartEmpty(Conflict):
    code, detail = "cart_empty", "The cart is empty."


class CheckoutInProgress(Conflict):
    """Fact: `order_id`, the order that this cart is being checked out as."""

    code, detail = "checkout_in_progress", "This cart is being checked out already."


class FreezeClosed(Conflict):
    code, detail = "freeze_closed", "This checkout's hold on the cart has ended."


class ItemAdded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`variant_id` may be left out where the product has one variant."""

    product_id: UUID
    quantity: Quantity
    variant_id: UUID | None = None


class QuantitySet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """0 removes the item."""

    quantity: Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)]


class CartItem(msgspec.Struct, frozen=True):
    """One that can no longer be bought stays visible with `available` 0."""

    id: UUID
    product_id: UUID
    variant_id: UUID
    sku: str
    name: str
    image: str | None
    options: dict[str, str]
    quantity: int
    unit_price: Money
    total: Money
    available: int


class Cart(msgspec.Struct, frozen=True):
    """`id` and `updated_at` are null where nothing has ever been put into a cart."""

    id: UUID | None
    version: int
    currency: str
    items: list[CartItem]
    subtotal: Money
    updated_at: datetime | None


class CartLine(msgspec.Struct, frozen=True):
    variant_id: UUID
    product_id: UUID
    quantity: int


class CartSnapshot(msgspec.Struct, frozen=True):
    """What is in the cart; `cart_id` is null and `lines` empty where there is no cart."""

    cart_id: UUID | None
    version: int
    lines: list[CartLine]


class FreezeAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`guest` is the value of the guest cart's cookie, if the request carried one: that cart merges first."""

    guest: str | None = None


class CartClient(ServiceClient):
    callee = "cart"

    async def current(self, user_id: UUID, guest: str | None) -> CartSnapshot:
        """The user's cart now, after merging the guest's."""
        return await self._call(
            "current_cart",
            "POST",
            "/internal/carts/current",
            CartSnapshot,
            body=FreezeAsked(guest),
            on_behalf_of=user_id,
            retryable=True,
        )

    async def freeze(self, order_id: UUID, user_id: UUID, guest: str | None) -> CartSnapshot:
        """Raises `CartEmpty`, `CheckoutInProgress` (with the first order's id), `FreezeClosed`."""
        return await self._call(
            "freeze_cart",
            "PUT",
            f"/internal/freezes/{order_id}",
            CartSnapshot,
            body=FreezeAsked(guest),
            on_behalf_of=user_id,
            retryable=True,
        )

    async def clear(self, order_id: UUID) -> None:
        """Take the snapshot's quantities out of the cart, floored at 0, once."""
        await self._call("clear_cart", "POST", f"/internal/freezes/{order_id}/clear", type(None), retryable=True)

    async def release(self, order_id: UUID) -> None:
        """End the checkout without touching the cart; also for an order that never froze it."""
        await self._call("release_cart", "POST", f"/internal/freezes/{order_id}/release", type(None), retryable=True)
