"""The product service as a checkout sees it, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from serai.chassis.errors import Invalid, NotFound
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts.product.client import ProductClient
from serai.contracts.product.inventory import HeldLine, HoldClosed, HoldLine, OutOfStock, RequestDiffers
from serai.contracts.product.offers import VariantFacts, VariantRequired
from tests.callees.faults import Faults


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant and its units. Of what was ever in stock, each unit is available, held or sold."""

    id: UUID
    product_id: UUID
    name: str
    price: Money
    available: int
    held: int = 0
    sold: int = 0
    for_sale: bool = True

    @property
    def sku(self) -> str:
        return f"SKU-{self.id.hex[:12]}"

    @property
    def buyable(self) -> int:
        return self.available if self.for_sale else 0


@dataclass(frozen=True, slots=True)
class _Hold:
    """`status` is held, committed, released or returned. A tombstone has no lines."""

    status: str
    asked: tuple[HoldLine, ...] = ()
    lines: tuple[HeldLine, ...] = ()


class InProcessProduct(ProductClient):
    def __init__(self, currency: str = "USD") -> None:
        self.faults = Faults()
        self._currency = currency
        self._variants: dict[UUID, Variant] = {}
        self._holds: dict[str, _Hold] = {}

    # What the shop's staff does

    def add(self, *, price: int = 24900, stock: int = 12, name: str = "Walnut desk") -> Variant:
        """A product with one variant; `price` in minor units."""
        variant = Variant(new_id(), new_id(), name, Money(price, self._currency), stock)
        self._variants[variant.id] = variant
        return variant

    def variant(self, variant_id: UUID) -> Variant:
        return self._variants[variant_id]

    def set_price(self, variant_id: UUID, price: int) -> None:
        self._change(variant_id, price=Money(price, self._currency))

    def set_available(self, variant_id: UUID, available: int) -> None:
        self._change(variant_id, available=available)

    def archive(self, variant_id: UUID) -> None:
        """Take it off sale; what is held or sold stays so."""
        self._change(variant_id, for_sale=False)

    def forget(self, variant_id: UUID) -> None:
        """As if it had never existed."""
        del self._variants[variant_id]

    def hold_status(self, hold_id: str) -> str | None:
        """held, committed, released or returned; None for a hold that never was."""
        hold = self._holds.get(hold_id)
        return hold.status if hold else None

    def lose(self, hold_id: str) -> None:
        """Release a hold behind the back of the checkout it belongs to, as a person might."""
        with self._ending(hold_id, "released") as lines:
            self._release(lines)

    # The contract

    async def variants(self, variant_ids: list[UUID]) -> list[VariantFacts]:
        async with self.faults.around("variants"):
            return [_facts(self._variants[one]) for one in dict.fromkeys(variant_ids) if one in self._variants]

    async def choose(self, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
        async with self.faults.around("choose"):
            found = [
                one
                for one in self._variants.values()
                if one.product_id == product_id and one.for_sale and variant_id in (None, one.id)
            ]
            if not found:
                raise NotFound
            if len(found) > 1:
                raise VariantRequired
            return _facts(found[0])

    async def hold(self, hold_id: str, lines: list[HoldLine]) -> list[HeldLine]:
        async with self.faults.around("hold"):
            return list(self._hold(hold_id, tuple(sorted(lines, key=lambda line: line.variant_id))))

    async def commit(self, hold_id: str) -> None:
        async with self.faults.around("commit"):
            status = self.hold_status(hold_id)
            if status is None:
                raise NotFound
            if status == "released":
                raise HoldClosed
            if status == "held":
                with self._ending(hold_id, "committed") as lines:
                    for line in lines:
                        one = self._variants[line.variant_id]
                        self._change(one.id, held=one.held - line.quantity, sold=one.sold + line.quantity)

    async def release(self, hold_id: str) -> None:
        async with self.faults.around("release"):
            status = self.hold_status(hold_id)
            if status in ("committed", "returned"):
                raise HoldClosed
            if status is None:
                self._holds[hold_id] = _Hold("released")
            elif status == "held":
                with self._ending(hold_id, "released") as lines:
                    self._release(lines)

    async def put_back(self, hold_id: str) -> None:
        async with self.faults.around("put_back"):
            status = self.hold_status(hold_id)
            if status not in ("committed", "returned"):
                raise NotFound
            if status == "committed":
                with self._ending(hold_id, "returned") as lines:
                    for line in lines:
                        one = self._variants[line.variant_id]
                        self._change(one.id, available=one.available + line.quantity, sold=one.sold - line.quantity)

    def _hold(self, hold_id: str, asked: tuple[HoldLine, ...]) -> tuple[HeldLine, ...]:
        if len({line.variant_id for line in asked}) != len(asked):
            raise Invalid(errors=[{"field": "lines", "message": "has a variant twice"}])
        known = self._holds.get(hold_id)
        if known is not None:
            if known.status != "held":
                raise HoldClosed
            if known.asked != asked:
                raise RequestDiffers
            return known.lines
        short = [
            {"variant_id": str(line.variant_id), "requested": line.quantity, "available": available}
            for line in asked
            if (available := self._buyable(line.variant_id)) < line.quantity
        ]
        if short:
            raise OutOfStock(items=short)
        held = tuple(_held(self._variants[line.variant_id], line.quantity) for line in asked)
        for line in asked:
            one = self._variants[line.variant_id]
            self._change(one.id, available=one.available - line.quantity, held=one.held + line.quantity)
        self._holds[hold_id] = _Hold("held", asked, held)
        return held

    def _release(self, lines: tuple[HeldLine, ...]) -> None:
        for line in lines:
            one = self._variants[line.variant_id]
            self._change(one.id, available=one.available + line.quantity, held=one.held - line.quantity)

    @contextmanager
    def _ending(self, hold_id: str, status: str) -> Iterator[tuple[HeldLine, ...]]:
        """The lines of a hold, which has `status` after the block."""
        hold = self._holds[hold_id]
        yield hold.lines
        self._holds[hold_id] = replace(hold, status=status)

    def _buyable(self, variant_id: UUID) -> int:
        one = self._variants.get(variant_id)
        return one.buyable if one else 0

    def _change(self, variant_id: UUID, **fields: object) -> None:
        changed = replace(self._variants[variant_id], **fields)  # type: ignore[arg-type]  # each caller names its fields
        assert min(changed.available, changed.held, changed.sold) >= 0
        self._variants[variant_id] = changed


def _facts(one: Variant) -> VariantFacts:
    return VariantFacts(
        one.id, one.product_id, one.sku, one.name, {}, one.price, available=one.available if one.for_sale else 0
    )


def _held(one: Variant, quantity: int) -> HeldLine:
    return HeldLine(one.id, one.product_id, one.sku, one.name, {}, one.price, quantity=quantity)
