"""Any sequence of what buyers, shops and time can do to one payment page, against the real store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from hypothesis.strategies import sampled_from

from serai.sandbox import charging, refunds, sessions
from serai.sandbox.bank import Bank, Endpoint
from serai.sandbox.call import Call
from serai.sandbox.cards import CARDS
from serai.sandbox.errors import StripeError
from serai.sandbox.store import Record, Store
from tests.sandbox.process import session_params

AMOUNT = 2500


class Page(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_800_000_000.0
        self.bank = Bank(Store(Path(self.folder.name) / "s.sqlite"), "sk", Endpoint(None, "w"), clock=lambda: self.now)
        with self.bank.transact(params=session_params(AMOUNT, expires_at=int(self.now) + 1800)) as call:
            self.id = sessions.create(call)["id"]
        self.seen = {"open"}

    def teardown(self) -> None:
        self.bank.store.close()
        self.folder.cleanup()

    def look(self, call: Call) -> tuple[Record, Record | None]:
        session = sessions.find(call, self.id)
        return session, sessions.intent_of(call, session)

    @rule(number=sampled_from(sorted(CARDS)))
    def pay(self, number: str) -> None:
        with self.bank.transact() as call:
            session, intent = self.look(call)
            if session.status == "open" and (intent is None or intent.status != "requires_action"):
                sessions.pay(call, session, number, exp=(2099, 12), name="Ada")

    @rule(approved=sampled_from([True, False]))
    def answer(self, approved: bool) -> None:
        with self.bank.transact() as call:
            session, intent = self.look(call)
            if session.status == "open" and intent is not None and intent.status == "requires_action":
                sessions.answer_challenge(call, session, intent, approved=approved)

    @rule()
    def expire(self) -> None:
        try:
            with self.bank.transact(path={"id": self.id}) as call:
                sessions.expire(call)
        except StripeError:
            assert self.status != "open"

    @rule(seconds=sampled_from([1, 900, 1800]))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.bank.let_time_pass()

    @rule(amount=sampled_from([1, 1000, AMOUNT]))
    def refund(self, amount: int) -> None:
        with self.bank.transact() as call:
            _, intent = self.look(call)
        if intent is None:
            return
        try:
            with self.bank.transact(params={"payment_intent": intent.id, "amount": amount}) as call:
                refunds.create(call)
        except StripeError:
            pass

    @property
    def status(self) -> str:
        with self.bank.transact() as call:
            return str(self.look(call)[0].status)

    @invariant()
    def a_page_that_is_closed_stays_closed(self) -> None:
        self.seen.add(self.status)
        assert self.seen in ({"open"}, {"open", "complete"}, {"open", "expired"})

    @invariant()
    def it_is_paid_exactly_when_there_is_one_charge(self) -> None:
        entries = [entry for _, entry in self.bank.store.ledger(after=0, limit=1000)]
        charged = [entry["amount"] for entry in entries if entry["type"] == "charge"]
        assert charged == ([AMOUNT] if self.status == "complete" else [])
        given_back = sum(entry["amount"] for entry in entries if entry["type"] == "refund")
        assert given_back - sum(entry["amount"] for entry in entries if entry["type"] == "refund_failure") <= sum(
            charged
        )

    @invariant()
    def nobody_can_pay_once_it_has_expired(self) -> None:
        with self.bank.transact() as call:
            session, intent = self.look(call)
        if session.status == "expired" and intent is not None:
            assert intent.status not in charging.PAYABLE


TestPage = Page.TestCase
TestPage.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
