"""Refunds: never more than was captured, even concurrently. Some succeed late, and some fail after they succeeded."""

from __future__ import annotations

from serai.sandbox import money, objects
from serai.sandbox.call import Call
from serai.sandbox.errors import BadParameter, Refused
from serai.sandbox.params import only_supported
from serai.sandbox.store import Json, Record

#: How long a refund keeps its first status with cards whose refunds change status later.
SETTLE_S = 1.0

_SUPPORTED = frozenset(["amount", "charge", "expand", "instructions_email", "metadata", "payment_intent", "reason"])


def create(call: Call) -> Json:
    params = call.params
    only_supported(params, _SUPPORTED)
    if "payment_intent" not in params and "charge" not in params:
        raise BadParameter(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
            param="payment_intent",
        )
    if params.get("amount", 1) < 1:
        raise BadParameter("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    charge = _charge(call)
    captured, refunded = charge.body["amount_captured"], charge.body["amount_refunded"]
    left = captured - refunded
    if left == 0:
        raise Refused(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", left)
    money.whole(amount, charge.body["currency"], param="amount")
    if amount > left:
        requested, maximum = (money.display(value, charge.body["currency"]) for value in (amount, left))
        kind = "unrefunded amount on charge" if refunded else "charge amount"
        raise Refused(f"Refund amount ({requested}) is greater than {kind} ({maximum})", param="amount")
    outcome = charge.hidden["refunds"]
    body = objects.refund(call, charge, amount=amount, status="pending" if outcome == "pend" else "succeeded")
    refund = Record(body["id"], "refund", call.at, body, {"fate": outcome}, ref=charge.ref, status=body["status"])
    refund.due_at = call.now + SETTLE_S if outcome in ("pend", "fail") else None
    call.store.add(refund)
    _append_to_ledger(call, "refund", body)
    call.emit("refund.created", body)
    _set_refunded(call, charge, refunded + amount)
    call.emit("charge.refunded", charge.body, {"amount_refunded": refunded, "refunded": False})
    return body


def settle(call: Call, refund: Record) -> None:
    """The final status of a refund that was pending, or that succeeded at first."""
    previous = {"status": refund.status}
    refund.due_at = None
    failed = refund.hidden["fate"] == "fail"
    if failed:
        refund.body |= {"status": "failed", "failure_reason": "unknown"}
        charge = call.fetch("charge", refund.body["charge"])
        _set_refunded(call, charge, charge.body["amount_refunded"] - refund.body["amount"])
        _append_to_ledger(call, "refund_failure", refund.body)
    else:
        refund.body["status"] = "succeeded"
    refund.status = refund.body["status"]
    call.store.save(refund)
    call.emit("charge.refund.updated", refund.body, previous)
    call.emit("refund.updated", refund.body, previous)
    if failed:
        call.emit("refund.failed", refund.body)


def _charge(call: Call) -> Record:
    params = call.params
    if "charge" in params:
        charge = call.fetch("charge", params["charge"], param="charge")
        if params.get("payment_intent", charge.ref) != charge.ref:
            raise BadParameter("The charge does not belong to the payment_intent.", param="charge")
    else:
        intent = call.fetch("payment_intent", params["payment_intent"], param="payment_intent")
        latest = intent.body["latest_charge"]
        if intent.status != "succeeded" or latest is None:
            raise Refused(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.", param="payment_intent"
            )
        charge = call.fetch("charge", latest)
    if not charge.body["captured"]:
        raise Refused(f"Charge {charge.id} has not been captured and cannot be refunded.", param="charge")
    return charge


def _set_refunded(call: Call, charge: Record, amount: int) -> None:
    charge.body |= {"amount_refunded": amount, "refunded": amount == charge.body["amount_captured"]}
    call.store.save(charge)


def _append_to_ledger(call: Call, type_: str, body: Json) -> None:
    call.store.append_to_ledger(
        {
            "type": type_,
            "id": body["id"],
            "payment_intent": body["payment_intent"],
            "amount": body["amount"],
            "currency": body["currency"],
            "metadata": body["metadata"],
            "at": call.now,
        }
    )
