"""The rules of orders and checkouts, by enumeration and by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.order.checkout import domain
from serai.order.checkout.domain import (
    RESTING,
    SAGA_MOVES,
    Context,
    OnCancel,
    OnPaid,
    Saga,
    State,
)
from serai.order.orders import domain as orders
from serai.order.orders.domain import ORDER_MOVES, IllegalTransition, Status

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def saga(state: State, since: datetime = NOW) -> Saga:
    return Saga(uuid4(), state, 1, 1, 0, since, Context(user_id=uuid4(), key="k", hold_id="h"))


def test_every_state_has_its_moves() -> None:
    assert set(SAGA_MOVES) == set(State)
    assert all(to in SAGA_MOVES for moves in SAGA_MOVES.values() for to in moves)
    assert all(to in ORDER_MOVES for moves in ORDER_MOVES.values() for to in moves)


def test_every_checkout_can_come_to_rest() -> None:
    resting = set(RESTING)
    while grown := {state for state, moves in SAGA_MOVES.items() if moves & resting} - resting:
        resting |= grown
    assert resting == set(State)


def test_orders_never_move_backwards() -> None:
    def reachable(status: Status) -> set[Status]:
        found: set[Status] = set()
        queue = [status]
        while queue:
            for to in ORDER_MOVES[queue.pop()] - found:
                found.add(to)
                queue.append(to)
        return found

    assert all(status not in reachable(status) for status in ORDER_MOVES)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("to", State)
def test_a_checkout_refuses_every_move_that_is_not_listed(state: State, to: State) -> None:
    if to in SAGA_MOVES[state]:
        assert saga(state).to(to).state is to
    else:
        with pytest.raises(IllegalTransition):
            saga(state).to(to)


@pytest.mark.parametrize("state", State)
def test_money_that_arrives_is_kept_for_an_order_or_given_back(state: State) -> None:
    verdict = domain.on_paid(state)
    if state in (State.CANCELLED, State.REJECTED):
        assert verdict is OnPaid.REFUND
    elif state in (State.PAYMENT_OPENING, State.AWAITING_PAYMENT, State.CANCELLING, State.REJECTING):
        assert verdict is OnPaid.PAY
    elif state in (State.PAID, State.STOCK_COMMITTED, State.CART_CLEARED, State.DONE, State.REFUNDING):
        assert verdict is OnPaid.IGNORE


@pytest.mark.parametrize("refunds", [True, False])
@pytest.mark.parametrize("status", ORDER_MOVES)
def test_who_may_cancel_what(status: str, refunds: bool) -> None:
    def verdict() -> OnCancel:
        return domain.on_cancel(status, State.DONE, refunds=refunds)

    if status == "pending":
        assert verdict() is OnCancel.REJECT
    elif status == "awaiting_payment":
        assert verdict() is OnCancel.CLOSE
    elif status == "paid" and refunds:
        assert verdict() is OnCancel.REFUND
    elif status in ("cancelled", "rejected", "refunding", "refunded"):
        assert verdict() is OnCancel.ALREADY
    else:
        with pytest.raises(IllegalTransition):
            verdict()


def test_gives_up_before_payment_and_never_after() -> None:
    late = NOW + timedelta(days=1)
    giving_up = {state for state in State if domain.gives_up(saga(state), late)}
    assert giving_up == {State.ACCEPTED, State.CART_FROZEN, State.PAYMENT_OPENING}
    assert not domain.gives_up(saga(State.PAYMENT_OPENING), NOW + timedelta(minutes=4))


@given(st.integers(min_value=0, max_value=10_000))
def test_pauses_grow_and_are_bounded(attempts: int) -> None:
    assert 0.25 <= domain.retry_pause_s(attempts) <= 30
    assert domain.retry_pause_s(attempts) <= domain.retry_pause_s(attempts + 1)


@given(st.sampled_from(sorted(ORDER_MOVES)), st.booleans(), st.booleans())
def test_a_refund_moves_an_order_only_along_its_graph(status: Status, full: bool, succeeded: bool) -> None:
    for to in orders.statuses_on_refund(status, full=full, succeeded=succeeded):
        orders.require_move(status, to)
        status = to
    assert full or status in ORDER_MOVES


@given(st.sampled_from(State), st.booleans())
def test_a_refund_never_cuts_a_paid_checkout_short(state: State, restock: bool) -> None:
    after = domain.on_refunded(saga(state), restock=restock)
    if state in (State.PAID, State.STOCK_COMMITTED, State.CART_CLEARED):
        assert after.state is state
        assert after.context.restock is restock
    if state in (State.DONE, State.REFUND_ASKED):
        assert after.state is (State.RESTOCKING if restock else State.DONE)


def test_shipped_units_stay_away_unless_the_admin_says_otherwise() -> None:
    assert domain.restocks(shipped=False, requested=None)
    assert not domain.restocks(shipped=True, requested=None)
    assert domain.restocks(shipped=True, requested=True)
    assert not domain.restocks(shipped=False, requested=False)


def test_a_refund_of_an_order_under_way_waits_for_its_units() -> None:
    under_way = domain.cancelled(saga(State.PAID), OnCancel.REFUND)
    assert under_way.state is State.PAID
    assert domain.after_clearing(under_way.context) is State.REFUNDING
    assert domain.cancelled(saga(State.DONE), OnCancel.REFUND).state is State.REFUNDING
