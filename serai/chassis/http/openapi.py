"""The OpenAPI 3.1 document of a service, from its routes and their types.

The schemas are msgspec's own, which say exactly what the decoder accepts (`additionalProperties: false`, bounds,
patterns). Beside the standard members each operation carries what the gateway needs to know of it: `x-policy`,
`x-needs` (the permission without which it is refused), `x-rate-limit`, `x-timeout-s`, `x-max-body-bytes`, `x-stream`.
`x-more-with` lists the permissions by which it does more than for everybody.
"""

from __future__ import annotations

import inspect
import typing
from typing import Annotated, Any

import msgspec
from litestar import Litestar
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute

_REF = "#/components/schemas/{name}"
_EXTENSIONS = {
    "policy": "x-policy",
    "needs": "x-needs",
    "more_with": "x-more-with",
    "rate_limit": "x-rate-limit",
    "timeout_s": "x-timeout-s",
    "max_body_bytes": "x-max-body-bytes",
    "stream": "x-stream",
}
#: Policies under which a token is read.
_WITH_TOKEN = ("optional", "signed_in")


class FieldProblem(msgspec.Struct):
    field: str
    message: str


class ProblemDocument(msgspec.Struct):
    """RFC 9457. Some codes add facts of their own."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None
    errors: list[FieldProblem] | msgspec.UnsetType = msgspec.UNSET


def document(name: str, app: Litestar) -> dict[str, Any]:
    """The OpenAPI document of the routes that the gateway may forward to this service."""
    operations = [
        (route.path_format, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.resolve_include_in_schema() and "OPTIONS" not in handler.http_methods
    ]
    types: dict[str, Any] = {"problem": ProblemDocument}
    for path, handler in operations:
        for place, kind in _types(handler).items():
            types[f"{path} {_method(handler)} {place}"] = kind
    schemas, components = msgspec.json.schema_components(types.values(), ref_template=_REF)
    by_place = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for path, handler in sorted(operations, key=lambda one: (one[0], _method(one[1]))):
        method = _method(handler)
        prefix = f"{path} {method} "
        own = {place.removeprefix(prefix): schema for place, schema in by_place.items() if place.startswith(prefix)}
        paths.setdefault(path, {})[method] = _operation(name, path, handler, own, by_place["problem"])
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Serai: {name}", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _method(handler: HTTPRouteHandler) -> str:
    return min(handler.http_methods).lower()


def _types(handler: HTTPRouteHandler) -> dict[str, Any]:
    """The types of the handler's body, its response and each query parameter with its bounds."""
    types: dict[str, Any] = {}
    if handler.parsed_data_field is not None:
        types["body"] = handler.parsed_data_field.raw
    answer = handler.parsed_return_field.raw
    if typing.get_origin(answer) is Response:
        (answer,) = typing.get_args(answer)
    if answer not in (None, type(None), Any, bytes, str) and not _is_response(answer):
        types["answer"] = answer
    for parameter, annotation, _ in _query(handler):
        types[f"query {parameter}"] = annotation
    return types


def _is_response(answer: Any) -> bool:
    return isinstance(answer, type) and issubclass(answer, Response)


def _query(handler: HTTPRouteHandler) -> list[tuple[str, Any, bool]]:
    """(name on the wire, type with its bounds, whether it is required) of each query parameter."""
    fields = handler.parsed_fn_signature.parameters
    found = []
    for name, field in fields.items():
        bounds = field.kwarg_definition
        wire = getattr(bounds, "name", None) or name
        if wire not in handler.opt["query"]:
            continue
        limits = {
            key: getattr(bounds, key, None) for key in ("ge", "le", "gt", "lt", "min_length", "max_length", "pattern")
        }
        limits = {key: value for key, value in limits.items() if value is not None}
        plain = _required(field.annotation)
        found.append((wire, Annotated[plain, msgspec.Meta(**limits)] if limits else plain, field.is_required))
    return found


def _required(annotation: Any) -> Any:
    """`X` of `X | None`: an optional query parameter is left out, never null."""
    inner = [one for one in typing.get_args(annotation) if one is not type(None)]
    return inner[0] if type(None) in typing.get_args(annotation) and len(inner) == 1 else annotation


def _operation(
    service: str, path: str, handler: HTTPRouteHandler, own: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    text = inspect.cleandoc(handler.fn.__doc__ or "")
    policy = handler.opt["policy"]
    operation: dict[str, Any] = {
        "operationId": handler.fn.__name__,
        "tags": [service],
        "summary": handler.fn.__name__.replace("_", " ").capitalize(),
    }
    if text:
        operation["description"] = text
    operation |= {_EXTENSIONS[key]: handler.opt[key] for key in _EXTENSIONS if handler.opt.get(key) is not None}
    if policy in _WITH_TOKEN:
        operation["security"] = [{"access_token": []}] if policy != "optional" else [{}, {"access_token": []}]
    parameters = [*_path_parameters(path, handler), *_query_parameters(handler, own), *_key_parameter(path, handler)]
    if parameters:
        operation["parameters"] = parameters
    if "body" in own:
        data = handler.parsed_fn_signature.parameters.get("data")
        needed = data is None or not data.has_default
        operation["requestBody"] = {"required": needed, "content": {"application/json": {"schema": own["body"]}}}
    if "multipart" in handler.opt:
        # The handler reads the parts itself, so it declares their schema.
        schema = {"type": "object", "additionalProperties": False, **handler.opt["multipart"]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    if "produces" in handler.opt:
        own["answer"] = {"type": "string", "format": "binary"}
    produced = handler.opt.get("produces", "application/json")
    refusal = {"description": "Refused", "content": {"application/problem+json": {"schema": problem}}}
    answers: dict[str, Any] = {
        str(status): {"description": "Done", "content": {produced: {"schema": own["answer"]}}}
        if "answer" in own
        else {"description": "Done"}
        for status in (handler.status_code, *handler.opt.get("also", ()))
    }
    operation["responses"] = {**answers, "4XX": refusal, "5XX": refusal}
    return operation


def _path_parameters(path: str, handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    patterns = handler.opt.get("path_patterns", {})
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", **({"pattern": patterns[name]} if name in patterns else {})},
        }
        for name in names
    ]


def _query_parameters(handler: HTTPRouteHandler, own: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": required, "schema": own[f"query {name}"]}
        for name, _, required in _query(handler)
    ]


def _key_parameter(path: str, handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    if _method(handler) != "post" or path.startswith("/api/auth") or handler.opt.get("idempotency") == "none":
        return []
    required = handler.opt.get("idempotency") == "required"
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": required, "schema": schema}]
