"""The axes of an order: what may follow what, and what the public status says about them."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.contracts.order.orders import OrderFulfilmentStatus, OrderPaymentStatus, OrderStatus
from serai.order.orders import domain
from serai.order.orders.domain import (
    FULFILMENT_MOVES,
    ORDER_MOVES,
    PAYMENT_MOVES,
    RETURN_MOVES,
    IllegalTransition,
    PaymentStatus,
    Status,
)


def test_the_contract_names_the_states_that_the_domain_knows() -> None:
    assert set(typing.get_args(OrderStatus)) == set(ORDER_MOVES)
    assert set(typing.get_args(OrderPaymentStatus)) == set(PAYMENT_MOVES)
    assert set(typing.get_args(OrderFulfilmentStatus)) == set(FULFILMENT_MOVES)


@pytest.mark.parametrize("moves", [ORDER_MOVES, PAYMENT_MOVES, FULFILMENT_MOVES, RETURN_MOVES])
def test_every_move_leads_to_a_state_that_has_moves_of_its_own(moves: dict[str, frozenset[str]]) -> None:
    assert all(to in moves for following in moves.values() for to in following)
    assert all(state not in following for state, following in moves.items())


def test_a_status_that_says_nothing_about_the_money_leaves_it_where_it_is() -> None:
    assert {status: domain.payment_status_at(status) for status in ORDER_MOVES} == {
        **dict.fromkeys(ORDER_MOVES),
        "paid": "paid",
        "refunded": "refunded",
    }


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_charge_is_refunded_once_all_of_it_went_back(total: int, refunded: int) -> None:
    expected = "refunded" if refunded >= total else "partially_refunded"
    assert domain.payment_status_refunded("paid", refunded=refunded, total=total) == expected
    assert domain.payment_status_refunded("partially_refunded", refunded=refunded, total=total) == expected


@pytest.mark.parametrize("current", ["refunded", "processing"])
def test_nothing_is_taken_back_of_money_that_is_gone_or_has_not_come(current: PaymentStatus) -> None:
    with pytest.raises(IllegalTransition):
        domain.payment_status_refunded(current, refunded=1, total=2)


def test_money_that_came_after_an_order_had_ended_goes_back_from_unpaid() -> None:
    assert domain.payment_status_refunded("unpaid", refunded=2, total=2) == "refunded"


def test_units_leave_in_parts_or_all_together_and_never_come_back_by_shipping() -> None:
    assert domain.fulfilment_status_after("unfulfilled", left=1) == "partial"
    assert domain.fulfilment_status_after("partial", left=2) == "partial"
    assert domain.fulfilment_status_after("partial", left=0) == "fulfilled"
    with pytest.raises(IllegalTransition):
        domain.fulfilment_status_after("fulfilled", left=1)


def test_a_refusal_says_where_the_order_stands_and_where_it_was_to_go() -> None:
    with pytest.raises(IllegalTransition) as refused:
        domain.require_move("cancelled", "paid")
    assert refused.value.detail == "An order that is cancelled cannot become paid."
    assert refused.value.document(None)["current"] == "cancelled"
    assert refused.value.document(None)["to"] == "paid"


REFUNDABLE = ("paid", "shipped", "delivered", "refunding")


@pytest.mark.parametrize("status", ORDER_MOVES)
def test_only_a_full_refund_of_a_paid_order_that_stripe_confirmed_ends_it(status: Status) -> None:
    requested = ("refunding",) if status in REFUNDABLE and status != "refunding" else ()
    done = (*requested, "refunded") if status in REFUNDABLE else ()
    assert domain.statuses_on_refund(status, full=True, succeeded=False) == requested
    assert domain.statuses_on_refund(status, full=True, succeeded=True) == done
    assert domain.statuses_on_refund(status, full=False, succeeded=True) == ()


@given(st.sampled_from(sorted(ORDER_MOVES)), st.booleans(), st.booleans())
def test_a_refund_moves_an_order_only_along_its_graph(status: Status, full: bool, succeeded: bool) -> None:
    for to in domain.statuses_on_refund(status, full=full, succeeded=succeeded):
        domain.require_move(status, to)
        status = to
    assert full or status in ORDER_MOVES
