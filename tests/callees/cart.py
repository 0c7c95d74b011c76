"""The cart service as a checkout sees it, in this process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from serai.cart import domain
from serai.cart.domain import Lines
from serai.chassis.errors import Conflict, NotFound
from serai.chassis.ids import new_id
from serai.contracts.cart import (
    CartClient,
    CartEmpty,
    CartLine,
    CartSnapshot,
    CheckoutInProgress,
    FreezeClosed,
)
from tests.callees.faults import Faults


@dataclass(frozen=True, slots=True)
class _Cart:
    id: UUID
    version: int = 0
    lines: Lines = ()


@dataclass(frozen=True, slots=True)
class _Freeze:
    """`state` is live, cleared or released. A tombstone without a freeze before it has nothing else."""

    state: str
    user_id: UUID | None = None
    guest: bytes | None = None
    snapshot: CartSnapshot | None = None


class InProcessCart(CartClient):
    def __init__(self) -> None:
        self.faults = Faults()
        self._carts: dict[UUID, _Cart] = {}
        self._guests: dict[bytes, _Cart] = {}
        self._freezes: dict[UUID, _Freeze] = {}

    # What customers and guests do

    def put(self, user_id: UUID, product_id: UUID, variant_id: UUID, quantity: int) -> None:
        """Add units to a customer's cart."""
        self._carts[user_id] = _added(self._carts.get(user_id), product_id, variant_id, quantity)

    def put_as_guest(self, guest: str, product_id: UUID, variant_id: UUID, quantity: int) -> None:
        """Add units to the cart of the guest whose cookie is `guest`."""
        key = domain.guest_hash(guest)
        assert key is not None, "not a cookie of a guest's cart"
        self._guests[key] = _added(self._guests.get(key), product_id, variant_id, quantity)

    def quantities(self, user_id: UUID) -> dict[UUID, int]:
        """What is in a customer's cart now, by variant."""
        cart = self._carts.get(user_id)
        return {line.variant_id: line.quantity for line in cart.lines} if cart else {}

    def set(self, user_id: UUID, variant_id: UUID, quantity: int) -> None:
        """Change a line of a customer's cart; 0 removes it."""
        cart = self._carts[user_id]
        line = next(line for line in cart.lines if line.variant_id == variant_id)
        self._carts[user_id] = _with(cart, domain.changed(cart.lines, line.id, quantity))

    def freeze_state(self, order_id: UUID) -> str | None:
        """live, cleared or released; None where no checkout of this order is known."""
        freeze = self._freezes.get(order_id)
        return freeze.state if freeze else None

    # The contract

    async def current(self, user_id: UUID, guest: str | None) -> CartSnapshot:
        async with self.faults.around("current"):
            self._merge(user_id, domain.guest_hash(guest))
            return _snapshot(self._carts.get(user_id))

    async def freeze(self, order_id: UUID, user_id: UUID, guest: str | None) -> CartSnapshot:
        async with self.faults.around("freeze"):
            return self._freeze(order_id, user_id, domain.guest_hash(guest))

    async def clear(self, order_id: UUID) -> None:
        async with self.faults.around("clear"):
            freeze = self._freezes.get(order_id)
            if freeze is None:
                raise NotFound
            if freeze.state == "released":
                raise FreezeClosed
            if freeze.state == "live":
                self._freezes[order_id] = replace(freeze, state="cleared")
                self._subtract(freeze)

    async def release(self, order_id: UUID) -> None:
        async with self.faults.around("release"):
            freeze = self._freezes.get(order_id, _Freeze("released"))
            if freeze.state == "cleared":
                raise FreezeClosed
            self._freezes[order_id] = replace(freeze, state="released")

    def _freeze(self, order_id: UUID, user_id: UUID, guest: bytes | None) -> CartSnapshot:
        known = self._freezes.get(order_id)
        if known is not None:
            if known.state != "live":
                raise FreezeClosed
            if (known.user_id, known.guest) != (user_id, guest):
                raise Conflict("This cart was frozen for another request.", code="request_differs")
            assert known.snapshot is not None
            return known.snapshot
        self._merge(user_id, guest)
        cart = self._carts.get(user_id)
        if cart is None or not cart.lines:
            raise CartEmpty
        for other, freeze in self._freezes.items():
            if freeze.state == "live" and freeze.snapshot is not None and freeze.snapshot.cart_id == cart.id:
                raise CheckoutInProgress(order_id=str(other))
        snapshot = _snapshot(cart)
        self._freezes[order_id] = _Freeze("live", user_id, guest, snapshot)
        return snapshot

    def _subtract(self, freeze: _Freeze) -> None:
        assert freeze.user_id is not None
        assert freeze.snapshot is not None
        cart = self._carts[freeze.user_id]
        bought = {line.variant_id: line.quantity for line in freeze.snapshot.lines}
        left = [replace(line, quantity=line.quantity - bought.get(line.variant_id, 0)) for line in cart.lines]
        self._carts[freeze.user_id] = _with(cart, tuple(line for line in left if line.quantity > 0))

    def _merge(self, user_id: UUID, guest: bytes | None) -> None:
        """The stock, by which the real service caps what is merged, counts as unlimited here."""
        theirs = self._guests.pop(guest, None) if guest is not None else None
        if theirs is not None:
            mine = self._carts.get(user_id) or _Cart(new_id())
            self._carts[user_id] = _with(mine, domain.merged(mine.lines, theirs.lines, {}))


def _added(cart: _Cart | None, product_id: UUID, variant_id: UUID, quantity: int) -> _Cart:
    cart = cart or _Cart(new_id())
    return _with(cart, domain.added(cart.lines, product_id, variant_id, quantity))


def _with(cart: _Cart, lines: Lines) -> _Cart:
    return replace(cart, version=cart.version + 1, lines=lines)


def _snapshot(cart: _Cart | None) -> CartSnapshot:
    if cart is None:
        return CartSnapshot(None, 0, [])
    lines = [CartLine(line.variant_id, line.product_id, line.quantity) for line in cart.lines]
    return CartSnapshot(cart.id, cart.version, lines)
