"""PaymentIntents of the API: created, confirmed with a test payment method, cancelled."""

from __future__ import annotations

from typing import Any

from serai.sandbox import charging, money, sessions
from serai.sandbox.call import Call
from serai.sandbox.cards import PAYMENT_METHODS, Decline
from serai.sandbox.errors import BadParameter, CardDeclined, Refused
from serai.sandbox.params import absent, only_supported
from serai.sandbox.store import Json, Record

#: The expiry date of the cards behind test payment methods.
_EXPIRY = (2099, 12)

_CONFIRMING = frozenset(
    [
        "error_on_requires_action",
        "expand",
        "off_session",
        "payment_method",
        "receipt_email",
        "return_url",
        "use_stripe_sdk",
    ]
)
_CREATING = _CONFIRMING | frozenset(
    [
        "amount",
        "automatic_payment_methods",
        "capture_method",
        "confirm",
        "confirmation_method",
        "currency",
        "description",
        "metadata",
        "allowed_payment_method_types",
        "payment_method_types",
        "payment_method_options.card.request_three_d_secure",
        "shipping",
        "statement_descriptor",
        "statement_descriptor_suffix",
    ]
)


def create(call: Call) -> Json:
    params = call.params
    only_supported(params, _CREATING)
    currency = money.currency(params["currency"], param="currency")
    if params["amount"] < 1:
        raise BadParameter(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    money.chargeable(params["amount"], currency, param="amount", what="Amount")
    if params.get("capture_method") == "manual":
        raise BadParameter("The sandbox does not implement manual capture.", param="capture_method")
    types = params.get("payment_method_types") or params.get("allowed_payment_method_types")
    if types and "card" not in types:
        raise BadParameter("The sandbox only accepts cards.", param="payment_method_types")
    confirm = params.get("confirm", False)
    for only_with_confirm in ("return_url", "off_session", "error_on_requires_action"):
        if only_with_confirm in params and not confirm:
            raise BadParameter(
                f"The parameter `{only_with_confirm}` cannot be passed when creating a PaymentIntent unless `confirm` "
                "is set to true.",
                param=only_with_confirm,
            )
    automatic = params.get("automatic_payment_methods") or ({"enabled": True} if not types else None)
    if automatic and automatic.get("enabled"):
        automatic = {"allow_redirects": "always"} | automatic
    if confirm:
        _check_confirmation(params, automatic)
    method = _method(call, params["payment_method"]) if "payment_method" in params else None
    intent = charging.open_intent(
        call, amount=params["amount"], currency=currency, params=params | {"automatic_payment_methods": automatic}
    )
    if method is not None:
        intent.body |= {"payment_method": method.id, "status": "requires_confirmation"}
        intent.status = "requires_confirmation"
        call.store.save(intent)
    return _confirm(call, intent, method) if confirm else intent.body


def confirm(call: Call) -> Json:
    params = call.params
    only_supported(params, _CONFIRMING)
    intent = call.fetch("payment_intent", call.path["id"], param="intent", status=404)
    _check_confirmation(params | {"payment_method": "later"}, intent.body["automatic_payment_methods"])
    _not_of_checkout(intent)
    if intent.status not in charging.PAYABLE:
        raise _unexpected(intent, "confirm")
    name = params.get("payment_method") or intent.body["payment_method"]
    if name is None:
        raise Refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=intent.body,
        )
    if "receipt_email" in params:
        intent.body["receipt_email"] = params["receipt_email"]
    return _confirm(call, intent, _method(call, name))


def cancel(call: Call) -> Json:
    intent = call.fetch("payment_intent", call.path["id"], param="intent", status=404)
    _not_of_checkout(intent)
    if intent.status not in charging.PAYABLE:
        raise _unexpected(intent, "cancel")
    charging.cancel(call, intent, call.params.get("cancellation_reason"))
    return intent.body


def _check_confirmation(params: dict[str, Any], automatic: Json | None) -> None:
    if "payment_method" not in params:
        raise absent("payment_method")
    if "return_url" in params:
        sessions.check_url(params["return_url"], "return_url")
    elif automatic and automatic.get("enabled") and automatic["allow_redirects"] == "always":
        raise BadParameter(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
        )


def _confirm(call: Call, intent: Record, method: Record | None) -> Json:
    if method is None:
        raise absent("payment_method")
    intent.hidden["return_url"] = call.params.get("return_url")
    decline = charging.attempt(call, intent, method)
    if decline is None and intent.status == "requires_action" and call.params.get("error_on_requires_action"):
        intent.body["next_action"] = None
        decline = Decline(
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
            "authentication_required",
        )
        charging.refuse(call, intent, method, decline, charge=None)
    if decline is not None:
        raise declined(intent, method, decline)
    return intent.body


def declined(intent: Record, method: Record, decline: Decline) -> CardDeclined:
    """The 402 for a declined card. The request was executed, so the failed charge, the events and this response are
    stored."""
    more: Json = {"payment_intent": intent.body, "payment_method": method.body}
    if decline.decline_code:
        more["decline_code"] = decline.decline_code
    if charge := intent.body["last_payment_error"].get("charge"):
        more["charge"] = charge
    return CardDeclined(decline.message, code=decline.code, **more)


def _method(call: Call, name: str) -> Record:
    """A stored payment method, or a new one for one of Stripe's test names such as `pm_card_visa`."""
    number = PAYMENT_METHODS.get(name)
    if number is None:
        return call.fetch("payment_method", name, param="payment_method")
    return charging.new_method(call, number, exp=_EXPIRY, email=None, name=None)


def _not_of_checkout(intent: Record) -> None:
    if intent.hidden["session"] is not None:
        raise Refused(
            "You cannot perform this action on PaymentIntents created by Checkout. Expire the Checkout Session "
            "instead.",
            code="payment_intent_unexpected_state",
            payment_intent=intent.body,
        )


def _unexpected(intent: Record, verb: str) -> Refused:
    only = ", ".join(charging.PAYABLE)
    message = (
        f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}. Only a PaymentIntent with "
        f"one of the following statuses may be {verb}{'led' if verb == 'cancel' else 'ed'}: {only}."
    )
    return Refused(message, code="payment_intent_unexpected_state", payment_intent=intent.body)
