"""What can be done with a cart, one verb each.

A change is decided on the cart as it was read and written if the cart is still that one, in a single statement; when
somebody else was quicker it is decided again under the cart's lock. So an acknowledged change is never overwritten,
and product is asked before anything is locked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from serai.cart import domain, store
from serai.cart.asking import Facts
from serai.cart.deps import Deps
from serai.cart.domain import CartState, Line, Lines
from serai.cart.store import Freeze, Owner
from serai.chassis.data.database import Connection
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Conflict, NotFound, Unavailable
from serai.commerce.money import Money
from serai.contracts.cart import (
    Cart,
    CartEmpty,
    CartItem,
    CartLine,
    CartSnapshot,
    CheckoutInProgress,
    FreezeClosed,
    ItemAdded,
)
from serai.contracts.product.inventory import OutOfStock
from serai.contracts.product.offers import VariantFacts

Decide = Callable[[Lines], Lines]


@dataclass(frozen=True, slots=True)
class Visit:
    """Who has come, and the cart they found. A guest who brings no cart of theirs gets a token for a new one."""

    owner: Owner
    cart: CartState
    #: The guest's cookie: the one that came if it named a cart, else a new one. None for a customer.
    guest_token: str | None = None

    @property
    def key_caller(self) -> str | None:
        """Who an Idempotency-Key belongs to, where that is no user."""
        return None if self.owner.guest_hash is None else f"guest:{self.owner.guest_hash.hex()}"


async def visit(deps: Deps, user_id: UUID | None, guest_token: str | None) -> Visit:
    """A customer who still carries a guest's cart gets it merged into their own."""
    guest_hash = domain.guest_hash(guest_token)
    if user_id is not None:
        owner = Owner(user_id=user_id)
        if guest_hash is not None and (merged := await _merge(deps, owner, guest_hash)) is not None:
            return Visit(owner, merged)
        async with deps.db.connection() as conn:
            return Visit(owner, await store.cart_of(conn, owner))
    if guest_hash is not None:
        owner = Owner(guest_hash=guest_hash)
        async with deps.db.connection() as conn:
            cart = await store.cart_of(conn, owner)
        if cart.id is not None:
            return Visit(owner, cart, guest_token)
    # A value that names no cart is not taken over: somebody else may have planted it.
    fresh = secrets.token_urlsafe(32)
    return Visit(Owner(guest_hash=domain.guest_hash(fresh)), domain.NO_CART, fresh)


async def show(deps: Deps, cart: CartState, facts: Facts | None = None) -> Cart:
    """The cart with names, prices and stock as of now; what `facts` lacks is asked of product."""
    facts = facts or {}
    missing = [line.variant_id for line in cart.lines if line.variant_id not in facts]
    if missing:
        facts = facts | await deps.asking.facts(missing)
    items = [_item(line, facts.get(line.variant_id), deps.currency) for line in cart.lines]
    subtotal = Money(sum(item.total.amount for item in items), deps.currency)
    return Cart(cart.id, cart.version, deps.currency, items, subtotal, cart.updated_at)


async def add_item(deps: Deps, visit: Visit, asked: ItemAdded, once: IdempotentRequest) -> tuple[Cart, bool]:
    """Raises `NotFound`, `VariantRequired`, `OutOfStock`, `CartFull`. True where the key had done this before."""
    if once.key is not None:
        # Asked before product is: what was put in once stays done, also when it is no longer for sale.
        async with deps.db.connection() as conn:
            repeated = await once.bound_resource(conn) is not None
            cart = await store.cart_of(conn, visit.owner) if repeated else visit.cart
        if repeated:
            return await show(deps, cart), True
    chosen, facts = await _choose(deps, visit.cart, asked)

    def decide(lines: Lines) -> Lines:
        wanted = domain.quantity_of(lines, chosen.variant_id) + asked.quantity
        if wanted > chosen.available:
            raise OutOfStock(available=chosen.available)
        return domain.added(lines, chosen.product_id, chosen.variant_id, asked.quantity)

    cart, repeated = await _change(deps, visit, decide, once)
    return await show(deps, cart, facts), repeated


async def set_quantity(deps: Deps, visit: Visit, line_id: UUID, quantity: int) -> Cart:
    """Raises `NotFound`, `OutOfStock`."""
    variant_id = domain.line_of(visit.cart.lines, line_id).variant_id
    facts = await deps.asking.facts(line.variant_id for line in visit.cart.lines)
    available = facts[variant_id].available if variant_id in facts else 0
    if quantity > available:
        raise OutOfStock(available=available)
    cart, _ = await _change(deps, visit, lambda lines: domain.changed(lines, line_id, quantity))
    return await show(deps, cart, facts)


async def remove_item(deps: Deps, visit: Visit, line_id: UUID) -> Cart:
    """Raises `NotFound`."""
    cart, _ = await _change(deps, visit, lambda lines: domain.changed(lines, line_id, 0))
    return await show(deps, cart)


async def snapshot(deps: Deps, user_id: UUID, guest_token: str | None) -> CartSnapshot:
    return _snapshot((await visit(deps, user_id, guest_token)).cart)


