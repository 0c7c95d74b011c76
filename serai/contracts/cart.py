"""Wire types of the cart service and its client.

A checkout freezes a cart: the cart service keeps a snapshot of it under the order's id. The cart stays editable. A
freeze ends as cleared (the quantities of the snapshot are removed from the cart, later additions stay) or as released.
Both are remembered, so that a freeze that arrives late under the same id is refused.
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
    """Has `order_id`, the order of the checkout in progress."""

    code, detail = "checkout_in_progress", "This cart is already being checked out."


class FreezeClosed(Conflict):
    code, detail = "freeze_closed", "The checkout of this cart has already ended."


class AddCartItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`variant_id` is optional if the product has a single variant."""

    product_id: UUID
    quantity: Quantity
    variant_id: UUID | None = None


class UpdateCartItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quantity of 0 removes the item."""

    quantity: Annotated[int, msgspec.Meta(ge=0, le=MAX_QUANTITY)]


class CartItem(msgspec.Struct, frozen=True):
    """An item that is no longer sold stays in the cart with `available` 0."""

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
    """`id` and `updated_at` are null for a cart that nothing was ever added to."""

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
    """The content of a cart. `cart_id` is null and `lines` is empty if there is no cart."""

    cart_id: UUID | None
    version: int
    lines: list[CartLine]


class CartRequest(msgspec.Struct, frozen=True):
    """`guest` is the value of the guest cart's cookie, if the buyer sent one: that cart is merged first."""

    guest: str | None = None


class CartClient(ServiceClient):
    callee = "cart"

    async def current(self, user_id: UUID, guest: str | None) -> CartSnapshot:
        """The user's cart, after merging the guest's cart into it."""
        return await self._call(
            "current_cart",
            "POST",
            "/internal/carts/current",
            CartSnapshot,
            body=CartRequest(guest),
            on_behalf_of=user_id,
            retryable=True,
        )

    async def freeze(self, order_id: UUID, user_id: UUID, guest: str | None) -> CartSnapshot:
        """Idempotent. Raises `CartEmpty`, `CheckoutInProgress` (with the other order's id), `FreezeClosed`."""
        return await self._call(
            "freeze_cart",
            "PUT",
            f"/internal/freezes/{order_id}",
            CartSnapshot,
            body=CartRequest(guest),
            on_behalf_of=user_id,
            retryable=True,
        )

    async def clear(self, order_id: UUID) -> None:
        """Remove the quantities of the snapshot from the cart, down to 0, once."""
        await self._call("clear_cart", "POST", f"/internal/freezes/{order_id}/clear", type(None), retryable=True)

    async def release(self, order_id: UUID) -> None:
        """End the checkout without changing the cart. Also for an order that has not frozen it."""
        await self._call("release_cart", "POST", f"/internal/freezes/{order_id}/release", type(None), retryable=True)
