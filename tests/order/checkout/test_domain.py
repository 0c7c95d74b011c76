"""The rules of orders and checkouts, by enumeration and by property."""

from __future__ import annotations

from dataclasses import replace
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


def test_a_checkout_that_moves_on_counts_its_attempts_anew_and_remembers_what_it_learned() -> None:
    tried = replace(saga(State.CART_FROZEN), attempts=7)
    moved = tried.to(State.STOCK_HELD, email="a@example.com")
    assert moved == replace(
        tried, state=State.STOCK_HELD, attempts=0, context=replace(tried.context, email="a@example.com")
    )


def test_a_checkout_refuses_a_move_by_naming_both_states() -> None:
    with pytest.raises(IllegalTransition, match="is accepted cannot become done"):
        saga(State.ACCEPTED).to(State.DONE)


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


@pytest.mark.parametrize("state", State)
def test_the_history_of_a_paid_order_skips_no_status(state: State) -> None:
    if State.AWAITING_PAYMENT in SAGA_MOVES[state] or state in (
        State.ACCEPTED,
        State.CART_FROZEN,
        State.STOCK_HELD,
        State.PRICED,
        State.REJECTING,
    ):
        assert domain.statuses_to_paid(state) == ("awaiting_payment", "paid")
    else:
        assert domain.statuses_to_paid(state) == ("paid",)


@pytest.mark.parametrize("state", [State.CANCELLING, State.REJECTING])
@pytest.mark.parametrize("status", ["pending", "awaiting_payment", "paid"])
def test_a_checkout_that_is_being_undone_is_not_cancelled_again(status: str, state: State) -> None:
    assert domain.on_cancel(status, state, refunds=False) is OnCancel.ALREADY


def test_a_refused_cancellation_tells_where_the_order_stands() -> None:
    with pytest.raises(IllegalTransition) as refused:
        domain.on_cancel("shipped", State.DONE, refunds=True)
    assert refused.value.facts == {"current": "shipped", "to": "cancelled"}
    assert refused.value.detail == "An order that is shipped cannot be cancelled."


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
    limit = NOW + timedelta(minutes=5)
    assert not domain.gives_up(saga(State.PAYMENT_OPENING), limit)
    assert domain.gives_up(saga(State.PAYMENT_OPENING), limit + timedelta(milliseconds=1))


@given(st.integers(min_value=0, max_value=10_000))
def test_pauses_grow_and_are_bounded(attempts: int) -> None:
    assert 0.25 <= domain.retry_pause_s(attempts) <= 30
    assert domain.retry_pause_s(attempts) <= domain.retry_pause_s(attempts + 1)


def test_a_pause_doubles_from_a_quarter_of_a_second_to_half_a_minute() -> None:
    assert [domain.retry_pause_s(attempts) for attempts in range(9)] == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.sampled_from(State), st.booleans())
def test_a_refund_never_cuts_a_paid_checkout_short(state: State, restock: bool) -> None:
    after = domain.on_refunded(saga(state), restock=restock)
    if state in (State.PAID, State.STOCK_COMMITTED, State.CART_CLEARED):
        assert after.state is state
        assert after.context.restock is restock
    if state in (State.DONE, State.REFUNDING, State.REFUND_ASKED):
        assert after.state is (State.RESTOCKING if restock else State.DONE)


def test_a_refund_that_was_asked_for_is_not_asked_for_again_once_it_is_done() -> None:
    waiting = saga(State.REFUND_ASKED)
    waiting = replace(waiting, attempts=3, context=replace(waiting.context, refund=True))
    done = domain.on_refunded(waiting, restock=True)
    assert done == replace(
        waiting, state=State.RESTOCKING, attempts=0, context=replace(waiting.context, refund=False, restock=True)
    )
    under_way = replace(waiting, state=State.PAID)
    assert domain.on_refunded(under_way, restock=False) == replace(
        under_way, context=replace(waiting.context, refund=False, restock=False)
    )


def test_shipped_units_stay_away_unless_the_admin_says_otherwise() -> None:
    assert domain.restocks(shipped=False, requested=None)
    assert not domain.restocks(shipped=True, requested=None)
    assert domain.restocks(shipped=True, requested=True)
    assert not domain.restocks(shipped=False, requested=False)


def test_a_refund_of_an_order_under_way_waits_for_its_units() -> None:
    under_way = domain.cancelled(saga(State.PAID), OnCancel.REFUND)
    assert under_way.state is State.PAID
    assert domain.after_clearing(under_way.context) is State.REFUNDING
    assert under_way.context.refund
    done = domain.cancelled(saga(State.DONE), OnCancel.REFUND)
    assert done.state is State.REFUNDING
    assert not done.context.refund


def test_units_go_back_after_the_cart_is_cleared_if_that_was_asked_for_meanwhile() -> None:
    context = saga(State.CART_CLEARED).context
    assert domain.after_clearing(context) is State.DONE
    assert domain.after_clearing(replace(context, restock=True)) is State.RESTOCKING
    assert domain.after_clearing(replace(context, restock=True, refund=True)) is State.REFUNDING


def test_an_order_cancelled_before_its_payment_is_asked_for_is_rejected_as_the_buyers_wish() -> None:
    accepted = saga(State.ACCEPTED)
    rejected = domain.cancelled(accepted, OnCancel.REJECT)
    failure = {"code": "cancelled_by_buyer", "status": 409, "detail": "The order was cancelled.", "items": []}
    assert rejected == replace(accepted, state=State.REJECTING, context=replace(accepted.context, failure=failure))


def test_an_order_that_awaits_its_payment_is_cancelled_by_closing_the_payment() -> None:
    awaiting = saga(State.AWAITING_PAYMENT)
    assert domain.cancelled(awaiting, OnCancel.CLOSE) == replace(awaiting, state=State.CANCELLING)


@pytest.mark.parametrize("status", ORDER_MOVES)
def test_a_cancellation_that_lost_against_the_payment_says_so(status: str) -> None:
    if status in ("cancelled", "rejected"):
        domain.require_cancelled(status)
        return
    with pytest.raises(IllegalTransition) as refused:
        domain.require_cancelled(status)
    assert refused.value.facts == {"current": status, "to": "cancelled"}
    assert refused.value.detail == "The order was paid before it could be cancelled."
