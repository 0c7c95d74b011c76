"""Strict JSON decoding that reports every invalid field of a body in one response.

It refuses what the frameworks accept: duplicate keys (the last would win silently), NUL in a string (PostgreSQL cannot
store it), invalid UTF-8, and numbers or booleans of another type (`"2"`, `1.0` and `true` are not integers).
"""

from __future__ import annotations

import json
import math
import re
import types
import typing
from functools import lru_cache
from typing import Any

import msgspec

from serai.chassis.errors import BadRequest, Invalid

_MAX_DEPTH = 32
_PATH = re.compile(r" - at `\$?(.*)`$")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")


class _DuplicateKey(ValueError):
    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


def decode(body: bytes, kind: Any) -> Any:
    """Decode `body` as a `kind`. Raises `BadRequest` when it is not JSON, and `Invalid` with every wrong field when it
    does not match."""
    try:
        tree = _TREE.decode(body.decode("utf-8"))
    except _DuplicateKey as error:
        raise Invalid(
            "A key appears twice in one object.", errors=[{"field": error.key, "message": "appears twice"}]
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON in UTF-8.", code="malformed_json") from error
    if b"\\u0000" in body or b"\x00" in body or body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        _inspect(tree, "", 0)
    try:
        return _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise Invalid(errors=problems(tree, kind, "") or [_error_of(error, "")]) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON in UTF-8.", code="malformed_json") from error


def problems(tree: Any, kind: Any, path: str, *, refuse_unknown_fields: bool = False) -> list[dict[str, str]]:
    """Every field of `tree` that does not fit `kind`, by dotted path. msgspec itself stops at the first.

    `refuse_unknown_fields` refuses them in all structs, also in those that ignore them by themselves.
    """
    shape = _plain(kind)
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct) and isinstance(tree, dict):
        found: list[dict[str, str]] = []
        hints = typing.get_type_hints(shape, include_extras=True)
        fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
        if refuse_unknown_fields or shape.__struct_config__.forbid_unknown_fields:
            found += [
                {"field": _join(path, key), "message": "is not a known field"} for key in tree if key not in fields
            ]
        for name, field in fields.items():
            if name in tree:
                found += problems(
                    tree[name], hints[field.name], _join(path, name), refuse_unknown_fields=refuse_unknown_fields
                )
            elif field.required:
                found.append({"field": _join(path, name), "message": "is required"})
        return found or _convert(tree, kind, path)
    if typing.get_origin(shape) is list and isinstance(tree, list):
        (item,) = typing.get_args(shape)
        found = [
            problem
            for at, value in enumerate(tree)
            for problem in problems(value, item, _join(path, str(at)), refuse_unknown_fields=refuse_unknown_fields)
        ]
        return found or _convert(tree, kind, path)
    return _convert(tree, kind, path)


@lru_cache(maxsize=512)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=True)


def _convert(tree: Any, kind: Any, path: str) -> list[dict[str, str]]:
    try:
        msgspec.json.decode(json.dumps(tree), type=kind, strict=True)
    except msgspec.ValidationError as error:
        return [_error_of(error, path)]
    return []


def _plain(kind: Any) -> Any:
    """The struct or list type behind `X | None` and `Annotated`, so that its fields can be checked one by one."""
    if typing.get_origin(kind) is typing.Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(kind) if arg not in (type(None), msgspec.UnsetType)]
        return _plain(inner[0]) if len(inner) == 1 else kind
    return kind


def _error_of(error: msgspec.ValidationError, path: str) -> dict[str, str]:
    text = str(error)
    match = _PATH.search(text)
    inner = _INDEX.sub(r".\1", match[1]).strip(".") if match else ""
    field = ".".join(part for part in (path, inner) if part)
    return {"field": field, "message": text[: match.start()] if match else text}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return result


def _finite(text: str) -> float:
    """Refuses numbers such as `1e400`: they are valid JSON, but Python reads them as infinity and cannot write that as
    JSON."""
    if math.isinf(value := float(text)):
        raise ValueError(f"{text} is too large")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


#: Created once, because `json.loads` with these options creates a decoder for every call.
_TREE = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _inspect(tree: Any, path: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise BadRequest("The body is nested too deeply.", code="malformed_json")
    if isinstance(tree, str) and "\x00" in tree:
        raise Invalid("Text cannot contain NUL.", field=path)
    if isinstance(tree, dict):
        for key, value in tree.items():
            if "\x00" in key:
                raise Invalid("Text cannot contain NUL.", field=path)
            _inspect(value, _join(path, key), depth + 1)
    elif isinstance(tree, list):
        for at, value in enumerate(tree):
            _inspect(value, _join(path, str(at)), depth + 1)
