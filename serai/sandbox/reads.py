"""Retrieving, listing and expanding, for every kind of object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from serai.sandbox import objects, sessions
from serai.sandbox.call import Call
from serai.sandbox.errors import BadParameter
from serai.sandbox.params import only_supported
from serai.sandbox.store import Json, Record

MAX_PAGE, DEFAULT_PAGE = 100, 10
MAX_EXPANSION_DEPTH = 4

#: object type → field that holds an id → the kind it belongs to.
_EXPANDABLE = {
    "checkout.session": {"payment_intent": "payment_intent"},
    "payment_intent": {"latest_charge": "charge", "payment_method": "payment_method"},
    "charge": {"payment_intent": "payment_intent"},
    "refund": {"charge": "charge", "payment_intent": "payment_intent", "payment_method": "payment_method"},
}


def retrieve(kind: str, param: str) -> Callable[[Call], Json]:
    def operation(call: Call) -> Json:
        if kind == "checkout.session":
            return sessions.find(call, call.path["id"], status=404).body
        record = call.fetch(kind, call.path["id"], param=param, status=404)
        return _event(call, record) if kind == "event" else record.body

    return operation


def list_of(kind: str, url: str, *filters: str) -> Callable[[Call], Json]:
    """`filters` are the supported query parameters. Other parameters of Stripe are refused, not ignored."""
    supported = frozenset(["limit", "starting_after", "ending_before", "expand", "created", *filters])

    def operation(call: Call) -> Json:
        params = call.params
        only_supported(params, supported)
        limit = _limit(params)
        created = params.get("created")
        ref = params.get("payment_intent") or params.get("type")
        if "charge" in params:
            ref = call.fetch("charge", params["charge"], param="charge").ref
        records = call.store.page(
            kind,
            limit=limit + 1,
            before=_position(call, kind, params, "starting_after"),
            after=_position(call, kind, params, "ending_before"),
            ref=ref,
            refs=params.get("types"),
            status=params.get("status"),
            created={"gte": created, "lte": created} if isinstance(created, int) else created,
        )
        has_more = len(records) > limit
        if has_more:
            records = records[1:] if "ending_before" in params and "starting_after" not in params else records[:limit]
        return objects.listing(url, [_shown(call, record) for record in records], has_more=has_more)

    return operation


def line_items(call: Call) -> Json:
    only_supported(call.params, frozenset(["limit", "starting_after", "expand"]))
    session = sessions.find(call, call.path["id"], status=404)
    lines, limit = session.hidden["lines"], _limit(call.params)
    after = call.params.get("starting_after")
    if after is not None:
        positions = [position for position, line in enumerate(lines) if line["id"] == after]
        if not positions:
            raise BadParameter(f"No such line item: '{after}'", code="resource_missing", param="starting_after")
        lines = lines[positions[0] + 1 :]
    url = f"/v1/checkout/sessions/{session.id}/line_items"
    return objects.listing(url, lines[:limit], has_more=len(lines) > limit)


def balance(call: Call) -> Json:
    """Charges minus refunds over the whole ledger. The sandbox makes no payouts."""
    totals: dict[str, int] = {}
    after = 0
    while page := call.store.ledger(after=after, limit=1000):
        for after, entry in page:  # noqa: B007 - the cursor is meant to follow the loop
            sign = -1 if entry["type"] == "refund" else 1
            totals[entry["currency"]] = totals.get(entry["currency"], 0) + sign * entry["amount"]
    amounts = [
        {"amount": amount, "currency": currency, "source_types": {"card": amount}}
        for currency, amount in totals.items()
    ]
    pending = [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in totals]
    return {"object": "balance", "available": amounts, "livemode": False, "pending": pending}


def expanded(call: Call, answer: Json) -> Json:
    """The response with every path of `expand` replaced by the object that it refers to."""
    paths = call.params.get("expand", [])
    if not paths:
        return answer
    answer = copy.deepcopy(answer)
    for number, path in enumerate(paths):
        parts = path.split(".")
        if len(parts) > MAX_EXPANSION_DEPTH:
            raise BadParameter(
                f"You cannot expand more than {MAX_EXPANSION_DEPTH} levels of a property ({path}).",
                param=f"expand[{number}]",
            )
        _expand(call, answer, parts, path, number)
    return answer


def _expand(call: Call, node: Json, parts: list[str], path: str, number: int) -> None:
    field, *rest = parts
    if node["object"] == "list" and field == "data":
        for item in node["data"]:
            if rest:
                _expand(call, item, rest, path, number)
        return
    if node["object"] == "checkout.session" and field == "line_items":
        lines = call.fetch("checkout.session", node["id"]).hidden["lines"]
        url = f"/v1/checkout/sessions/{node['id']}/line_items"
        node["line_items"] = objects.listing(url, lines[:DEFAULT_PAGE], has_more=len(lines) > DEFAULT_PAGE)
        return
    if node["object"] == "charge" and field == "refunds":
        refunds = [record.body for record in call.store.by_ref("refund", node["payment_intent"])]
        url = f"/v1/charges/{node['id']}/refunds"
        node["refunds"] = objects.listing(url, refunds[:DEFAULT_PAGE], has_more=len(refunds) > DEFAULT_PAGE)
        return
    kind = _EXPANDABLE.get(node["object"], {}).get(field)
    if kind is None:
        raise BadParameter(
            f"This property cannot be expanded ({field}). You may want to try expanding with a different property.",
            param=f"expand[{number}]",
        )
    if isinstance(node[field], str):
        node[field] = copy.deepcopy(call.fetch(kind, node[field]).body)
    if rest and node[field] is not None:
        _expand(call, node[field], rest, path, number)


def _limit(params: dict[str, Any]) -> int:
    limit = int(params.get("limit", DEFAULT_PAGE))
    if limit < 1:
        raise BadParameter(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="limit"
        )
    if limit > MAX_PAGE:
        raise BadParameter(
            f"This value must be less than or equal to {MAX_PAGE}.", code="parameter_invalid_integer", param="limit"
        )
    return limit


def _position(call: Call, kind: str, params: dict[str, Any], param: str) -> int | None:
    return call.fetch(kind, params[param], param=param).seq if param in params else None


def _shown(call: Call, record: Record) -> Json:
    if record.kind == "event":
        return _event(call, record)
    if record.kind == "checkout.session" and record.due_at is not None and record.due_at <= call.now:
        sessions.close(call, record)
    return record.body


def _event(call: Call, record: Record) -> Json:
    """An event's number of webhooks not yet accepted is looked up, not stored."""
    delivery = call.store.delivery(record.id)
    return record.body | {"pending_webhooks": int(delivery is not None and delivery[1] != "delivered")}
