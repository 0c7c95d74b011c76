"""Any sequence of actions of buyers and shops, and of time, on one Checkout Session, with the real store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from serai.sandbox import charging, refunds, sessions
from serai.sandbox.call import Call
from serai.sandbox.cards import CARDS
from serai.sandbox.errors import StripeError
from serai.sandbox.store import Record, Store
from serai.sandbox.stripe_state import Endpoint, StripeState
from tests.sandbox.process import session_params

AMOUNT = 2500


class Session(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_800_000_000.0
        self.state = StripeState(
            Store(Path(self.folder.name) / "s.sqlite"), "sk", Endpoint(None, "w"), clock=lambda: self.now
        )
        with self.state.transact(params=session_params(AMOUNT, expires_at=int(self.now) + 1800)) as call:
            self.id = sessions.create(call)["id"]
        self.seen = {"open"}

    def teardown(self) -> None:
        self.state.store.close()
        self.folder.cleanup()

    def current(self, call: Call) -> tuple[Record, Record | None]:
        session = sessions.find(call, self.id)
        return session, sessions.intent_of(call, session)

    @rule(number=sampled_from(sorted(CARDS)))
    def pay(self, number: str) -> None:
        with self.state.transact() as call:
            session, intent = self.current(call)
            if session.status == "open" and (intent is None or intent.status != "requires_action"):
                sessions.pay(call, session, number, exp=(2099, 12), name="Ada")

    @rule(approved=sampled_from([True, False]))
    def answer(self, approved: bool) -> None:
        with self.state.transact() as call:
            session, intent = self.current(call)
            if session.status == "open" and intent is not None and intent.status == "requires_action":
                sessions.answer_challenge(call, session, intent, approved=approved)

    @rule()
    def expire(self) -> None:
        try:
            with self.state.transact(path={"id": self.id}) as call:
                sessions.expire(call)
        except StripeError:
            assert self.status != "open"

    @rule(seconds=sampled_from([1, 900, 1800]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.state.run_due()

    @rule(amount=sampled_from([1, 1000, AMOUNT]))
    def refund(self, amount: int) -> None:
        with self.state.transact() as call:
            _, intent = self.current(call)
        if intent is None:
            return
        try:
            with self.state.transact(params={"payment_intent": intent.id, "amount": amount}) as call:
                refunds.create(call)
        except StripeError:
            pass

    @property
    def status(self) -> str:
        with self.state.transact() as call:
            return str(self.current(call)[0].status)

    @invariant()
    def a_closed_session_stays_closed(self) -> None:
        self.seen.add(self.status)
        assert self.seen in ({"open"}, {"open", "complete"}, {"open", "expired"})

    @invariant()
    def it_is_paid_exactly_when_there_is_one_charge(self) -> None:
        entries = [entry for _, entry in self.state.store.ledger(after=0, limit=1000)]
        charged = [entry["amount"] for entry in entries if entry["type"] == "charge"]
        assert charged == ([AMOUNT] if self.status == "complete" else [])
        refunded = sum(entry["amount"] for entry in entries if entry["type"] == "refund")
        assert refunded - sum(entry["amount"] for entry in entries if entry["type"] == "refund_failure") <= sum(charged)

    @invariant()
    def an_expired_session_cannot_be_paid(self) -> None:
        with self.state.transact() as call:
            session, intent = self.current(call)
        if session.status == "expired" and intent is not None:
            assert intent.status not in charging.PAYABLE


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