async def freeze(deps: Deps, order_id: UUID, user_id: UUID, guest_token: str | None) -> CartSnapshot:
    """Raises `CartEmpty`, `CheckoutInProgress`, `FreezeClosed`; asking again answers the same snapshot."""
    guest_hash = domain.guest_hash(guest_token)
    owner = Owner(user_id=user_id)
    if guest_hash is not None:
        async with deps.db.connection() as conn:
            known = await store.freeze_of(conn, order_id)
        if known is not None:
            return _same_freeze(known, user_id, guest_hash)
        await _merge(deps, owner, guest_hash)
    async with deps.db.connection() as conn:
        taken = await store.freeze(conn, order_id, user_id, guest_hash)
    if taken is not None:
        return taken
    async with deps.db.transaction() as tx:
        # Locked first, so that what is read is what refuses.
        cart = await store.lock_cart(tx, owner)
        if (known := await store.freeze_of(tx, order_id)) is not None:
            return _same_freeze(known, user_id, guest_hash)
        if cart.id is None or not cart.lines:
            raise CartEmpty
        if (other := await store.live_freeze_of(tx, cart.id)) is not None:
            raise CheckoutInProgress(order_id=str(other))
        taken = await store.freeze(tx, order_id, user_id, guest_hash)
    if taken is None:
        raise FreezeClosed
    return taken


async def clear(deps: Deps, order_id: UUID) -> None:
    """What was bought leaves the cart, once. Raises `NotFound`, `FreezeClosed` for a freeze that was released, and
    `Unavailable` for one that came only now."""
    async with deps.db.connection() as conn:
        if await store.clear(conn, order_id):
            return
        known = await store.freeze_of(conn, order_id)
    if known is None:
        raise NotFound
    if known.state == "released":
        raise FreezeClosed
    if known.state == "live":
        raise Unavailable


async def release(deps: Deps, order_id: UUID) -> None:
    """Raises `FreezeClosed` for a freeze that was cleared."""
    async with deps.db.connection() as conn:
        if await store.release(conn, order_id) != "released":
            raise FreezeClosed


async def _change(
    deps: Deps, visit: Visit, decide: Decide, once: IdempotentRequest | None = None
) -> tuple[CartState, bool]:
    if once is None or once.key is None:
        lines = decide(visit.cart.lines)
        async with deps.db.connection() as conn:
            saved = await store.save(conn, visit.owner, visit.cart, lines)
        if saved is not None:
            return saved, False
        once = None
    async with deps.db.transaction() as tx:
        if once is not None and await once.bound_resource(tx) is not None:
            return await store.cart_of(tx, visit.owner), True
        cart = await store.lock_cart(tx, visit.owner)
        saved = await _save_locked(tx, visit.owner, cart, decide(cart.lines))
        if once is not None:
            await once.bind(tx, saved.id)
        return saved, False


async def _save_locked(tx: Connection, owner: Owner, cart: CartState, lines: Lines) -> CartState:
    saved = await store.save(tx, owner, cart, lines)
    assert saved is not None, "nobody changes a locked cart"
    return saved


async def _merge(deps: Deps, owner: Owner, guest_hash: bytes) -> CartState | None:
    """The customer's cart with the guest's in it, and no guest's cart any more; None where the guest had none."""
    async with deps.db.connection() as conn:
        theirs = await store.cart_of(conn, Owner(guest_hash=guest_hash))
    if theirs.id is None:
        return None
    facts = await deps.asking.facts(line.variant_id for line in theirs.lines)
    available = {variant_id: one.available for variant_id, one in facts.items()}
    async with deps.db.transaction() as tx:
        mine = await store.lock_cart(tx, owner)
        theirs = await store.lock_guest_cart(tx, guest_hash)
        if theirs.id is None:
            return mine
        await store.remove_cart(tx, theirs.id)
        return await _save_locked(tx, owner, mine, domain.merged(mine.lines, theirs.lines, available))


async def _choose(deps: Deps, cart: CartState, asked: ItemAdded) -> tuple[VariantFacts, Facts]:
    """The variant that is meant, and what product says of it and of the rest of the cart: one question, where the
    variant was named."""
    if asked.variant_id is not None:
        facts = await deps.asking.facts([asked.variant_id, *(line.variant_id for line in cart.lines)])
        found = facts.get(asked.variant_id)
        if found is not None and found.product_id == asked.product_id and found.available > 0:
            return found, facts
        # Sold out, not for sale, or of another product: product knows which, and in which words to say so.
        return await deps.product.choose(asked.product_id, asked.variant_id), facts
    chosen = await deps.product.choose(asked.product_id, None)
    return chosen, {chosen.variant_id: chosen}


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


def _same_freeze(known: Freeze, user_id: UUID, guest_hash: bytes | None) -> CartSnapshot:
    if known.state != "live":
        raise FreezeClosed
    if (known.user_id, known.guest_hash) != (user_id, guest_hash):
        raise Conflict("This cart was frozen for another request.", code="request_differs")
    return known.snapshot
