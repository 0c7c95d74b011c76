"""Payments and refunds as others see them."""

from __future__ import annotations

from serai.commerce.money import Money
from serai.contracts.payment import NextAction, Payment, PaymentFacts, PaymentStatus, RefundFacts, RefundStatus
from serai.payment import domain
from serai.payment.domain import AttemptState, PaymentState, RefundState

_REFUND_STATUS: dict[RefundState, RefundStatus] = {
    RefundState.CREATED: "pending",
    RefundState.PENDING: "pending",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.FAILED: "failed",
}


def public(payment: domain.Payment) -> Payment:
    attempt = payment.attempt
    status = _status(payment)
    redirect = attempt.url if attempt is not None and status == "requires_action" else None
    return Payment(
        id=payment.id,
        order_id=payment.order_id,
        amount=Money(payment.amount, payment.currency),
        status=status,
        checkout_url=_checkout_url(payment),
        expires_at=attempt.expires_at if attempt else None,
        refunded=Money(payment.refunded, payment.currency),
        created_at=payment.created_at,
        next_action=NextAction(redirect) if redirect else None,
    )


def facts(payment: domain.Payment) -> PaymentFacts:
    return PaymentFacts(
        id=payment.id,
        order_id=payment.order_id,
        status=_status(payment),
        amount=Money(payment.amount, payment.currency),
        refunded=Money(payment.refunded, payment.currency),
        checkout_url=_checkout_url(payment),
        expires_at=payment.attempt.expires_at if payment.attempt else None,
    )


def refund_facts(refund: domain.Refund, currency: str) -> RefundFacts:
    return RefundFacts(
        id=refund.id,
        payment_id=refund.payment_id,
        amount=Money(refund.amount, currency),
        reason=refund.reason,
        status=_REFUND_STATUS[refund.state],
        created_at=refund.created_at,
    )


def _status(payment: domain.Payment) -> PaymentStatus:
    """`refunded` once the whole charge went back. What is parked looks as if Stripe were still at it."""
    match payment.state, payment.attempt.state if payment.attempt else None:
        case PaymentState.SUCCEEDED, _:
            return "refunded" if payment.refunded == payment.amount else "succeeded"
        case PaymentState.CLOSED, _:
            return "closed"
        case _, AttemptState.ACTION:
            return "requires_action"
        case _, AttemptState.PROCESSING | AttemptState.PARKED:
            return "processing"
    return "requires_payment"


def _checkout_url(payment: domain.Payment) -> str | None:
    """The page, while it can be paid on."""
    attempt = payment.attempt
    if payment.state is not PaymentState.OPEN or attempt is None or attempt.kind != "session":
        return None
    return attempt.url if attempt.state is AttemptState.OPEN else None
