"""Parses a form-encoded request into typed parameters, checked against the types in the Stripe SDK (see `schema.py`).

It is strict: a parameter that Stripe would refuse is refused here too, with Stripe's code and `param`, before anything
is executed.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from serai.sandbox.errors import BadParameter
from serai.sandbox.schema import PATH, Schema

MAX_FIELDS = 4000
MAX_DEPTH = 8
MAX_STRING = 5000
MAX_METADATA_KEYS, MAX_METADATA_KEY, MAX_METADATA_VALUE = 50, 40, 500

_PUBLISHED = json.loads(PATH.read_text(encoding="utf-8"))
API_VERSION: str = _PUBLISHED["api_version"]
_SCHEMAS: dict[str, dict[str, Any]] = _PUBLISHED["operations"]

_NAME = re.compile(r"[^\[\]]+")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")


def parse(operation: str, encoded: str) -> dict[str, Any]:
    """The typed parameters of a request. Raises BadParameter for anything that Stripe would refuse."""
    return _object(_decode(encoded), _SCHEMAS[operation], "")


def canonical(encoded: str) -> str:
    """The parameters in a fixed order. Idempotency keys compare requests in this form."""
    return "&".join(sorted(encoded.split("&")))


def _decode(encoded: str) -> dict[str, Any]:
    """`a[b][0]=c` → `{"a": {"b": {"0": "c"}}}`. The schema decides later which of the hashes are lists."""
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as problem:
        raise BadParameter("Invalid request: the parameters cannot be decoded.") from problem
    tree: dict[str, Any] = {}
    for key, value in pairs:
        _place(tree, key, value)
    return tree


def _place(tree: dict[str, Any], key: str, value: str) -> None:
    name = _NAME.match(key)
    rest = key[name.end() :] if name else ""
    keys = _BRACKETS.findall(rest)
    if name is None or _BRACKETS.sub("", rest) or len(keys) >= MAX_DEPTH:
        raise BadParameter(f"Invalid parameter name: {key[:200]}", param=key[:200])
    node, here = tree, name.group()
    for part in keys:
        node = node.setdefault(here, {})
        if not isinstance(node, dict):
            raise BadParameter(f"Invalid parameter: {key[:200]} is both a value and a hash", param=key[:200])
        here = part or str(len(node))
    if isinstance(node.get(here), dict):
        raise BadParameter(f"Invalid parameter: {key[:200]} is both a value and a hash", param=key[:200])
    node[here] = value


def _object(raw: Any, schema: dict[str, Any], at: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadParameter("Invalid object", param=at)
    fields = schema["object"]
    unknown = [_join(at, name) for name in raw if name not in fields]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise BadParameter(
            f"Received unknown parameter{plural}: {', '.join(unknown)}", code="parameter_unknown", param=unknown[0]
        )
    for name in schema["required"]:
        if name not in raw:
            raise absent(_join(at, name))
    return {name: _value(value, fields[name], _join(at, name)) for name, value in raw.items()}


def _value(raw: Any, schema: Schema, at: str) -> Any:
    if isinstance(schema, str):
        return _scalar(raw, schema, at)
    if "empty" in schema:
        return "" if raw == "" else _value(raw, schema["empty"], at)
    if "object" in schema:
        return _object(raw, schema, at)
    if "list" in schema:
        return _list(raw, schema["list"], at)
    if "map" in schema:
        return _map(raw, at)
    if "enum" in schema:
        value = _scalar(raw, "str", at)
        if value not in schema["enum"]:
            raise BadParameter(f"Invalid {at}: must be one of {_alternatives(schema['enum'])}", param=at)
        return value
    fitting = [each for each in schema["any"] if isinstance(raw, dict) == _takes_hash(each)]
    if not fitting:
        raise BadParameter(f"Invalid {at}", param=at)
    return _value(raw, fitting[0], at)


def _takes_hash(schema: Schema) -> bool:
    return isinstance(schema, dict) and bool(schema.keys() & {"object", "list", "map"})


def _scalar(raw: Any, kind: str, at: str) -> Any:
    if not isinstance(raw, str):
        raise BadParameter("Invalid string: a hash was given", code="parameter_invalid_string_blank", param=at)
    if raw == "":
        raise BadParameter(
            f"You passed an empty string for '{at}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{at}' cannot be unset. You should remove '{at}' from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=at,
        )
    match kind:
        case "int":
            if not _INTEGER.fullmatch(raw):
                raise BadParameter(f"Invalid integer: {raw[:100]}", code="parameter_invalid_integer", param=at)
            return int(raw)
        case "bool":
            if raw not in ("true", "false"):
                raise BadParameter(f"Invalid boolean: {raw[:100]}", param=at)
            return raw == "true"
        case "number":
            if not _NUMBER.fullmatch(raw):
                raise BadParameter(f"Invalid decimal: {raw[:100]}", param=at)
            return raw
    if len(raw) > MAX_STRING or "\0" in raw:
        raise BadParameter(f"Invalid string: {raw[:40]!r}…; must be at most {MAX_STRING} characters", param=at)
    return raw


def _list(raw: Any, schema: Schema, at: str) -> list[Any]:
    if not isinstance(raw, dict):
        raise BadParameter("Invalid array", param=at)
    if sorted(raw, key=lambda index: (len(index), index)) != [str(index) for index in range(len(raw))]:
        raise BadParameter("Invalid array", param=at)
    return [_value(raw[str(index)], schema, f"{at}[{index}]") for index in range(len(raw))]


def _map(raw: Any, at: str) -> dict[str, str]:
    if not isinstance(raw, dict):
        raise BadParameter("Invalid object", param=at)
    if len(raw) > MAX_METADATA_KEYS:
        raise BadParameter(f"Metadata can have at most {MAX_METADATA_KEYS} keys, you passed {len(raw)}.", param=at)
    for key, value in raw.items():
        if not isinstance(value, str):
            raise BadParameter(f"Metadata values must be strings, but for key '{key}' you passed a hash.", param=at)
        if len(key) > MAX_METADATA_KEY:
            raise BadParameter(f"Metadata keys must be at most {MAX_METADATA_KEY} characters: '{key}'.", param=at)
        if len(value) > MAX_METADATA_VALUE:
            raise BadParameter(
                f"Metadata values must be at most {MAX_METADATA_VALUE} characters, but for key '{key}' you passed "
                f"{len(value)}.",
                param=f"{at}[{key}]",
            )
    return {key: value for key, value in raw.items() if value != ""}


def absent(param: str) -> BadParameter:
    return BadParameter(f"Missing required param: {param}.", code="parameter_missing", param=param)


def only_supported(params: dict[str, Any], supported: frozenset[str]) -> None:
    """Refuses parameters that Stripe has but the sandbox does not implement: ignoring `discounts` would charge a wrong
    total."""
    for path in _paths(params, ""):
        if path not in supported and not any(path.startswith(f"{each}.") for each in supported):
            raise BadParameter(f"The sandbox does not implement the parameter {path}.", param=path)


def _paths(params: dict[str, Any], prefix: str) -> list[str]:
    found: list[str] = []
    for name, value in params.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict) and name != "metadata" and value:
            found += _paths(value, f"{path}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found += [inner for item in value for inner in _paths(item, f"{path}.")]
        else:
            found.append(path)
    return found


def _join(at: str, name: str) -> str:
    return f"{at}[{name}]" if at else name


def _alternatives(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])}, or {values[-1]}"
