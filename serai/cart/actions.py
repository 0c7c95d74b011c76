"""The actions on carts.

A change is computed from the cart as it was read, and saved in one statement if the cart still has that version. If
another request has changed it meanwhile, the change is computed again under the cart's lock. So no acknowledged change
is overwritten, and product is queried before anything is locked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from serai.cart import domain, store
from serai.cart.deps import Deps
from serai.cart.domain import CartState, Line, Lines
from serai.cart.product_batch import Facts
from serai.cart.store import Freeze, Owner
from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Conflict, NotFound, Unavailable
from serai.commerce.money import Money
from serai.contracts.cart import (
    AddCartItem,
    Cart,
    CartEmpty,
    CartItem,
    CartLine,
    CartSnapshot,
    CheckoutInProgress,
    FreezeClosed,
)
from serai.contracts.product.inventory import OutOfStock
from serai.contracts.product.offers import VariantFacts

Change = Callable[[Lines], Lines]


@dataclass(frozen=True, slots=True)
class Visitor:
    """A guest or a customer, and their cart as it was read. A guest without a cart gets a token for a new one."""

    owner: Owner
    cart: CartState
    #: The value of the guest cookie: as received if it belongs to a cart, otherwise a new one. None for a customer.
    guest_token: str | None = None

    @property
    def idempotency_caller(self) -> str | None:
        """The caller that a guest's Idempotency-Key belongs to; None for a customer."""
        return None if self.owner.guest_hash is None else f"guest:{self.owner.guest_hash.hex()}"


async def identify(deps: Deps, user_id: UUID | None, guest_token: str | None) -> Visitor:
    """The visitor of a request. Merges a guest's cart into that of a customer who sends both."""
    guest_hash = domain.guest_hash(guest_token)
    if user_id is not None:
        owner = Owner(user_id=user_id)
        if guest_hash is not None and (merged := await _merge(deps, owner, guest_hash)) is not None:
            return Visitor(owner, merged)
        async with deps.database.connection() as conn:
            return Visitor(owner, await store.cart_of(conn, owner))
    if guest_hash is not None:
        owner = Owner(guest_hash=guest_hash)
        async with deps.database.connection() as conn:
            cart = await store.cart_of(conn, owner)
        if cart.id is not None:
            return Visitor(owner, cart, guest_token)
    # A token without a cart is not accepted: another site may have planted it.
    fresh = secrets.token_urlsafe(32)
    return Visitor(Owner(guest_hash=domain.guest_hash(fresh)), domain.NO_CART, fresh)


async def view(deps: Deps, cart: CartState, facts: Facts | None = None) -> Cart:
    """The cart with current names, prices and stock. Queries product for the variants that `facts` lacks."""
    facts = facts or {}
    missing = [line.variant_id for line in cart.lines if line.variant_id not in facts]
    if missing:
        facts = facts | await deps.product_batch.facts(missing)
    items = [_item(line, facts.get(line.variant_id), deps.currency) for line in cart.lines]
    subtotal = Money(sum(item.total.amount for item in items), deps.currency)
    return Cart(cart.id, cart.version, deps.currency, items, subtotal, cart.updated_at)


async def add_item(
    deps: Deps, visitor: Visitor, request: AddCartItem, idempotency: IdempotentRequest
) -> tuple[Cart, bool]:
    """Returns the cart, and whether this is a replay of an earlier request. Raises `NotFound`, `VariantRequired`,
    `OutOfStock`, `CartFull`."""
    if idempotency.key is not None:
        # Before product is queried: a replay must succeed also if the item is no longer sold.
        async with deps.database.connection() as conn:
            replayed = await idempotency.bound_resource(conn) is not None
            cart = await store.cart_of(conn, visitor.owner) if replayed else visitor.cart
        if replayed:
            return await view(deps, cart), True
    variant, facts = await _find_variant(deps, visitor.cart, request)

    def add(lines: Lines) -> Lines:
        quantity = domain.quantity_of(lines, variant.variant_id) + request.quantity
        if quantity > variant.available:
            raise OutOfStock(available=variant.available)
        return domain.added(lines, variant.product_id, variant.variant_id, request.quantity)

    cart, replayed = await _apply(deps, visitor, add, idempotency)
    return await view(deps, cart, facts), replayed


async def set_quantity(deps: Deps, visitor: Visitor, line_id: UUID, quantity: int) -> Cart:
    """Raises `NotFound`, `OutOfStock`."""
    variant_id = domain.line_of(visitor.cart.lines, line_id).variant_id
    facts = await deps.product_batch.facts(line.variant_id for line in visitor.cart.lines)
    available = facts[variant_id].available if variant_id in facts else 0
    if quantity > available:
        raise OutOfStock(available=available)
    cart, _ = await _apply(deps, visitor, lambda lines: domain.changed(lines, line_id, quantity))
    return await view(deps, cart, facts)


async def remove_item(deps: Deps, visitor: Visitor, line_id: UUID) -> Cart:
    """Raises `NotFound`."""
    cart, _ = await _apply(deps, visitor, lambda lines: domain.changed(lines, line_id, 0))
    return await view(deps, cart)


async def snapshot(deps: Deps, user_id: UUID, guest_token: str | None) -> CartSnapshot:
    return _snapshot((await identify(deps, user_id, guest_token)).cart)


