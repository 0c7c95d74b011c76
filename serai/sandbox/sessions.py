"""Checkout Sessions: created and expired by the API, paid on the hosted page, expired by time."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from serai.sandbox import charging, money, objects
from serai.sandbox.call import Call
from serai.sandbox.cards import Decline
from serai.sandbox.errors import BadParameter, Refused
from serai.sandbox.params import absent, only_supported
from serai.sandbox.store import Json, Record

MIN_LIFE_S, MAX_LIFE_S = 30 * 60, 24 * 60 * 60
MAX_LINES = 100
MAX_QUANTITY = 999_999

_SUPPORTED = frozenset(
    [
        "adaptive_pricing.enabled",
        "allow_promotion_codes",
        "allowed_payment_method_types",
        "automatic_tax.enabled",
        "billing_address_collection",
        "branding_settings",
        "cancel_url",
        "client_reference_id",
        "custom_text.submit",
        "customer_creation",
        "customer_email",
        "expand",
        "expires_at",
        "integration_identifier",
        "invoice_creation.enabled",
        "locale",
        "metadata",
        "mode",
        "origin_context",
        "payment_intent_data.capture_method",
        "payment_intent_data.description",
        "payment_intent_data.metadata",
        "payment_intent_data.receipt_email",
        "payment_intent_data.shipping",
        "payment_intent_data.statement_descriptor",
        "payment_intent_data.statement_descriptor_suffix",
        "phone_number_collection.enabled",
        "submit_type",
        "success_url",
        "ui_mode",
        "line_items.quantity",
        "line_items.metadata",
        "line_items.price_data.currency",
        "line_items.price_data.unit_amount",
        "line_items.price_data.metadata",
        "line_items.price_data.tax_behavior",
        "line_items.price_data.product_data",
        "payment_method_options.card.request_three_d_secure",
    ]
)

#: Options of Stripe that may be given as long as they are off. When on, they would change the total or the flow.
_MUST_BE_OFF = (
    "adaptive_pricing", "automatic_tax", "invoice_creation", "phone_number_collection"
)  # fmt: skip


def create(call: Call) -> Json:
    params = call.params
    _check(params)
    lines, currency = _lines(call, params["line_items"])
    total = sum(line["amount_total"] for line in lines)
    money.chargeable(total, currency, param="line_items", what="The Checkout Session's total amount due")
    expires_at = params.get("expires_at", call.at + MAX_LIFE_S)
    if expires_at < call.at + MIN_LIFE_S:
        raise BadParameter(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if expires_at > call.at + MAX_LIFE_S:
        raise BadParameter(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at"
        )
    body = objects.session(call, total=total, currency=currency, expires_at=expires_at)
    hidden = {
        "lines": lines,
        "intent": params.get("payment_intent_data", {}),
        "shop": params.get("branding_settings", {}).get("display_name"),
    }
    call.store.add(
        Record(body["id"], "checkout.session", call.at, body, hidden, status="open", due_at=float(expires_at))
    )
    return body


def expire(call: Call) -> Json:
    session = find(call, call.path["id"], status=404)
    if session.status != "open":
        raise Refused(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f'"{session.status}".'
        )
    close(call, session)
    return session.body


def find(call: Call, identifier: str, *, status: int = 400) -> Record:
    """The session as of now: it is expired first if its time has passed."""
    session = call.fetch("checkout.session", identifier, param="session", status=status)
    if session.due_at is not None and session.due_at <= call.now:
        close(call, session)
    return session


def close(call: Call, session: Record) -> None:
    """Expire an open session and cancel its payment intent, so that nobody can pay it any more."""
    session.body |= {"status": "expired", "url": None}
    session.status, session.due_at = "expired", None
    call.store.save(session)
    if session.ref is not None:
        intent = call.fetch("payment_intent", session.ref)
        if intent.status in charging.PAYABLE:
            charging.cancel(call, intent, "expired")
    call.emit("checkout.session.expired", session.body)


def pay(call: Call, session: Record, number: str, *, exp: tuple[int, int], name: str) -> Decline | None:
    """One submission of the payment form of an open session. Returns why the card was declined, else None: then it is
    paid or awaits 3-D Secure (`requires_action`)."""
    method = charging.new_method(call, number, exp=exp, email=session.body["customer_email"], name=name or None)
    intent = intent_of(call, session)
    if intent is None:
        intent = charging.open_intent(
            call,
            amount=session.body["amount_total"],
            currency=session.body["currency"],
            params=session.hidden["intent"],
            session=session.id,
        )
        intent.hidden["return_url"] = session.body["url"]
        session.ref = session.body["payment_intent"] = intent.id
        call.store.save(session)
    decline = charging.attempt(call, intent, method)
    _complete_if_paid(call, session, intent)
    return decline


def answer_challenge(call: Call, session: Record, intent: Record, *, approved: bool) -> Decline | None:
    decline = charging.answer_challenge(call, intent, approved=approved)
    _complete_if_paid(call, session, intent)
    return decline


def intent_of(call: Call, session: Record) -> Record | None:
    return call.fetch("payment_intent", session.ref) if session.ref else None


def _complete_if_paid(call: Call, session: Record, intent: Record) -> None:
    if intent.status != "succeeded":
        return
    buyer = call.fetch("payment_method", intent.body["payment_method"]).body["billing_details"]
    session.body |= {
        "status": "complete",
        "payment_status": "paid",
        "url": None,
        "customer_details": objects.customer_details(buyer["email"], buyer["name"]),
    }
    session.status, session.due_at = "complete", None
    call.store.save(session)
    call.emit("checkout.session.completed", session.body)


def _check(params: dict[str, Any]) -> None:
    only_supported(params, _SUPPORTED)
    if params.get("mode", "payment") != "payment" or params.get("ui_mode", "hosted_page") != "hosted_page":
        raise BadParameter("The sandbox only implements mode=payment with ui_mode=hosted_page.", param="mode")
    for required in ("mode", "success_url", "line_items"):
        if not params.get(required):
            raise absent(required)
    for switch in _MUST_BE_OFF:
        if params.get(switch, {}).get("enabled"):
            raise BadParameter(f"The sandbox does not implement {switch}.", param=f"{switch}[enabled]")
    if params.get("allow_promotion_codes"):
        raise BadParameter("The sandbox does not implement allow_promotion_codes.", param="allow_promotion_codes")
    if params.get("payment_intent_data", {}).get("capture_method", "automatic") == "manual":
        raise BadParameter(
            "The sandbox does not implement manual capture.", param="payment_intent_data[capture_method]"
        )
    if "card" not in params.get("allowed_payment_method_types", ["card"]):
        raise BadParameter("The sandbox only accepts cards.", param="allowed_payment_method_types")
    for name in ("success_url", "cancel_url"):
        if name in params:
            check_url(params[name], name)
    if len(params.get("client_reference_id", "")) > 200:
        raise BadParameter("Invalid string: must be at most 200 characters", param="client_reference_id")
    email = params.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]+", email):
        raise BadParameter(f"Invalid email address: {email[:100]}", code="email_invalid", param="customer_email")


def check_url(url: str, param: str) -> None:
    parts = urlsplit(url) if url.isprintable() and " " not in url else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadParameter("Not a valid URL", code="url_invalid", param=param)


def _lines(call: Call, params: list[dict[str, Any]]) -> tuple[list[Json], str]:
    if len(params) > MAX_LINES:
        raise BadParameter(f"You can't have more than {MAX_LINES} line items.", param="line_items")
    currencies = set()
    for number, line in enumerate(params):
        at = f"line_items[{number}]"
        price = line.get("price_data") or {}
        for missing, where in (
            ("price_data" not in line, "[price_data]"),
            ("product_data" not in price, "[price_data][product_data]"),
            ("unit_amount" not in price, "[price_data][unit_amount]"),
            ("quantity" not in line, "[quantity]"),
        ):
            if missing:
                raise absent(at + where)
        if not 1 <= line["quantity"] <= MAX_QUANTITY:
            raise BadParameter("This value must be greater than or equal to 1.", param=f"{at}[quantity]")
        currency = money.currency(price["currency"], param=f"{at}[price_data][currency]")
        unit_amount, amount_at = price["unit_amount"], f"{at}[price_data][unit_amount]"
        if not 0 <= unit_amount <= money.maximum(currency):
            raise BadParameter("Invalid non-negative integer", param=amount_at)
        money.whole(unit_amount, currency, param=amount_at)
        currencies.add(currency)
    if len(currencies) > 1:
        raise BadParameter("All line items must have the same currency.", param="line_items")
    return [objects.line_item(call, line) for line in params], currencies.pop()
