"""Rules of holds that need no database."""

from __future__ import annotations

from uuid import UUID

from serai.product.inventory.domain import order_of

ORDER = "01890000-0000-7000-8000-000000000001"


def test_a_hold_tells_its_order() -> None:
    assert order_of(ORDER) == order_of(f"{ORDER}:2") == UUID(ORDER)
    assert order_of("something-else:2") is None
