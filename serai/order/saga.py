"""The checkout saga: takes an order from where it stands to where it can rest, one committed step at a time.

Whoever drives a saga holds its lease and writes only under the version and epoch it has read, so a driver that was
frozen past its lease writes nothing when it wakes up. Each step calls one other service, outside any transaction; what
came of it is saved before anything is done that cannot be taken as not done. Every call can be repeated, so a crash
costs nothing but the repetition.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from serai.chassis import telemetry
from serai.chassis.data.database import Connection, Database, DatabaseUnavailable
from serai.chassis.data.feed import Feed, NewEvent, new_event
from serai.chassis.errors import NotFound, Problem, Unavailable
from serai.commerce.money import Money
from serai.contracts import order as wire
from serai.contracts.cart import CartClient, CartEmpty, CheckoutInProgress, FreezeClosed
from serai.contracts.payment import (
    NotCharged,
    OpenPayment,
    PaymentClient,
    PaymentLine,
    RefundExceedsCharge,
    RefundRequest,
)
from serai.contracts.product import HeldLine, HoldClosed, HoldLine, OutOfStock, ProductClient
from serai.order import domain, pricing, store
from serai.order.domain import RESTING, Saga, State, TotalChanged

log = logging.getLogger(__name__)

_AT_ONCE = 16
_TICK_S = 0.25
#: How often a request looks whether another worker has brought its saga to rest.
_LOOK_AGAIN_S = 0.1

STEP_SECONDS = Histogram(
    "checkout_step_duration_seconds",
    "Time of one step of the checkout saga, its calls and its commit.",
    ["state"],
    registry=telemetry.REGISTRY,
)
ORDERS = Counter("orders_total", "Orders that reached a status.", ["status"], registry=telemetry.REGISTRY)
SAGA_AGE = Gauge(
    "checkout_saga_age_seconds",
    "Age of the oldest saga in a state it should leave.",
    ["state"],
    registry=telemetry.REGISTRY,
)
SAGAS = Gauge("checkout_sagas", "Sagas that are not at rest.", ["state"], registry=telemetry.REGISTRY)


class CheckoutFailed(Unavailable):
    """A part the checkout needs did not answer for too long."""

    code, detail = "checkout_failed", "The order could not be placed because a part of the shop did not answer."


@dataclass(frozen=True, slots=True)
class Step:
    """What a step came to: the saga's next state, what becomes of the order, and what to note."""

    saga: Saga
    order: store.Moved | store.Priced | None = None
    #: What else is written in the same transaction.
    write: Callable[[Connection], Awaitable[None]] | None = None
    passed: tuple[tuple[State, str | None], ...] = ()
    #: When a resting saga is due again; None: when something happens.
    run_at: datetime | None = None
    #: Not saved by itself, because the step can just as well be done again: the next one's commit covers it.
    provisional: bool = False


