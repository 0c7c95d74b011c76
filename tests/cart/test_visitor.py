"""Under whom a guest's idempotency keys are stored."""

from __future__ import annotations

from uuid import uuid4

from serai.cart import domain
from serai.cart.actions import Visitor
from serai.cart.domain import NO_CART
from serai.cart.store import Owner


def test_a_guest_s_keys_are_found_again_after_an_upgrade() -> None:
    guest = Visitor(Owner(guest_hash=domain.guest_hash("A" * 43)), NO_CART, "A" * 43)
    assert guest.idempotency_caller == "guest:0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a"


def test_a_customer_s_keys_are_their_own() -> None:
    assert Visitor(Owner(user_id=uuid4()), NO_CART).idempotency_caller is None
