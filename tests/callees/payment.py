"""The payment service as a checkout sees it, in this process, with a buyer and a Stripe that tests steer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from serai.chassis.data.feed import Event
from serai.chassis.errors import Conflict, Invalid, NotFound
from serai.chassis.ids import new_id
from serai.commerce.money import Money
from serai.contracts.payment import (
    PAYMENT_CLOSED,
    PAYMENT_SUCCEEDED,
    REFUND_CREATED,
    REFUND_FAILED,
    REFUND_SUCCEEDED,
    Closed,
    NotCharged,
    OpenPayment,
    OrderNotPayable,
    PaymentClient,
    PaymentClosed,
    PaymentStatus,
    PaymentSucceeded,
    PaymentSummary,
    Refund,
    RefundEvent,
    RefundExceedsCharge,
    RefundRequest,
    RefundStatus,
)
from serai.payment import requests
from serai.payment.domain import has_time
from tests.callees.faults import Faults


@dataclass(slots=True)
class _Refund:
    request: RefundRequest
    id: UUID
    amount: int
    status: RefundStatus
    created_at: datetime


@dataclass(slots=True)
class _Payment:
    """`state` is what the service believes (open, closing, closed, succeeded); `page` is how the page at Stripe really
    is (open, paid, expired). A tombstone has no `request`."""

    id: UUID
    request: OpenPayment | None
    state: str = "open"
    page: str = "open"
    refunds: list[_Refund] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return self.request.amount.amount if self.request else 0

    @property
    def refundable(self) -> int:
        return self.amount - sum(one.amount for one in self.refunds if one.status != "failed")

    @property
    def refunded(self) -> int:
        return sum(one.amount for one in self.refunds if one.status == "succeeded")

    @property
    def status(self) -> PaymentStatus:
        if self.state == "succeeded":
            return "refunded" if self.refunded == self.amount else "succeeded"
        return "closed" if self.state == "closed" else "requires_payment"


class InProcessPayment(PaymentClient):
    """`now` is the clock of the service and of Stripe."""

    def __init__(self, now: Callable[[], datetime], currency: str = "USD") -> None:
        self.faults = Faults()
        #: False: Stripe does not say how a payment stands when it is to be closed.
        self.stripe_decides = True
        #: False: a refund stays pending until `decide_refund`.
        self.refunds_at_once = True
        #: What the service tells, oldest first.
        self.events: list[Event] = []
        self._now = now
        self._currency = currency
        self._payments: dict[UUID, _Payment] = {}

    # What buyers and Stripe do

    def pay(self, order_id: UUID) -> bool:
        """The buyer pays on the page. False when it takes no payment any more. The service has not heard of it yet."""
        payment = self._payments[order_id]
        if payment.page != "open":
            return False
        payment.page = "paid"
        return True

    def reopen(self, order_id: UUID) -> None:
        """The page was taken for dead and takes a payment all the same."""
        self._payments[order_id].page = "open"

    def settle(self, order_id: UUID) -> None:
        """The service learns from Stripe how the payment stands, as by a webhook."""
        payment = self._payments[order_id]
        if payment.page == "paid" and payment.state != "succeeded":
            payment.state = "succeeded"
            assert payment.request is not None
            self._tell(PAYMENT_SUCCEEDED, order_id, PaymentSucceeded(payment.id, payment.request.amount))

    def decide_refund(self, refund_id: UUID, *, succeeded: bool = True) -> None:
        """Stripe decides about a pending refund, or takes back that one succeeded."""
        for order_id, payment in self._payments.items():
            for refund in payment.refunds:
                if refund.id == refund_id:
                    refund.status = "succeeded" if succeeded else "failed"
                    self._tell_refund(REFUND_SUCCEEDED if succeeded else REFUND_FAILED, order_id, payment, refund)

    def is_open(self, order_id: UUID) -> bool:
        """Whether the order can be paid on its page now."""
        return order_id in self._payments and self._payments[order_id].page == "open"

    def open_request(self, order_id: UUID) -> OpenPayment:
        """What the payment was opened with."""
        request = self._payments[order_id].request
        assert request is not None, "a tombstone"
        return request

    def refunds(self, order_id: UUID) -> list[Refund]:
        payment = self._payments.get(order_id)
        return [self._refund_facts(payment, one) for one in payment.refunds] if payment else []

    # The contract

    async def open(self, order_id: UUID, request: OpenPayment) -> PaymentSummary:
        async with self.faults.around("open"):
            requests.check(request, self._currency)
            payment = self._payments.get(order_id)
            if payment is None:
                if not has_time(request.payable_until, self._now()):
                    raise OrderNotPayable
                payment = self._payments[order_id] = _Payment(new_id(), request)
            if payment.request is None:
                raise OrderNotPayable
            if payment.request != request:
                raise Conflict("This order's payment was asked for differently.", code="request_differs")
            if payment.state != "succeeded" and (payment.state != "open" or request.payable_until <= self._now()):
                raise OrderNotPayable
            return _facts(order_id, payment)

    async def close(self, order_id: UUID) -> Closed:
        async with self.faults.around("close"):
            payment = self._payments.get(order_id)
            if payment is None:
                self._payments[order_id] = _Payment(new_id(), None, "closed", "expired")
                return Closed("closed")
            if payment.state in ("open", "closing"):
                payment.state = "closing"
                if not self.stripe_decides:
                    return Closed("unknown")
                if payment.page == "open":
                    payment.page, payment.state = "expired", "closed"
                    self._tell(PAYMENT_CLOSED, order_id, PaymentClosed(payment.id))
                self.settle(order_id)
            return Closed("succeeded" if payment.state == "succeeded" else "closed")

    async def payment(self, order_id: UUID) -> PaymentSummary:
        async with self.faults.around("payment"):
            payment = self._payments.get(order_id)
            if payment is None or payment.request is None:
                raise NotFound
            return _facts(order_id, payment)

    async def refund(self, order_id: UUID, request: RefundRequest) -> Refund:
        # What the wire would refuse is refused here too.
        request = msgspec.convert(msgspec.to_builtins(request), RefundRequest)
        async with self.faults.around("refund"):
            payment = self._payments.get(order_id)
            if payment is None or payment.request is None:
                raise NotCharged
            for known in payment.refunds:
                if known.request.key == request.key:
                    if known.request != request:
                        raise Conflict("This refund was asked for differently.", code="request_differs")
                    return self._refund_facts(payment, known)
            refund = _Refund(request, new_id(), self._refund_amount(payment, request), "pending", self._now())
            payment.refunds.append(refund)
            self._tell_refund(REFUND_CREATED, order_id, payment, refund)
            if self.refunds_at_once:
                self.decide_refund(refund.id)
            return self._refund_facts(payment, refund)

    def _refund_amount(self, payment: _Payment, request: RefundRequest) -> int:
        if payment.state != "succeeded":
            raise NotCharged
        if request.amount is not None and request.amount.currency != self._currency:
            raise Invalid(f"This payment is in {self._currency}.", field="amount.currency")
        if request.amount is not None and request.amount.amount == 0:
            raise Invalid("A refund is of at least one minor unit.", field="amount.amount")
        amount = payment.refundable if request.amount is None else request.amount.amount
        if amount == 0 or amount > payment.refundable:
            raise RefundExceedsCharge(refundable=msgspec.to_builtins(Money(payment.refundable, self._currency)))
        return amount

    def _refund_facts(self, payment: _Payment, one: _Refund) -> Refund:
        amount = Money(one.amount, self._currency)
        return Refund(one.id, payment.id, amount, one.request.reason, one.status, one.created_at)

    def _tell_refund(self, type_: str, order_id: UUID, payment: _Payment, refund: _Refund) -> None:
        assert payment.request is not None
        told = RefundEvent(
            payment_id=payment.id,
            refund_id=refund.id,
            user_id=payment.request.user_id,
            amount=Money(refund.amount, self._currency),
            refunded=Money(payment.refunded, self._currency),
            full=payment.refundable == 0,
            restock=refund.request.restock,
        )
        self._tell(type_, order_id, told)

    def _tell(self, type_: str, order_id: UUID, data: object) -> None:
        event = Event(
            id=new_id(),
            source="/payment",
            type=type_,
            subject=str(order_id),
            time=self._now(),
            position=len(self.events) + 1,
            data=msgspec.to_builtins(data),
        )
        self.events.append(event)


def _facts(order_id: UUID, payment: _Payment) -> PaymentSummary:
    assert payment.request is not None
    live = payment.state == "open" and payment.page == "open"
    return PaymentSummary(
        id=payment.id,
        order_id=order_id,
        status=payment.status,
        amount=payment.request.amount,
        refunded=Money(payment.refunded, payment.request.amount.currency),
        checkout_url=f"https://stripe.test/{payment.id}" if live else None,
        expires_at=payment.request.payable_until,
    )
