"""Derives `params.json` from the Stripe SDK: the parameters of each operation as Stripe publishes them.

The result is committed because importing the SDK costs the sandbox 15 MB and half a second, and it changes only when
the SDK is upgraded. A test compares the file with the installed SDK. Regenerate it with `python -m
serai.sandbox.schema`.

A schema is one of `"str" | "int" | "bool" | "number"`, `{"enum": [...]}`, `{"list": schema}`, `{"map": schema}`,
`{"object": {name: schema}, "required": [...]}`, `{"any": [schema, ...]}`, or `{"empty": schema}` where an empty string
is valid and unsets the value.
"""

from __future__ import annotations

import importlib
import json
import typing
from decimal import Decimal
from pathlib import Path
from typing import Any

Schema = str | dict[str, Any]

PATH = Path(__file__).with_name("params.json")

#: operation → the SDK type that declares its parameters.
PUBLISHED = {
    "balance.retrieve": "_balance_retrieve_params.BalanceRetrieveParams",
    "charges.list": "_charge_list_params.ChargeListParams",
    "charges.retrieve": "_charge_retrieve_params.ChargeRetrieveParams",
    "checkout.sessions.create": "checkout._session_create_params.SessionCreateParams",
    "checkout.sessions.expire": "checkout._session_expire_params.SessionExpireParams",
    "checkout.sessions.line_items": "checkout._session_line_item_list_params.SessionLineItemListParams",
    "checkout.sessions.list": "checkout._session_list_params.SessionListParams",
    "checkout.sessions.retrieve": "checkout._session_retrieve_params.SessionRetrieveParams",
    "events.list": "_event_list_params.EventListParams",
    "events.retrieve": "_event_retrieve_params.EventRetrieveParams",
    "payment_intents.cancel": "_payment_intent_cancel_params.PaymentIntentCancelParams",
    "payment_intents.confirm": "_payment_intent_confirm_params.PaymentIntentConfirmParams",
    "payment_intents.create": "_payment_intent_create_params.PaymentIntentCreateParams",
    "payment_intents.list": "_payment_intent_list_params.PaymentIntentListParams",
    "payment_intents.retrieve": "_payment_intent_retrieve_params.PaymentIntentRetrieveParams",
    "payment_methods.retrieve": "_payment_method_retrieve_params.PaymentMethodRetrieveParams",
    "refunds.create": "_refund_create_params.RefundCreateParams",
    "refunds.list": "_refund_list_params.RefundListParams",
    "refunds.retrieve": "_refund_retrieve_params.RefundRetrieveParams",
}

_SCALARS: dict[Any, Schema] = {str: "str", int: "int", bool: "bool", float: "number", Decimal: "number"}


def derive() -> dict[str, Any]:
    """The schemas of every operation, and the API version the installed SDK is pinned to."""
    version = importlib.import_module("stripe._api_version")._ApiVersion.CURRENT
    operations = {}
    for operation, where in PUBLISHED.items():
        module_name, _, class_name = where.rpartition(".")
        module = importlib.import_module(f"stripe.params.{module_name}")
        operations[operation] = _typed_dict(getattr(module, class_name), vars(module))
    return {"api_version": version, "operations": operations}


def _typed_dict(declared: Any, scope: dict[str, Any]) -> Schema:
    options = importlib.import_module("stripe").RequestOptions.__annotations__
    fields: dict[str, Schema] = {}
    required: list[str] = []
    for name, annotation in declared.__annotations__.items():
        if name in options:
            continue
        if typing.get_origin(annotation) is typing.NotRequired:
            (annotation,) = typing.get_args(annotation)
        else:
            required.append(name)
        fields[name] = _schema(annotation, scope)
    return {"object": fields, "required": sorted(required)}


def _schema(annotation: Any, scope: dict[str, Any]) -> Schema:
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        annotation = eval(annotation, dict(scope))  # noqa: S307 - the SDK's own source, evaluated where it was written
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if hasattr(annotation, "__total__"):  # a TypedDict, of typing or of typing_extensions
        return _typed_dict(annotation, scope)
    arguments = typing.get_args(annotation)
    match getattr(typing.get_origin(annotation), "__name__", None):
        case "list":
            return {"list": _schema(arguments[0], scope)}
        case "dict":
            return {"map": _schema(arguments[1], scope)}
        case "UntypedStripeObject":
            return {"map": _schema(arguments[0], scope)}
        case _ if typing.get_origin(annotation) is typing.Literal:
            return {"enum": list(arguments)}
    if arguments:
        return _union([_schema(argument, scope) for argument in arguments])
    raise TypeError(f"no schema for {annotation!r}")


def _union(members: list[Schema]) -> Schema:
    distinct = [schema for position, schema in enumerate(members) if schema not in members[:position]]
    values = [value for schema in distinct if isinstance(schema, dict) for value in schema.get("enum", ())]
    others = [schema for schema in distinct if not (isinstance(schema, dict) and "enum" in schema)]
    named = [value for value in values if value != ""]
    if named:
        # The SDK adds `| str` to every enum to allow for new values; the API itself refuses unknown ones.
        others = [{"enum": named}, *(schema for schema in others if schema != "str")]
    chosen: Schema = others[0] if len(others) == 1 else {"any": others}
    return {"empty": chosen} if "" in values else chosen


def main() -> None:
    PATH.write_text(render(derive()), encoding="utf-8")


def render(schemas: dict[str, Any]) -> str:
    """One operation per line: small, but readable in a diff."""
    lines = [f"    {json.dumps(name)}: {json.dumps(schema)}" for name, schema in sorted(schemas["operations"].items())]
    body = ",\n".join(lines)
    return f'{{\n  "api_version": {json.dumps(schemas["api_version"])},\n  "operations": {{\n{body}\n  }}\n}}\n'


if __name__ == "__main__":
    main()
