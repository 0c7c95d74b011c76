"""Adding, changing and merging lines."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.cart import domain
from serai.cart.domain import MAX_LINES, MAX_QUANTITY, CartFull, Line, Lines
from serai.chassis.errors import Invalid, NotFound

VARIANTS = [UUID(int=number) for number in range(130)]
DESK, LAMP = VARIANTS[:2]


def line(variant: UUID, quantity: int = 1) -> Line:
    return Line(uuid4(), variant, variant, quantity)


def quantities(lines: Lines) -> dict[UUID, int]:
    return {line.variant_id: line.quantity for line in lines}


def test_adding_a_new_variant_appends_a_line() -> None:
    before = (line(DESK),)
    after = domain.added(before, LAMP, LAMP, 2)
    assert after[:1] == before
    assert quantities(after) == {DESK: 1, LAMP: 2}


def test_adding_the_same_variant_adds_up_on_its_line() -> None:
    before = (line(DESK, 2), line(LAMP))
    after = domain.added(before, DESK, DESK, 3)
    assert [one.id for one in after] == [one.id for one in before]
    assert quantities(after) == {DESK: 5, LAMP: 1}


def test_a_line_has_at_most_999_units() -> None:
    before = (line(DESK, MAX_QUANTITY - 1),)
    assert quantities(domain.added(before, DESK, DESK, 1)) == {DESK: MAX_QUANTITY}
    with pytest.raises(Invalid):
        domain.added(before, DESK, DESK, 2)


def test_a_cart_has_at_most_100_lines_and_a_full_one_still_takes_more_of_a_line() -> None:
    full = tuple(line(variant) for variant in VARIANTS[:MAX_LINES])
    with pytest.raises(CartFull):
        domain.added(full, VARIANTS[MAX_LINES], VARIANTS[MAX_LINES], 1)
    assert quantities(domain.added(full, DESK, DESK, 1))[DESK] == 2


def test_a_quantity_of_0_removes_the_line_and_others_stay() -> None:
    desk, lamp = line(DESK, 2), line(LAMP, 3)
    assert quantities(domain.changed((desk, lamp), desk.id, 7)) == {DESK: 7, LAMP: 3}
    assert domain.changed((desk, lamp), desk.id, 0) == (lamp,)
    with pytest.raises(NotFound):
        domain.changed((desk,), lamp.id, 0)


@pytest.mark.parametrize("token", [None, "", "x" * 42, "x" * 44, "x" * 42 + "!", "x" * 43 + "\n"])
def test_a_malformed_guest_token_has_no_hash(token: str | None) -> None:
    assert domain.guest_hash(token) is None


def test_guests_are_told_apart_by_their_token() -> None:
    assert domain.guest_hash("x" * 43) != domain.guest_hash("y" * 43)
    assert len(domain.guest_hash("x" * 43) or b"") == 32


@pytest.mark.parametrize(
    ("customer", "guest", "stock", "merged"),
    [
        (2, 3, 100, 5),
        (2, 3, 4, 4),
        (5, 3, 4, 5),
        (2, 3, 0, 3),
        (3, 2, 0, 3),
        (990, 20, 5000, MAX_QUANTITY),
        (2, 3, None, 5),
    ],
)
def test_merging_adds_quantities_up_to_the_stock_and_reduces_none(
    customer: int, guest: int, stock: int | None, merged: int
) -> None:
    available = {} if stock is None else {DESK: stock}
    assert quantities(domain.merged((line(DESK, customer),), (line(DESK, guest),), available)) == {DESK: merged}


def test_merging_drops_the_last_guest_lines_beyond_100() -> None:
    customer_lines = tuple(line(variant) for variant in VARIANTS[: MAX_LINES - 1])
    guest_lines = tuple(line(variant) for variant in VARIANTS[MAX_LINES - 1 : MAX_LINES + 1])
    after = domain.merged(customer_lines, guest_lines, {})
    assert [one.variant_id for one in after] == VARIANTS[:MAX_LINES]


@st.composite
def carts_of_lines(draw: st.DrawFn) -> Lines:
    lines = draw(st.dictionaries(st.sampled_from(VARIANTS), st.integers(1, MAX_QUANTITY), max_size=MAX_LINES))
    return tuple(line(variant, quantity) for variant, quantity in lines.items())


@given(
    customer_lines=carts_of_lines(),
    guest_lines=carts_of_lines(),
    stock=st.dictionaries(st.sampled_from(VARIANTS), st.integers(0, 2000)),
)
def test_any_merge_reduces_no_quantity_and_exceeds_no_limit(
    customer_lines: Lines, guest_lines: Lines, stock: dict[UUID, int]
) -> None:
    after = domain.merged(customer_lines, guest_lines, stock)
    customer, guest = quantities(customer_lines), quantities(guest_lines)
    assert len(after) <= MAX_LINES
    assert len({line.variant_id for line in after}) == len({line.id for line in after}) == len(after)
    assert [line.id for line in after[: len(customer_lines)]] == [line.id for line in customer_lines]
    for merged in after:
        before = customer.get(merged.variant_id, 0)
        available = stock.get(merged.variant_id, MAX_QUANTITY)
        assert before <= merged.quantity <= min(MAX_QUANTITY, before + guest.get(merged.variant_id, 0))
        assert merged.quantity <= max(before, available) or available == 0
    missing = set(guest) - {line.variant_id for line in after}
    assert not missing or len(after) == MAX_LINES