class Checkout:
    """Drives sagas. One per process; any number of processes."""

    def __init__(
        self,
        db: Database,
        feed: Feed,
        rules: pricing.Rules,
        cart: CartClient,
        product: ProductClient,
        payment: PaymentClient,
    ) -> None:
        self._db = db
        self._feed = feed
        self._rules = rules
        self._cart = cart
        self._product = product
        self._payment = payment
        self._due = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._leaving = False
        self._steps: dict[State, Callable[[Saga], Awaitable[Step]]] = {
            State.ACCEPTED: self._freeze_cart,
            State.CART_FROZEN: self._hold_stock,
            State.PAYMENT_OPENING: self._open_payment,
            State.AWAITING_PAYMENT: self._expire,
            State.PAID: self._commit_stock,
            State.STOCK_COMMITTED: self._clear_cart,
            State.REJECTING: self._undo,
            State.CANCELLING: self._undo,
            State.REFUNDING: self._refund,
            State.RESTOCKING: self._restock,
        }

    # Driving

    def nudge(self) -> None:
        """A saga may be due: look now rather than at the next tick."""
        self._due.set()
        self._feed.nudge()

    def leave(self) -> None:
        """Finish what has begun and begin nothing more: a saga that is dropped waits until its lease ends, and its cart
        with it."""
        self._leaving = True

    @property
    def in_hand(self) -> int:
        """How many sagas are being driven."""
        return len(self._running)

    async def run(self) -> None:
        """Claim sagas that are due and drive them, for ever."""
        try:
            while True:
                room = 0 if self._leaving else _AT_ONCE - len(self._running)
                claimed: list[Saga] = []
                if room > 0:
                    async with self._db.connection() as conn:
                        claimed = await store.claim_due(conn, room)
                for saga in claimed:
                    task = asyncio.create_task(self._drive_quietly(saga))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
                if len(claimed) < max(room, 1):
                    await self._wait_for_work()
        finally:
            for task in self._running:
                task.cancel()

    async def _wait_for_work(self) -> None:
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S * random.uniform(0.8, 1.2)):
                await self._due.wait()
        self._due.clear()

    async def _drive_quietly(self, saga: Saga) -> None:
        try:
            await self.drive(saga)
        except Exception:
            log.exception("saga left to its lease", extra={"order_id": saga.order_id, "state": saga.state})

    async def drive(self, saga: Saga) -> Saga | None:
        """Run `saga` until it rests or must wait. None when somebody else has taken it over."""
        while True:
            started = time.perf_counter()
            try:
                step = await self._advance(saga)
            except Exception as error:
                step = self._failed(saga, error)
            saved = await self._save(saga, step)
            STEP_SECONDS.labels(saga.state).observe(time.perf_counter() - started)
            if saved is None:
                return None
            if saved.state in RESTING or saved.attempts:
                return saved
            saga = saved

    async def _advance(self, saga: Saga) -> Step:
        """From where `saga` stands to the next point that must be saved."""
        step = await self._steps[saga.state](saga)
        while step.provisional:
            after = await self._steps[step.saga.state](step.saga)
            step = replace(after, passed=(*step.passed, (step.saga.state, None), *after.passed))
        return step

    async def drive_within(self, saga: Saga, seconds: float) -> Saga | None:
        """Drive `saga`, through failures too, until it rests; None when that takes longer than `seconds`, and then
        any worker carries on."""
        task = asyncio.create_task(self._until_rest(saga, time.monotonic() + seconds))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return task.result() if done else None

    async def _until_rest(self, saga: Saga, deadline: float) -> Saga | None:
        driven = await self.drive(saga)
        while driven is None or driven.state not in RESTING:
            pause = _LOOK_AGAIN_S if driven is None else domain.retry_pause_s(driven.attempts)
            if time.monotonic() + pause > deadline:
                return None
            await asyncio.sleep(pause)
            async with self._db.connection() as conn:
                claimed = await store.claim(conn, saga.order_id)
                driven = None if claimed else await store.saga(conn, saga.order_id)
            if claimed is not None:
                driven = await self.drive(claimed)
            elif driven is not None and driven.state not in RESTING:
                driven = None
        return driven

    def _failed(self, saga: Saga, error: Exception) -> Step:
        """Try again later, or give up where that is allowed."""
        now = datetime.now(UTC)
        transient = isinstance(error, (Unavailable, TimeoutError, OSError)) or not isinstance(error, Problem)
        extra = {"order_id": saga.order_id, "state": saga.state, "attempt": saga.attempts + 1}
        if transient and not isinstance(error, Unavailable):
            log.error("step failed", exc_info=error, extra=extra)
        else:
            log.warning("step failed: %s", error, extra=extra)
        may_give_up = saga.state in domain.GIVE_UP_AFTER
        if may_give_up and (not transient or domain.gives_up(saga, now)):
            return self._rejecting(saga, error if isinstance(error, Problem) and not transient else CheckoutFailed())
        if now - saga.since > domain.ALERT_AFTER:
            log.error("saga is stuck", extra={**extra, "alert": "stuck_saga"})
        return Step(replace(saga, attempts=saga.attempts + 1))

    async def _save(self, old: Saga, step: Step) -> Saga | None:
        """Commit a step; after a commit whose fate is unknown, go on from what the database holds."""
        for attempt in range(6):
            try:
                return await self._commit(old, step)
            except DatabaseUnavailable:
                await asyncio.sleep(0.2 * 2**attempt)
                current = await self._read_again(old)
                if current is None or current.version != old.version:
                    return current
        return None

    async def _commit(self, old: Saga, step: Step) -> Saga | None:
        new = step.saga
        steps = () if new.state == old.state else (*step.passed, (new.state, None))
        if new.attempts:
            due = store.Due(run_in_s=domain.retry_pause_s(new.attempts) * random.uniform(0.5, 1.0))
        elif new.state in RESTING:
            due = store.Due(run_at=step.run_at)
        else:
            due = store.Due(kept=True)
        # One statement commits by itself; only what belongs together needs a transaction.
        scope = self._db.connection() if step.write is None else self._db.transaction()
        async with scope as conn:
            saved = await store.save_saga(conn, old, new, due, steps=steps, order=step.order)
            if saved is None:
                log.info("fenced off", extra={"order_id": old.order_id, "state": old.state})
            elif step.write is not None:
                await step.write(conn)
        if saved is not None and isinstance(step.order, store.Moved):
            ORDERS.labels(step.order.statuses[-1]).inc()
        if saved is not None and (step.write is not None or step.order is not None):
            self._feed.nudge()
        return saved

    async def _read_again(self, saga: Saga) -> Saga | None:
        try:
            async with self._db.connection() as conn:
                return await store.held_saga(conn, saga)
        except DatabaseUnavailable:
            return saga

    # Steps forward

    async def _freeze_cart(self, saga: Saga) -> Step:
        context = saga.context
        try:
            cart = await self._cart.freeze(saga.order_id, context.user_id, context.guest)
        except (CartEmpty, CheckoutInProgress) as refusal:
            rejected = saga.to(State.REJECTED, guest=None, failure=refusal.document(None))
            return Step(rejected, write=lambda tx: self._write_rejected(tx, rejected))
        lines = tuple((line.variant_id, line.quantity) for line in cart.lines)
        # Frozen once more, the cart answers the same.
        return Step(saga.to(State.CART_FROZEN, guest=None, lines=lines), provisional=True)

    async def _hold_stock(self, saga: Saga) -> Step:
        context = saga.context
        try:
            held = await self._product.hold(context.hold_id, [HoldLine(*line) for line in context.lines])
        except OutOfStock as refusal:
            return self._rejecting(saga, refusal)
        lines = [(line.unit_price.amount, line.quantity) for line in held]
        totals = pricing.totals(lines, context.shipping_method, context.country, self._rules)
        stocked = saga.to(State.STOCK_HELD)
        if context.expected_total not in (None, totals.total):
            changed = TotalChanged(total=Money(totals.total, self._rules.currency))
            return self._rejecting(stocked, changed)
        now = datetime.now(UTC)
        async with self._db.connection() as conn:
            number = await store.next_number(conn)
        priced = store.Priced(
            number=number,
            items=[_item(line) for line in held],
            subtotal=totals.subtotal,
            shipping=totals.shipping,
            shipping_method=totals.shipping_method.id,
            tax=totals.tax,
            tax_lines=pricing.tax_lines_out(totals, self._rules.currency),
            total=totals.total,
            at=now,
        )
        payable_until = now + domain.PAYABLE_FOR
        opening = stocked.to(State.PRICED).to(
            State.PAYMENT_OPENING,
            number=number,
            payable_until=payable_until,
            payment=msgspec.to_builtins(_asked(context, priced, self._rules.currency, payable_until)),
        )
        return Step(opening, priced, passed=((State.STOCK_HELD, None), (State.PRICED, str(totals.total))))

    async def _open_payment(self, saga: Saga) -> Step:
        assert saga.context.payable_until is not None
        opened = await self._payment.open(saga.order_id, msgspec.convert(saga.context.payment, OpenPayment))
        waiting = saga.to(State.AWAITING_PAYMENT)
        order = store.Moved(
            ("awaiting_payment",),
            datetime.now(UTC),
            order_event(waiting, wire.ORDER_PLACED),
            payment=wire.OrderPayment(opened.id, opened.status, opened.checkout_url, opened.expires_at),
        )
        return Step(waiting, order, run_at=saga.context.payable_until + domain.CLOSE_AFTER)

    async def _expire(self, saga: Saga) -> Step:
        return Step(saga.to(State.CANCELLING))

    async def _commit_stock(self, saga: Saga) -> Step:
        context = saga.context
        try:
            await self._product.commit(context.hold_id)
        except (HoldClosed, NotFound):
            log.error("hold lost after payment", extra={"order_id": saga.order_id, "alert": "hold_lost"})
            return await self._hold_again(saga)
        # Sold once more, a hold is sold as before.
        return Step(saga.to(State.STOCK_COMMITTED), provisional=True)

    async def _hold_again(self, saga: Saga) -> Step:
        """The order is paid but its units are not held any more: take them if they are there, else pay back."""
        again = f"{saga.order_id}:2"
        try:
            await self._product.hold(again, [HoldLine(*line) for line in saga.context.lines])
            await self._product.commit(again)
        except (OutOfStock, HoldClosed):
            refunding = saga.to(State.REFUNDING, refund_reason="out of stock after payment")
            return Step(refunding, store.Moved(("refunding",), datetime.now(UTC)))
        return Step(saga.to(State.STOCK_COMMITTED, hold_id=again))

    async def _clear_cart(self, saga: Saga) -> Step:
        try:
            await self._cart.clear(saga.order_id)
        except FreezeClosed:
            log.warning("cart was released before it was cleared", extra={"order_id": saga.order_id})
        cleared = saga.to(State.CART_CLEARED)
        return Step(cleared.to(domain.after_clearing(cleared.context)), passed=((State.CART_CLEARED, None),))

    # Steps back

    def _rejecting(self, saga: Saga, refusal: Problem) -> Step:
        rejecting = saga.to(State.REJECTING, failure=refusal.document(None))
        return Step(rejecting)

    async def _undo(self, saga: Saga) -> Step:
        """Close the payment, give the units back, let the cart go; unless it turns out that it was paid after all."""
        if saga.context.payable_until is not None:
            outcome = (await self._payment.close(saga.order_id)).outcome
            if outcome == "unknown":
                raise Unavailable("Stripe has not said yet whether this order was paid.")
            if outcome == "succeeded":
                return Step(saga.to(State.PAID, failure=None), order_paid(saga))
        if saga.context.hold_id:
            await self._product.release(saga.context.hold_id)
        await self._cart.release(saga.order_id)
        if saga.state is State.REJECTING:
            rejected = saga.to(State.REJECTED)
            return Step(rejected, write=lambda tx: self._write_rejected(tx, rejected))
        event = order_event(saga, wire.ORDER_CANCELLED)
        cancelled = store.Moved(("cancelled",), datetime.now(UTC), event, payment_status="closed")
        return Step(saga.to(State.CANCELLED), cancelled)

    async def _refund(self, saga: Saga) -> Step:
        asked = RefundRequest(key=f"order:{saga.order_id}", reason=saga.context.refund_reason)
        try:
            await self._payment.refund(saga.order_id, asked)
        except RefundExceedsCharge:
            log.info("nothing is left to refund", extra={"order_id": saga.order_id})
        except NotCharged:
            log.error("no charge to refund", extra={"order_id": saga.order_id, "alert": "refund_failed"})
        return Step(saga.to(State.REFUND_ASKED))

    async def _restock(self, saga: Saga) -> Step:
        try:
            await self._product.put_back(saga.context.hold_id)
        except NotFound:
            log.info("nothing was sold under this hold", extra={"order_id": saga.order_id})
        return Step(saga.to(State.DONE, restock=False))

    # What a step writes beside the saga

    async def _write_rejected(self, tx: Connection, saga: Saga) -> None:
        now = datetime.now(UTC)
        failure = saga.context.failure or {}
        await store.unbind_key(tx, saga)
        await store.set_status(tx, saga.order_id, ("rejected",), now)
        await store.reject(tx, saga.order_id, {"code": failure["code"], "items": failure.get("items", [])}, now)
        # A rejected order has given up its number.
        unnumbered = replace(saga, context=replace(saga.context, number=None))
        await tell(tx, self._feed, unnumbered, wire.ORDER_REJECTED)
        ORDERS.labels("rejected").inc()

    # For operators

    async def measure(self) -> None:
        """How many sagas are under way in each state, and how old the oldest is."""
        async with self._db.connection() as conn:
            counts = await store.saga_counts(conn)
        SAGAS.clear()
        SAGA_AGE.clear()
        for state, count, age in counts:
            SAGAS.labels(state).set(count)
            if state != State.AWAITING_PAYMENT:
                SAGA_AGE.labels(state).set(age)


