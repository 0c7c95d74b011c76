"""The requests to Stripe, and the rules for the requests that other services send.

The functions are pure. The same order and attempt make the same bytes, as Stripe's idempotency keys require.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from serai.chassis.errors import Invalid
from serai.commerce.currency import CURRENCIES
from serai.commerce.money import Money
from serai.contracts.payment import OpenPayment, PaymentLine, RefundRequest

#: Stripe's limits (docs.stripe.com/api/checkout/sessions).
MAX_LINES = 100
MAX_NAME_CHARS = 250

#: Stripe refuses a session with an address that it does not accept. Without an address, its page asks the buyer.
_EMAIL = re.compile(r"[!-?A-~]{1,64}@[!-?A-~]{1,180}\.[!-?A-~]{2,60}")

Request = dict[str, Any]


def check(opening: OpenPayment, currency: str) -> None:
    """Raises `Invalid` when Stripe would refuse the request, or when its lines do not add up to its amount."""
    amounts = (opening.amount, *(line.unit_price for line in opening.lines))
    if any(money.currency != currency for money in amounts):
        raise Invalid(f"Payments are in {currency}.", field="amount.currency")
    rules = CURRENCIES[currency]
    if not rules.can_charge(opening.amount.amount):
        raise Invalid(
            f"The amount must be between {rules.minimum} and {rules.maximum} minor units.", field="amount.amount"
        )
    if any(money.amount % rules.step for money in amounts):
        raise Invalid(f"Amounts must be multiples of {rules.step} minor units.", field="amount.amount")
    if sum(line.unit_price.amount * line.quantity for line in opening.lines) != opening.amount.amount:
        raise Invalid("The lines do not add up to the amount.", field="lines")


def same_opening(stored: OpenPayment, request: OpenPayment) -> bool:
    """Whether both requests open the same payment.

    The comparison names its fields. A field that a later version adds must not be compared: an older caller does not
    send it, and an older replica does not store it, so a correct repetition may lack it on either side."""
    return _opening_identity(stored) == _opening_identity(request)


def same_refund(stored: RefundRequest, request: RefundRequest) -> bool:
    """Whether both requests with one key create the same refund. See `same_opening` for the fields."""
    return (stored.amount, stored.reason, stored.restock) == (request.amount, request.reason, request.restock)


def _opening_identity(opening: OpenPayment) -> tuple[object, ...]:
    lines = [(line.name, line.quantity, line.unit_price) for line in opening.lines]
    return opening.number, opening.amount, opening.user_id, opening.email, lines, opening.payable_until


def session(order_id: UUID, n: int, opening: OpenPayment, public_url: str) -> Request:
    """A payment page for the whole amount. It expires when the order stops being payable."""
    page = order_page(public_url, order_id)
    request: Request = {
        "mode": "payment",
        "client_reference_id": str(order_id),
        "metadata": _metadata(order_id, n),
        "payment_intent_data": {"metadata": _metadata(order_id, n), "description": f"Order {opening.number}"},
        "line_items": [_line(line) for line in _within_limit(opening.lines)],
        "expires_at": _seconds(opening.payable_until),
        "success_url": f"{page}?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": page,
        # Otherwise the page could charge another currency, and so another amount than the order has.
        "adaptive_pricing": {"enabled": False},
    }
    if _EMAIL.fullmatch(opening.email):
        request["customer_email"] = opening.email
    return request


def intent(order_id: UUID, n: int, opening: OpenPayment) -> Request:
    """An intent without a confirmation. It takes no money until a confirmation is sent."""
    return {
        "amount": _at_stripe(opening.amount),
        "currency": opening.amount.currency.lower(),
        "automatic_payment_methods": {"enabled": True},
        "description": f"Order {opening.number}",
        "metadata": _metadata(order_id, n),
    }


def confirmation(order_id: UUID, payment_method: str, public_url: str) -> Request:
    return {"payment_method": payment_method, "return_url": order_page(public_url, order_id)}


def refund(order_id: UUID, refund_id: UUID, n: int, intent_id: str, amount: Money, *, duplicate: bool) -> Request:
    return {
        "payment_intent": intent_id,
        "amount": _at_stripe(amount),
        "reason": "duplicate" if duplicate else "requested_by_customer",
        "metadata": {"order_id": str(order_id), "refund_id": str(refund_id), "n": str(n)},
    }


def order_page(public_url: str, order_id: UUID) -> str:
    """The page to which Stripe returns the buyer. `public_url` comes from the settings, because a client controls the
    Host header."""
    return f"{public_url.rstrip('/')}/orders/{order_id}"


def _at_stripe(money: Money) -> int:
    return CURRENCIES[money.currency].to_stripe(money.amount)


def _metadata(order_id: UUID, n: int) -> dict[str, str]:
    return {"order_id": str(order_id), "attempt": str(n)}


def _within_limit(lines: list[PaymentLine]) -> list[tuple[str, int, int, str]]:
    """(name, quantity, unit amount at Stripe, currency) of each line. The last one is the sum of all lines beyond
    Stripe's limit."""
    plain = [(line.name, line.quantity, _at_stripe(line.unit_price), line.unit_price.currency) for line in lines]
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
