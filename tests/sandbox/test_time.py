"""What timers do, on the real store with a controlled clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serai.sandbox import sessions
from serai.sandbox.store import Store, StoredResponse
from serai.sandbox.stripe_state import DEFAULT_EVENTS, EVENT_RETENTION_S, Endpoint, StripeState
from tests.sandbox.process import session_params


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(tmp_path: Path, clock: Clock) -> Iterator[StripeState]:
    store = Store(tmp_path / "stripe.sqlite")
    yield StripeState(store, "sk", Endpoint("http://shop.test/", "whsec"), clock=clock)
    store.close()


def open_session(state: StripeState, life_s: int) -> str:
    with state.transact(params=session_params(expires_at=int(state.clock()) + life_s)) as call:
        return str(sessions.create(call)["id"])


def status_of(state: StripeState, session: str) -> str | None:
    with state.transact() as call:
        return sessions.find(call, session).status


def test_a_session_can_be_paid_until_its_last_second_and_not_after(state: StripeState, clock: Clock) -> None:
    session = open_session(state, 1800)
    clock.now += 1799.9
    assert status_of(state, session) == "open"
    clock.now += 0.1
    assert status_of(state, session) == "expired"


def test_a_session_expires_without_being_read(state: StripeState, clock: Clock) -> None:
    first, second = open_session(state, 1800), open_session(state, 3600)
    clock.now += 1800
    state.run_due()
    expired = [event.body["data"]["object"]["id"] for event in state.store.page("event", limit=10)]
    assert expired == [first]
    assert status_of(state, second) == "open"
    assert state.store.due_deliveries(clock.now, 10)[0].type == "checkout.session.expired"


def test_keys_and_events_are_pruned_and_the_ledger_is_not(state: StripeState, clock: Clock) -> None:
    session = open_session(state, 1800)
    with state.transact() as call:
        sessions.pay(call, sessions.find(call, session), "4242424242424242", exp=(2099, 12), name="Ada")
        state.store.store_response("key", StoredResponse("f", 200, "{}", "req_1"), call.now)
    for delivery in state.store.due_deliveries(clock.now, 10):
        assert delivery.type in DEFAULT_EVENTS
        state.store.update_delivery(delivery.event_id, attempts=1, due_at=None, outcome="delivered", last_status=200)
    clock.now += 86_399
    state.prune()
    assert state.store.stored_response("key") is not None
    clock.now += 1
    state.prune()
    assert state.store.stored_response("key") is None
    assert state.store.page("event", limit=10)
    clock.now += EVENT_RETENTION_S
    state.prune()
    assert state.store.page("event", limit=10) == []
    assert len(state.store.ledger(after=0, limit=10)) == 1
