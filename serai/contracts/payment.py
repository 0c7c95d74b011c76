"""What the payment service does for other services, and which events it publishes.

The payment service does not know what an order is. It keeps one payment for each order id, and makes as many attempts
at Stripe as the payment needs.

Requests of public routes refuse unknown fields. All other structs ignore them, because the other side may run a newer
version: a newer caller may send a field that this version does not know, and a stored request may have one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.chassis.errors import Conflict, Unavailable
from serai.commerce.money import CurrencyCode, Money, MoneyIn

PaymentStatus = Literal["requires_payment", "requires_action", "processing", "succeeded", "closed", "refunded"]
RefundStatus = Literal["pending", "succeeded", "failed"]

#: Event types. The subject of each event is the order's id.
#: `payment.opened` is published for the second and later attempts only: the response of `open` describes the first.
PAYMENT_OPENED = "payment.opened"
PAYMENT_SUCCEEDED = "payment.succeeded"
PAYMENT_CLOSED = "payment.closed"
REFUND_CREATED = "payment.refund_created"
REFUND_SUCCEEDED = "payment.refund_succeeded"
REFUND_FAILED = "payment.refund_failed"


# Errors


class PaymentUnavailable(Unavailable):
    """Stripe did not answer within the time limit, so the outcome is not known."""

    code, detail = "payment_unavailable", "Payments are briefly not available; try again."


class OrderNotPayable(Conflict):
    code, detail = "order_not_payable", "This order cannot be paid any more; order again."


class RefundExceedsCharge(Conflict):
    """The fact `refundable` is the amount of the charge that can still be refunded."""

    code, detail = "refund_exceeds_charge", "This is more than what is left of the charge."


class PaymentRefused(Conflict):
    """Stripe does not accept this payment (its amount is below the card minimum, for example). A retry cannot succeed.

    The fact `reason` is Stripe's error code."""

    code, detail = "payment_refused", "This payment is not accepted."


class PaymentDeclined(Conflict):
    """The buyer's bank declined the payment; another payment method may work. The fact `decline_code` is the bank's
    reason."""

    code, detail = "payment_declined", "The payment was declined; try another payment method."


class NotCharged(Conflict):
    code, detail = "not_charged", "There is no charge to refund."


# Requests of other services


class PaymentLine(msgspec.Struct, frozen=True):
    """A line that the payment page shows. `unit_price` is the amount that the buyer pays for one unit: after discounts,
    and with tax where prices include tax.

    A price is never negative, so a discount has no line of its own. A discounted amount that the quantity does not
    divide is sent with quantity 1 and a name such as "Walnut desk × 2". A line may cost 0."""

    name: Annotated[str, msgspec.Meta(max_length=1000)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999_999)]
    unit_price: Money


class OpenPayment(msgspec.Struct, frozen=True):
    """The request to open the payment of an order.

    `amount` is at least 1; an order with nothing to pay has no payment. `lines` include shipping, and tax where prices
    exclude it; they must add up to `amount`. `user_id` is null when the buyer is a guest. No attempt is opened after
    `payable_until`."""

    number: Annotated[str, msgspec.Meta(max_length=64)]
    amount: Money
    user_id: UUID | None
    email: Annotated[str, msgspec.Meta(max_length=320)]
    lines: Annotated[list[PaymentLine], msgspec.Meta(min_length=1, max_length=250)]
    payable_until: Annotated[datetime, msgspec.Meta(tz=True)]


class RefundRequest(msgspec.Struct, frozen=True):
    """The request of a service to refund a charge.

    Repeated requests with the same `key` create one refund. Without `amount`, everything that can still be refunded is
    refunded. `restock` says whether the units go back to stock; null leaves the decision to the order service."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    amount: Money | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    restock: bool | None = None


# Requests of public routes


class CreatePayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    order_id: UUID


class ConfirmPayment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`payment_method` is the id of a Stripe PaymentMethod that is charged directly. Without it, the request says that
    the buyer has returned from the payment page."""

    payment_method: Annotated[str, msgspec.Meta(pattern="^pm_[A-Za-z0-9_]{1,250}$")] | None = None


class CreateRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Without `amount`, everything that can still be refunded is refunded."""

    amount: MoneyIn | None = None
    reason: Annotated[str, msgspec.Meta(max_length=500)] | None = None
    restock: bool | None = None


# Responses


class NextAction(msgspec.Struct, frozen=True):
    """The page of the buyer's bank where the buyer authenticates the payment."""

    redirect_url: str


class Payment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment as its owner and admins see it. `next_action` is present while the status is `requires_action`."""

    id: UUID
    order_id: UUID
    amount: Money
    status: PaymentStatus
    checkout_url: str | None
    expires_at: datetime | None
    refunded: Money
    created_at: datetime
    next_action: NextAction | None = None


class PaymentSummary(msgspec.Struct, frozen=True):
    """A payment as other services see it."""

    id: UUID
    order_id: UUID
    status: PaymentStatus
    amount: Money
    refunded: Money
    checkout_url: str | None
    expires_at: datetime | None


class Closed(msgspec.Struct, frozen=True):
    """The outcome of closing a payment. `closed`: the order can never be paid. `succeeded`: it has been paid.
    `unknown`: Stripe has not decided yet, so the caller must ask again."""

    outcome: Literal["closed", "succeeded", "unknown"]


class Refund(msgspec.Struct, frozen=True):
    id: UUID
    payment_id: UUID
    amount: Money
    reason: str | None
    status: RefundStatus
    created_at: datetime


# Events


class ChargeAccount(msgspec.Struct, frozen=True):
    """The running totals of one charge, in minor units of `currency`. Each event has the totals after it.

    `refund_pending` counts refunds that Stripe has not decided, `refunded` those that succeeded, `refund_failed` those
    that failed (also the ones that failed after they had succeeded). `disputed` counts every dispute that was opened;
    `dispute_won` and `dispute_lost` count those that are closed."""

    currency: CurrencyCode
    captured: int
    refund_pending: int = 0
    refunded: int = 0
    refund_failed: int = 0
    disputed: int = 0
    dispute_won: int = 0
    dispute_lost: int = 0


class PaymentOpened(msgspec.Struct, frozen=True):
    payment_id: UUID
    attempt: int
    checkout_url: str | None
    expires_at: datetime


class PaymentSucceeded(msgspec.Struct, frozen=True):
    """`account` is absent from events that an older version has published."""

    payment_id: UUID
    amount: Money
    account: ChargeAccount | None = None


class PaymentClosed(msgspec.Struct, frozen=True):
    payment_id: UUID


class RefundEvent(msgspec.Struct, frozen=True):
    """A refund was created, or it succeeded or failed.

    `refunded` is the sum of the payment's refunds that succeeded. `full` is true when the refunds that have not failed
    leave nothing of the charge. `user_id` is null when the buyer is a guest. `account` is absent from events that an
    older version has published."""

    payment_id: UUID
    refund_id: UUID
    user_id: UUID | None
    amount: Money
    refunded: Money
    full: bool
    restock: bool | None
    account: ChargeAccount | None = None


class PaymentClient(ServiceClient):
    callee = "payment"

    async def open(self, order_id: UUID, request: OpenPayment) -> PaymentSummary:
        """Open the order's payment, or return it when it is open already. Raises `OrderNotPayable`, `PaymentRefused`,
        `PaymentUnavailable`."""
        path = f"/internal/payments/{order_id}"
        return await self._call(
            "open_payment", "PUT", path, PaymentSummary, body=request, timeout_s=15.0, retryable=True
        )

    async def close(self, order_id: UUID) -> Closed:
        """Make sure that the order can never be paid, or report that it was paid. An order without a payment is closed
        as well."""
        path = f"/internal/payments/{order_id}/close"
        return await self._call("close_payment", "POST", path, Closed, timeout_s=15.0, retryable=True)

    async def payment(self, order_id: UUID) -> PaymentSummary:
        """Raises `NotFound`."""
        return await self._call("payment", "GET", f"/internal/payments/{order_id}", PaymentSummary, retryable=True)

    async def refund(self, order_id: UUID, request: RefundRequest) -> Refund:
        """Create a refund and send it to Stripe. Raises `RefundExceedsCharge`, `NotCharged`."""
        path = f"/internal/payments/{order_id}/refunds"
        return await self._call("refund", "POST", path, Refund, body=request, timeout_s=15.0, retryable=True)