async def tell(tx: Connection, feed: Feed, saga: Saga, type_: str) -> None:
    """Append an event of the saga's order."""
    await feed.append(tx, type_, saga.order_id, _told(saga))


def order_event(saga: Saga, type_: str) -> NewEvent:
    """The same, for a statement that writes more than that."""
    return new_event(type_, _told(saga))


def _told(saga: Saga) -> wire.OrderEvent:
    return wire.OrderEvent(saga.order_id, saga.context.user_id, saga.context.number)


def order_paid(saga: Saga) -> store.Moved:
    """What becomes of an order when its payment succeeds: its history, its payment, and the event that the
    confirmation is sent for. `saga` stands where the payment finds it."""
    statuses = domain.statuses_to_paid(saga.state)
    event = order_event(saga, wire.ORDER_PAID)
    return store.Moved(statuses, datetime.now(UTC), event, payment_status="succeeded")


def _item(line: HeldLine) -> wire.OrderItem:
    return wire.OrderItem(
        product_id=line.product_id,
        variant_id=line.variant_id,
        sku=line.sku,
        name=line.name,
        options=line.options,
        quantity=line.quantity,
        unit_price=line.unit_price,
        total=line.unit_price.times(line.quantity),
    )


def _asked(context: domain.Context, order: store.Priced, currency: str, payable_until: datetime) -> OpenPayment:
    """The payment of an order: its lines, with shipping and tax as lines of their own."""
    lines = [PaymentLine(item.name, item.quantity, item.unit_price) for item in order.items]
    extras = (("Shipping", order.shipping), ("Tax", order.tax))
    lines += [PaymentLine(name, 1, Money(amount, currency)) for name, amount in extras if amount]
    total = Money(order.total, currency)
    return OpenPayment(order.number, total, context.user_id, context.email, lines, payable_until)
