"""One attempt to charge a card for a PaymentIntent, from the API or from the payment page."""

from __future__ import annotations

from serai.sandbox import objects
from serai.sandbox.call import Call, new_id
from serai.sandbox.cards import AUTHENTICATION_FAILED, Card, Decline, card
from serai.sandbox.store import Json, Record

PAYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def open_intent(call: Call, *, amount: int, currency: str, params: Json, session: str | None = None) -> Record:
    body = objects.payment_intent(call, amount=amount, currency=currency, params=params)
    intent = Record(body["id"], "payment_intent", call.at, body, {"session": session}, status=body["status"])
    call.store.add(intent)
    call.emit("payment_intent.created", body)
    return intent


def new_method(call: Call, number: str, *, exp: tuple[int, int], email: str | None, name: str | None) -> Record:
    """Stores the whole number of a test card, because it decides what the card does. Of any other it stores the last
    four digits only."""
    facts = card(number)
    body = objects.payment_method(call, facts, exp=exp, email=email, name=name)
    known = number if facts.brand != "unknown" else facts.last4
    record = Record(body["id"], "payment_method", call.at, body, {"number": known})
    call.store.add(record)
    return record


def attempt(call: Call, intent: Record, method: Record, *, authenticated: bool = False) -> Decline | None:
    """Charge the intent's amount, or require 3-D Secure (`requires_action`). Returns why the bank declined, else
    None."""
    facts = card(method.hidden["number"])
    if facts.challenge and not authenticated:
        _challenge(call, intent, method)
        return None
    if facts.decline:
        _fail(call, intent, method, facts.decline, authenticated=authenticated)
        return facts.decline
    _charge(call, intent, method, facts, authenticated=authenticated)
    return None


def answer_challenge(call: Call, intent: Record, *, approved: bool) -> Decline | None:
    """The result of the 3-D Secure check. The intent must be in `requires_action`."""
    method = call.fetch("payment_method", intent.body["payment_method"])
    intent.body["next_action"] = None
    if approved:
        return attempt(call, intent, method, authenticated=True)
    refuse(call, intent, method, AUTHENTICATION_FAILED, charge=None)
    return AUTHENTICATION_FAILED


def cancel(call: Call, intent: Record, reason: str | None) -> None:
    intent.body |= {
        "status": "canceled",
        "canceled_at": call.at,
        "cancellation_reason": reason,
        "next_action": None,
    }
    _save(call, intent)
    call.emit("payment_intent.canceled", intent.body)


def _challenge(call: Call, intent: Record, method: Record) -> None:
    url = f"{call.site}/3ds/{intent.id}"
    return_url = intent.hidden.get("return_url")
    intent.body |= {
        "status": "requires_action",
        "payment_method": method.id,
        "last_payment_error": None,
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": url}}
        if return_url
        else {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "source": new_id("src_1"), "stripe_js": url},
        },
    }
    _save(call, intent)
    call.emit("payment_intent.requires_action", intent.body)


def _fail(call: Call, intent: Record, method: Record, decline: Decline, *, authenticated: bool) -> None:
    charge = _add_charge(call, intent, method, decline, authenticated=authenticated)
    call.emit("charge.failed", charge.body)
    refuse(call, intent, method, decline, charge=charge.id)


def refuse(call: Call, intent: Record, method: Record, decline: Decline, *, charge: str | None) -> None:
    error: Json = {
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": method.body,
        "type": "card_error" if charge else "invalid_request_error",
    }
    if charge:
        error["charge"] = charge
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    intent.body |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    intent.body["latest_charge"] = charge or intent.body["latest_charge"]
    _save(call, intent)
    call.emit("payment_intent.payment_failed", intent.body)


def _charge(call: Call, intent: Record, method: Record, facts: Card, *, authenticated: bool) -> None:
    charge = _add_charge(call, intent, method, None, authenticated=authenticated, refunds=facts.refunds)
    intent.body |= {
        "status": "succeeded",
        "amount_received": intent.body["amount"],
        "latest_charge": charge.id,
        "payment_method": method.id,
        "last_payment_error": None,
        "next_action": None,
    }
    _save(call, intent)
    call.store.append_to_ledger(
        {
            "type": "charge",
            "id": charge.id,
            "payment_intent": intent.id,
            "amount": charge.body["amount"],
            "currency": charge.body["currency"],
            "metadata": charge.body["metadata"],
            "at": call.now,
        }
    )
    call.emit("charge.succeeded", charge.body)
    call.emit("payment_intent.succeeded", intent.body)


def _add_charge(
    call: Call,
    intent: Record,
    method: Record,
    decline: Decline | None,
    *,
    authenticated: bool,
    refunds: str = "succeed",
) -> Record:
    body = objects.charge(call, intent.body, method.body, decline, authenticated=authenticated)
    charge = Record(body["id"], "charge", call.at, body, {"refunds": refunds}, ref=intent.id, status=body["status"])
    call.store.add(charge)
    return charge


def _save(call: Call, intent: Record) -> None:
    intent.status = intent.body["status"]
    call.store.save(intent)
