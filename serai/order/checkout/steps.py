"""The steps of a checkout. Each moves a saga from one state to the next with one call to another service.

A step makes its call outside any transaction and returns what is to be saved; the driver (`saga.py`) commits it. Every
call can be repeated: after a crash the next driver makes it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.feed import Feed
from serai.chassis.errors import NotFound, Problem, Unavailable
from serai.chassis.ids import new_id
from serai.commerce.charge import charge_lines
from serai.commerce.line import Line
from serai.commerce.money import Money
from serai.commerce.priced import Priced
from serai.contracts.cart import CartClient, CartEmpty, CheckoutInProgress, FreezeClosed
from serai.contracts.order.events import ORDER_CANCELLED, ORDER_PLACED, ORDER_REFUNDED, ORDER_REJECTED
from serai.contracts.order.orders import OrderPayment
from serai.contracts.payment import (
    NotCharged,
    OpenPayment,
    PaymentClient,
    PaymentLine,
    RefundExceedsCharge,
    RefundRequest,
)
from serai.contracts.product.client import ProductClient
from serai.contracts.product.inventory import HoldClosed, HoldLine, OutOfStock
from serai.order.checkout import domain, store
from serai.order.checkout.domain import Saga, State, TotalChanged, TotalNotPayable
from serai.order.checkout.events import append_event, order_event, order_paid
from serai.order.orders import store as orders
from serai.order.orders.metrics import ORDERS
from serai.order.pricing import domain as pricing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a step: the saga's next state, the update of its order, and the states to record."""

    saga: Saga
    order: orders.StatusUpdate | orders.PriceUpdate | None = None
    #: Further writes in the same transaction.
    write: Callable[[Connection], Awaitable[None]] | None = None
    passed: tuple[tuple[State, str | None], ...] = ()
    #: When a resting saga is due again; None if only an event moves it.
    run_at: datetime | None = None
    #: Not committed by itself, but with the next step. After a crash it is repeated.
    provisional: bool = False


