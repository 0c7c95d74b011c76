"""Rules of holds that need no database."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from serai.product.inventory.domain import DONE_BEFORE, STARTS_FROM, HoldEnd, order_of

ORDER = "01890000-0000-7000-8000-000000000001"


def test_a_hold_tells_its_order() -> None:
    assert order_of(ORDER) == order_of(f"{ORDER}:2") == UUID(ORDER)
    assert order_of("something-else:2") is None


def test_a_step_is_done_before_where_the_hold_is_past_it_and_starts_from_no_such_status() -> None:
    ways = {"held": {"committed", "released"}, "committed": {"returned"}, "released": set(), "returned": set()}
    for end in get_args(HoldEnd):
        assert {status for status, ends in ways.items() if end in ends} == {STARTS_FROM[end]}
        # What an end leads to, itself included, has been through it.
        assert DONE_BEFORE[end] == {end, *ways[end]}
