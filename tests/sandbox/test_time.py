"""What happens by itself, asked of the real store with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serai.sandbox import sessions
from serai.sandbox.bank import DEFAULT_EVENTS, EVENTS_LAST_S, Bank, Endpoint
from serai.sandbox.store import Remembered, Store
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
def bank(tmp_path: Path, clock: Clock) -> Iterator[Bank]:
    store = Store(tmp_path / "stripe.sqlite")
    yield Bank(store, "sk", Endpoint("http://shop.test/", "whsec"), clock=clock)
    store.close()


def open_session(bank: Bank, life_s: int) -> str:
    with bank.transact(params=session_params(expires_at=int(bank.clock()) + life_s)) as call:
        return str(sessions.create(call)["id"])


def status_of(bank: Bank, session: str) -> str | None:
    with bank.transact() as call:
        return sessions.find(call, session).status


def test_a_session_can_be_paid_until_its_last_second_and_not_after(bank: Bank, clock: Clock) -> None:
    session = open_session(bank, 1800)
    clock.now += 1799.9
    assert status_of(bank, session) == "open"
    clock.now += 0.1
    assert status_of(bank, session) == "expired"


def test_a_session_that_nobody_looks_at_expires_too(bank: Bank, clock: Clock) -> None:
    first, second = open_session(bank, 1800), open_session(bank, 3600)
    clock.now += 1800
    bank.let_time_pass()
    expired = [event.body["data"]["object"]["id"] for event in bank.store.page("event", limit=10)]
    assert expired == [first]
    assert status_of(bank, second) == "open"
    assert bank.store.due_deliveries(clock.now, 10)[0].type == "checkout.session.expired"


def test_keys_and_events_are_forgotten_in_time_and_the_ledger_never(bank: Bank, clock: Clock) -> None:
    session = open_session(bank, 1800)
    with bank.transact() as call:
        sessions.pay(call, sessions.find(call, session), "4242424242424242", exp=(2099, 12), name="Ada")
        bank.store.remember("key", Remembered("f", 200, "{}", "req_1"), call.now)
    for delivery in bank.store.due_deliveries(clock.now, 10):
        assert delivery.type in DEFAULT_EVENTS
        bank.store.settle_delivery(delivery.event_id, attempts=1, due_at=None, outcome="delivered", last_status=200)
    clock.now += 86_399
    bank.forget()
    assert bank.store.recall("key") is not None
    clock.now += 1
    bank.forget()
    assert bank.store.recall("key") is None
    assert bank.store.page("event", limit=10)
    clock.now += EVENTS_LAST_S
    bank.forget()
    assert bank.store.page("event", limit=10) == []
    assert len(bank.store.ledger(after=0, limit=10)) == 1