class Steps:
    """The step of each state."""

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
        self._by_state: dict[State, Callable[[Saga], Awaitable[Step]]] = {
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

    async def take(self, saga: Saga) -> Step:
        """Run the step of the saga's state, and after a provisional step the next one too, up to the next state that
        must be committed. Raises what the called service raises."""
        step = await self._by_state[saga.state](saga)
        while step.provisional:
            after = await self._by_state[step.saga.state](step.saga)
            step = replace(after, passed=(*step.passed, (step.saga.state, None), *after.passed))
        return step

    # Steps forward

    async def _freeze_cart(self, saga: Saga) -> Step:
        context = saga.context
        try:
            cart = await self._cart.freeze(saga.order_id, context.user_id, context.guest)
        except (CartEmpty, CheckoutInProgress) as refusal:
            rejected = saga.to(State.REJECTED, guest=None, failure=refusal.document(None))
            return Step(rejected, write=lambda tx: self._write_rejected(tx, rejected))
        lines = tuple((line.variant_id, line.quantity) for line in cart.lines)
        # A cart answers a repeated freeze with the same snapshot.
        return Step(saga.to(State.CART_FROZEN, guest=None, lines=lines), provisional=True)

    async def _hold_stock(self, saga: Saga) -> Step:
        context = saga.context
        try:
            held = await self._product.hold(context.hold_id, [HoldLine(*line) for line in context.lines])
        except OutOfStock as refusal:
            return rejecting(saga, refusal)
        lines = [Line.of(line, line.quantity, new_id()) for line in held]
        priced = pricing.price(lines, context.shipping_method, context.country, self._rules)
        stocked = saga.to(State.STOCK_HELD)
        if context.expected_total not in (None, priced.total):
            return rejecting(stocked, TotalChanged(total=Money(priced.total, priced.currency)))
        try:
            domain.require_payable(priced)
        except TotalNotPayable as refusal:
            return rejecting(stocked, refusal)
        now = datetime.now(UTC)
        async with self._db.connection() as conn:
            number = await orders.next_number(conn)
        update = orders.PriceUpdate(number, priced, now)
        passed = ((State.STOCK_HELD, None), (State.PRICED, str(priced.total)))
        if priced.amount_due == 0:
            free = stocked.to(State.PRICED, number=number)
            return Step(free.to(State.PAID), update, write=lambda tx: self._write_paid(tx, free), passed=passed)
        payable_until = now + domain.PAYABLE_FOR
        payment = _open_request(context, number, priced, payable_until)
        opening = stocked.to(State.PRICED).to(
            State.PAYMENT_OPENING,
            number=number,
            payable_until=payable_until,
            payment=msgspec.to_builtins(payment),
        )
        return Step(opening, update, passed=passed)

    async def _open_payment(self, saga: Saga) -> Step:
        assert saga.context.payable_until is not None
        opened = await self._payment.open(saga.order_id, msgspec.convert(saga.context.payment, OpenPayment))
        waiting = saga.to(State.AWAITING_PAYMENT)
        order = orders.StatusUpdate(
            ("awaiting_payment",),
            datetime.now(UTC),
            order_event(waiting, ORDER_PLACED),
            payment=OrderPayment(opened.id, opened.status, opened.checkout_url, opened.expires_at),
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
        # Committing a committed hold changes nothing.
        return Step(saga.to(State.STOCK_COMMITTED), provisional=True)

    async def _hold_again(self, saga: Saga) -> Step:
        """The order is paid but its hold has expired: hold and commit the units again, or refund if they are sold
        out.
        """
        again = f"{saga.order_id}:2"
        try:
            await self._product.hold(again, [HoldLine(*line) for line in saga.context.lines])
            await self._product.commit(again)
        except (OutOfStock, HoldClosed):
            refunding = saga.to(State.REFUNDING, refund_reason="out of stock after payment")
            return Step(refunding, orders.StatusUpdate(("refunding",), datetime.now(UTC)))
        return Step(saga.to(State.STOCK_COMMITTED, hold_id=again))

    async def _clear_cart(self, saga: Saga) -> Step:
        try:
            await self._cart.clear(saga.order_id)
        except FreezeClosed:
            log.warning("cart was released before it was cleared", extra={"order_id": saga.order_id})
        cleared = saga.to(State.CART_CLEARED)
        return Step(cleared.to(domain.after_clearing(cleared.context)), passed=((State.CART_CLEARED, None),))

    # Steps back

    async def _undo(self, saga: Saga) -> Step:
        """Close the payment, release the stock and unfreeze the cart, or continue as paid if the payment succeeded."""
        if saga.context.payable_until is not None:
            outcome = (await self._payment.close(saga.order_id)).outcome
            if outcome == "unknown":
                raise Unavailable("Stripe has not decided yet whether this order was paid.")
            if outcome == "succeeded":
                return Step(saga.to(State.PAID, failure=None), order_paid(saga))
        if saga.context.hold_id:
            await self._product.release(saga.context.hold_id)
        await self._cart.release(saga.order_id)
        if saga.state is State.REJECTING:
            rejected = saga.to(State.REJECTED)
            return Step(rejected, write=lambda tx: self._write_rejected(tx, rejected))
        event = order_event(saga, ORDER_CANCELLED)
        cancelled = orders.StatusUpdate(("cancelled",), datetime.now(UTC), event, page_status="closed")
        return Step(saga.to(State.CANCELLED), cancelled)

    async def _refund(self, saga: Saga) -> Step:
        if saga.context.payment is None:
            # Nothing was due, so there is no charge to refund.
            event = order_event(saga, ORDER_REFUNDED)
            return Step(saga.to(State.RESTOCKING), orders.StatusUpdate(("refunded",), datetime.now(UTC), event))
        request = RefundRequest(key=f"order:{saga.order_id}", reason=saga.context.refund_reason)
        try:
            await self._payment.refund(saga.order_id, request)
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

    # Further writes of a step

    async def _write_paid(self, tx: Connection, saga: Saga) -> None:
        """Mark an order with nothing due as paid. `saga` is still in state `priced`."""
        await orders.update_status(tx, saga.order_id, order_paid(saga))
        ORDERS.labels("paid").inc()

    async def _write_rejected(self, tx: Connection, saga: Saga) -> None:
        failure = saga.context.failure or {}
        await store.unbind_key(tx, saga)
        kept = {"code": failure["code"], "items": failure.get("items", [])}
        await orders.reject(tx, saga.order_id, kept, datetime.now(UTC))
        # A rejected order has no number.
        unnumbered = replace(saga, context=replace(saga.context, number=None))
        await append_event(tx, self._feed, unnumbered, ORDER_REJECTED)
        ORDERS.labels("rejected").inc()


def rejecting(saga: Saga, refusal: Problem) -> Step:
    """The step that starts undoing a checkout; its order will be rejected with `refusal`."""
    return Step(saga.to(State.REJECTING, failure=refusal.document(None)))


def _open_request(context: domain.Context, number: str, priced: Priced, payable_until: datetime) -> OpenPayment:
    lines = [
        PaymentLine(line.name, line.quantity, Money(line.unit_amount, priced.currency)) for line in charge_lines(priced)
    ]
    due = Money(priced.amount_due, priced.currency)
    return OpenPayment(number, due, context.user_id, context.email, lines, payable_until)
