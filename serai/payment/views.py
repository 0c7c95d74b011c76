"""The conversion of payments, refunds and accounts into responses and events."""

from __future__ import annotations

from serai.commerce.money import Money
from serai.contracts import payment as wire
from serai.payment import domain
from serai.payment.domain import AttemptState, PaymentState, RefundState

_REFUND_STATUS: dict[RefundState, wire.RefundStatus] = {
    RefundState.CREATED: "pending",
    RefundState.PENDING: "pending",
    RefundState.SUCCEEDED: "succeeded",
    RefundState.FAILED: "failed",
}


def public(payment: domain.Payment) -> wire.Payment:
    """The payment for its owner and admins."""
    attempt = payment.attempt
    status = _status(payment)
    redirect = attempt.url if attempt is not None and status == "requires_action" else None
    return wire.Payment(
        id=payment.id,
        order_id=payment.order_id,
        amount=Money(payment.amount, payment.currency),
        status=status,
        checkout_url=_checkout_url(payment),
        expires_at=attempt.expires_at if attempt else None,
        refunded=Money(payment.account.refunded, payment.currency),
        created_at=payment.created_at,
        next_action=wire.NextAction(redirect) if redirect else None,
    )


def summary(payment: domain.Payment) -> wire.PaymentSummary:
    """The payment for other services."""
    return wire.PaymentSummary(
        id=payment.id,
        order_id=payment.order_id,
        status=_status(payment),
        amount=Money(payment.amount, payment.currency),
        refunded=Money(payment.account.refunded, payment.currency),
        checkout_url=_checkout_url(payment),
        expires_at=payment.attempt.expires_at if payment.attempt else None,
    )


def refund(refund: domain.Refund, currency: str) -> wire.Refund:
    return wire.Refund(
        id=refund.id,
        payment_id=refund.payment_id,
        amount=Money(refund.amount, currency),
        reason=refund.reason,
        status=_REFUND_STATUS[refund.state],
        created_at=refund.created_at,
    )


def charge_account(account: domain.Account, currency: str) -> wire.ChargeAccount:
    return wire.ChargeAccount(
        currency=currency,
        captured=account.captured,
        refund_pending=account.refund_pending,
        refunded=account.refunded,
        refund_failed=account.refund_failed,
        disputed=account.disputed,
        dispute_won=account.dispute_won,
        dispute_lost=account.dispute_lost,
    )


def _status(payment: domain.Payment) -> wire.PaymentStatus:
    """`refunded` means that the whole charge was refunded. A parked attempt shows as `processing`."""
    match payment.state, payment.attempt.state if payment.attempt else None:
        case PaymentState.SUCCEEDED, _:
            return "refunded" if payment.account.fully_refunded else "succeeded"
        case PaymentState.CLOSED, _:
            return "closed"
        case _, AttemptState.ACTION:
            return "requires_action"
        case _, AttemptState.PROCESSING | AttemptState.PARKED:
            return "processing"
    return "requires_payment"


def _checkout_url(payment: domain.Payment) -> str | None:
    """The payment page while the buyer can pay on it."""
    attempt = payment.attempt
    if payment.state is not PaymentState.OPEN or attempt is None or attempt.kind != "session":
        return None
    return attempt.url if attempt.state is AttemptState.OPEN else None
