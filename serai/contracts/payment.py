"""What the payment service does for an order, and what it tells afterwards. It does not know what an order is: it has
one payment per order id, with as many attempts at Stripe as it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.chassis.errors import Conflict, Unavailable
from serai.commerce.money import Money

PaymentStatus = Literal["requires_payment", "requires_action", "processing", "succeeded", "closed", "refunded"]
RefundStatus = Literal["pending", "succeeded", "failed"]

#: Event types; the subject is always the order's id.
#: Of attempts after the first, which is what opening the payment answers.
PAYMENT_OPENED = "payment.opened"
PAYMENT_SUCCEEDED = "payment.succeeded"
PAYMENT_CLOSED = "payment.closed"
REFUND_CREATED = "payment.refund_created"
REFUND_SUCCEEDED = "payment.refund_succeeded"
REFUND_FAILED = "payment.refund_failed"


class PaymentUnavailable(Unavailable):
    """Stripe did not let us open a payment page, and trying longer made no sense."""

    code, detail = "payment_unavailable", "Payments are briefly not available; try again."


class OrderNotPayable(Conflict):
    code, detail = "order_not_payable", "This order cannot be paid any more; order again."


class RefundExceedsCharge(Conflict):
    """Fact: `refundable`, what is left of the charge."""

    code, detail = "refund_exceeds_charge", "This is more than what is left of the charge."


class PaymentRefused(Conflict):
    """Stripe does not take this payment at all (an amount too small for a card, say); trying again cannot help.

    Fact: `reason`, Stripe's word for it."""

    code, detail = "payment_refused", "This payment is not accepted."


class PaymentDeclined(Conflict):
    """The buyer's bank said no; another payment method may do. Fact: `decline_code`, the bank's reason."""

    code, detail = "payment_declined", "The payment was declined; try another payment method."


class NotCharged(Conflict):
    code, detail = "not_charged", "There is no charge to refund."


class PayLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the payment page."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    unit_price: Money


class PaymentAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`lines` (shipping and tax among them) add up to `amount`. No attempt is opened after `payable_until`."""

    number: Annotated[str, msgspec.Meta(max_length=64)]
    amount: Money
    user_id: UUID
    email: Annotated[str, msgspec.Meta(max_length=320)]
    lines: Annotated[list[PayLine], msgspec.Meta(min_length=1, max_length=250)]
    payable_until: Annotated[datetime, msgspec.Meta(tz=True)]


class PaymentFacts(msgspec.Struct, frozen=True):
    id: UUID
    order_id: UUID
    status: PaymentStatus
    amount: Money
    refunded: Money
    checkout_url: str | None
    expires_at: datetime | None


class Closed(msgspec.Struct, frozen=True):
    """`closed`: nothing can be paid any more. `succeeded`: it was paid after all. `unknown`: Stripe has not said."""

    outcome: Literal["closed", "succeeded", "unknown"]


class RefundAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`key` makes it one refund however often it is asked for. No amount: whatever is left of the charge. `restock`:
    whether the units go back to stock; null leaves it to the order."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    amount: Money | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    restock: bool | None = None


class RefundFacts(msgspec.Struct, frozen=True):
    id: UUID
    payment_id: UUID
    amount: Money
    reason: str | None
    status: RefundStatus
    created_at: datetime


class NextAction(msgspec.Struct, frozen=True):
    """Where the buyer proves to their bank that it is them."""

    redirect_url: str


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment as its owner and admins see it. `next_action` is there while the status is `requires_action`."""

    id: UUID
    order_id: UUID
    amount: Money
    status: PaymentStatus
    checkout_url: str | None
    expires_at: datetime | None
    refunded: Money
    created_at: datetime
    next_action: NextAction | None = None


class PaymentWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    order_id: UUID


class ConfirmationWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`payment_method` is the id of one of Stripe's PaymentMethods; without it, the buyer is back from the page."""

    payment_method: Annotated[str, msgspec.Meta(pattern="^pm_[A-Za-z0-9_]{1,250}$")] | None = None


class RefundWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No amount: whatever is left of the charge."""

    amount: Money | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    restock: bool | None = None


class PaymentOpened(msgspec.Struct, frozen=True):
    payment_id: UUID
    attempt: int
    checkout_url: str | None
    expires_at: datetime


class PaymentSucceeded(msgspec.Struct, frozen=True):
    payment_id: UUID
    amount: Money


class PaymentClosedEvent(msgspec.Struct, frozen=True):
    payment_id: UUID


class RefundEvent(msgspec.Struct, frozen=True):
    """`refunded` is the sum of this payment's refunds that succeeded; `full` when created and succeeded refunds leave
    nothing of the charge."""

    payment_id: UUID
    refund_id: UUID
    user_id: UUID
    amount: Money
    refunded: Money
    full: bool
    restock: bool | None


class PaymentClient(ServiceClient):
    callee = "payment"

    async def open(self, order_id: UUID, asked: PaymentAsked) -> PaymentFacts:
        """The order's payment with a live attempt; repeating it answers the same one. Raises `OrderNotPayable`,
        `PaymentUnavailable`."""
        path = f"/internal/payments/{order_id}"
        return await self._call("open_payment", "PUT", path, PaymentFacts, body=asked, timeout_s=15.0, retryable=True)

    async def close(self, order_id: UUID) -> Closed:
        """Make sure that this order can never be paid, or learn that it was. Also for an order that has no payment."""
        path = f"/internal/payments/{order_id}/close"
        return await self._call("close_payment", "POST", path, Closed, timeout_s=15.0, retryable=True)

    async def payment(self, order_id: UUID) -> PaymentFacts:
        """Raises `NotFound`."""
        return await self._call("payment", "GET", f"/internal/payments/{order_id}", PaymentFacts, retryable=True)

    async def refund(self, order_id: UUID, asked: RefundAsked) -> RefundFacts:
        """Record a refund and try it. Raises `RefundExceedsCharge`, `NotCharged`."""
        path = f"/internal/payments/{order_id}/refunds"
        return await self._call("refund", "POST", path, RefundFacts, body=asked, timeout_s=15.0, retryable=True)
