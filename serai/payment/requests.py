"""What we ask Stripe for. Pure: the same order and attempt make the same bytes, as Stripe's idempotency requires."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from serai.chassis.errors import Invalid
from serai.contracts.payment import PayLine, PaymentAsked

#: Stripe's limits (docs.stripe.com/api/checkout/sessions, docs.stripe.com/currencies).
MAX_AMOUNT = 99_999_999
MAX_LINES = 100
MAX_NAME_CHARS = 250

#: Stripe refuses a whole session for an address it does not like; without one it asks the buyer.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,180}\.[!-?A-~]{2,60}")

Request = dict[str, Any]


def check(asked: PaymentAsked, currency: str) -> None:
    """Raises `Invalid` for what Stripe would refuse, or for lines that are not the amount."""
    if not 1 <= asked.amount.amount <= MAX_AMOUNT:
        raise Invalid(f"The amount must be between 1 and {MAX_AMOUNT} minor units.", field="amount.amount")
    if any(money.currency != currency for money in (asked.amount, *(line.unit_price for line in asked.lines))):
        raise Invalid(f"Payments are in {currency}.", field="amount.currency")
    if sum(line.unit_price.amount * line.quantity for line in asked.lines) != asked.amount.amount:
        raise Invalid("The lines do not add up to the amount.", field="lines")


def session(order_id: UUID, n: int, asked: PaymentAsked, public_url: str) -> Request:
    """A payment page for the whole amount that lives until the order stops being payable."""
    page = order_page(public_url, order_id)
    request: Request = {
        "mode": "payment",
        "client_reference_id": str(order_id),
        "metadata": _metadata(order_id, n),
        "payment_intent_data": {"metadata": _metadata(order_id, n), "description": f"Order {asked.number}"},
        "line_items": [_line(line) for line in _within_limit(asked.lines)],
        "expires_at": _seconds(asked.payable_until),
        "success_url": f"{page}?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": page,
        # A price in the buyer's own currency would be another amount than the order's.
        "adaptive_pricing": {"enabled": False},
    }
    if _EMAIL.fullmatch(asked.email):
        request["customer_email"] = asked.email
    return request


def intent(order_id: UUID, n: int, asked: PaymentAsked) -> Request:
    """An intent that is not confirmed yet: until it is, it cannot take money, whatever becomes of this request."""
    return {
        "amount": asked.amount.amount,
        "currency": asked.amount.currency.lower(),
        "automatic_payment_methods": {"enabled": True},
        "description": f"Order {asked.number}",
        "metadata": _metadata(order_id, n),
    }


def confirmation(order_id: UUID, payment_method: str, public_url: str) -> Request:
    return {"payment_method": payment_method, "return_url": order_page(public_url, order_id)}


def refund(order_id: UUID, refund_id: UUID, n: int, intent_id: str, amount: int, *, duplicate: bool) -> Request:
    return {
        "payment_intent": intent_id,
        "amount": amount,
        "reason": "duplicate" if duplicate else "requested_by_customer",
        "metadata": {"order_id": str(order_id), "refund_id": str(refund_id), "n": str(n)},
    }


def order_page(public_url: str, order_id: UUID) -> str:
    """Where the buyer comes back to. From configuration: a Host header is the client's to choose."""
    return f"{public_url.rstrip('/')}/orders/{order_id}"


def _metadata(order_id: UUID, n: int) -> dict[str, str]:
    return {"order_id": str(order_id), "attempt": str(n)}


def _within_limit(lines: list[PayLine]) -> list[tuple[str, int, int, str]]:
    """(name, quantity, unit amount, currency) of each line; what Stripe has no room for is summed up in the last."""
    plain = [(line.name, line.quantity, line.unit_price.amount, line.unit_price.currency) for line in lines]
    if len(plain) <= MAX_LINES:
        return plain
    shown, rest = plain[: MAX_LINES - 1], plain[MAX_LINES - 1 :]
    total = sum(quantity * unit for _, quantity, unit, _ in rest)
    return [*shown, (f"{len(rest)} more lines", 1, total, rest[0][3])]


def _line(line: tuple[str, int, int, str]) -> Request:
    name, quantity, unit_amount, currency = line
    shown = name if len(name) <= MAX_NAME_CHARS else f"{name[: MAX_NAME_CHARS - 1]}…"
    return {
        "quantity": quantity,
        "price_data": {
            "currency": currency.lower(),
            "unit_amount": unit_amount,
            "product_data": {"name": shown.strip() or "Item"},
        },
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