async def freeze(deps: Deps, order_id: UUID, user_id: UUID, guest_token: str | None) -> CartSnapshot:
    """Idempotent. Raises `CartEmpty`, `CheckoutInProgress`, `FreezeClosed`."""
    guest_hash = domain.guest_hash(guest_token)
    owner = Owner(user_id=user_id)
    if guest_hash is not None:
        async with deps.database.connection() as conn:
            existing = await store.freeze_of(conn, order_id)
        if existing is not None:
            return _repeated_freeze(existing, user_id, guest_hash)
        await _merge(deps, owner, guest_hash)
    async with deps.database.connection() as conn:
        snapshot = await store.freeze(conn, order_id, user_id, guest_hash)
    if snapshot is not None:
        return snapshot
    async with deps.database.transaction() as tx:
        # Locked first, so that the reason for the refusal is read consistently.
        cart = await store.lock_cart(tx, owner)
        if (existing := await store.freeze_of(tx, order_id)) is not None:
            return _repeated_freeze(existing, user_id, guest_hash)
        if cart.id is None or not cart.lines:
            raise CartEmpty
        if (other := await store.live_freeze_of(tx, cart.id)) is not None:
            raise CheckoutInProgress(order_id=str(other))
        snapshot = await store.freeze(tx, order_id, user_id, guest_hash)
    if snapshot is None:
        raise FreezeClosed
    return snapshot


async def clear(deps: Deps, order_id: UUID) -> None:
    """Remove the quantities of the snapshot from the cart, once. Raises `NotFound`, `FreezeClosed` if the freeze was
    released, and `Unavailable` if it was created concurrently."""
    async with deps.database.connection() as conn:
        if await store.clear(conn, order_id):
            return
        existing = await store.freeze_of(conn, order_id)
    if existing is None:
        raise NotFound
    if existing.state == "released":
        raise FreezeClosed
    if existing.state == "live":
        raise Unavailable


async def release(deps: Deps, order_id: UUID) -> None:
    """Raises `FreezeClosed` if the freeze was cleared."""
    async with deps.database.connection() as conn:
        if await store.release(conn, order_id) != "released":
            raise FreezeClosed


async def _apply(
    deps: Deps, visitor: Visitor, change: Change, idempotency: IdempotentRequest | None = None
) -> tuple[CartState, bool]:
    """The changed cart, and whether this is a replay of an earlier request."""
    if idempotency is None or idempotency.key is None:
        lines = change(visitor.cart.lines)
        async with deps.database.connection() as conn:
            saved = await store.save(conn, visitor.owner, visitor.cart, lines)
        if saved is not None:
            return saved, False
        idempotency = None
    async with deps.database.transaction() as tx:
        if idempotency is not None and await idempotency.bound_resource(tx) is not None:
            return await store.cart_of(tx, visitor.owner), True
        cart = await store.lock_cart(tx, visitor.owner)
        saved = await _save_locked(tx, visitor.owner, cart, change(cart.lines))
        if idempotency is not None:
            await idempotency.bind(tx, saved.id)
        return saved, False


async def _save_locked(tx: Connection, owner: Owner, cart: CartState, lines: Lines) -> CartState:
    saved = await store.save(tx, owner, cart, lines)
    assert saved is not None, "a locked cart cannot be changed concurrently"
    return saved


async def _merge(deps: Deps, owner: Owner, guest_hash: bytes) -> CartState | None:
    """Merge the guest's cart into the customer's and delete it. Returns the customer's cart, or None if the guest has
    none."""
    async with deps.database.connection() as conn:
        guest_cart = await store.cart_of(conn, Owner(guest_hash=guest_hash))
    if guest_cart.id is None:
        return None
    facts = await deps.product_batch.facts(line.variant_id for line in guest_cart.lines)
    available = {variant_id: one.available for variant_id, one in facts.items()}
    async with deps.database.transaction() as tx:
        own_cart = await store.lock_cart(tx, owner)
        guest_cart = await store.lock_guest_cart(tx, guest_hash)
        if guest_cart.id is None:
            return own_cart
        await store.remove_cart(tx, guest_cart.id)
        return await _save_locked(tx, owner, own_cart, domain.merged(own_cart.lines, guest_cart.lines, available))


async def _find_variant(deps: Deps, cart: CartState, request: AddCartItem) -> tuple[VariantFacts, Facts]:
    """The requested variant, and the facts known afterwards. With a `variant_id` one query also covers the rest of the
    cart."""
    if request.variant_id is not None:
        facts = await deps.product_batch.facts([request.variant_id, *(line.variant_id for line in cart.lines)])
        found = facts.get(request.variant_id)
        if found is not None and found.product_id == request.product_id and found.available > 0:
            return found, facts
        # Sold out, not for sale, or of another product: product refuses with the right error.
        return await deps.product.choose(request.product_id, request.variant_id), facts
    variant = await deps.product.choose(request.product_id, None)
    return variant, {variant.variant_id: variant}


def _item(line: Line, facts: VariantFacts | None, currency: str) -> CartItem:
    if facts is None:
        free = Money(0, currency)
        facts = VariantFacts(line.variant_id, line.product_id, "", "No longer sold", {}, free, available=0)
    return CartItem(
        id=line.id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        sku=facts.sku,
        name=facts.name,
        image=facts.image,
        options=facts.options,
        quantity=line.quantity,
        unit_price=facts.unit_price,
        total=facts.unit_price.times(line.quantity),
        available=facts.available,
    )


def _snapshot(cart: CartState) -> CartSnapshot:
    lines = [CartLine(line.variant_id, line.product_id, line.quantity) for line in cart.lines]
    return CartSnapshot(cart.id, cart.version, lines)


def _repeated_freeze(existing: Freeze, user_id: UUID, guest_hash: bytes | None) -> CartSnapshot:
    """The snapshot for a repeated request. Raises `FreezeClosed`, and `Conflict` if the request differs."""
    if existing.state != "live":
        raise FreezeClosed
    if (existing.user_id, existing.guest_hash) != (user_id, guest_hash):
        raise Conflict("This cart was frozen for another request.", code="request_differs")
    return existing.snapshot
