"""Formats JSON, and differences of JSON, compactly, so that a review sees only what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_WIDTH = 160


def format_json(value: Any, indent: int = 0) -> str:
    """JSON with sorted keys, in which a value that fits on one line is not broken."""
    flat = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(flat) + indent <= _WIDTH or not isinstance(value, dict | list):
        return flat
    if isinstance(value, dict):
        parts = (f"{json.dumps(key)}: {format_json(found, indent + 2)}" for key, found in sorted(value.items()))
        return _block("{}", parts, indent)
    return _block("[]", (format_json(found, indent + 2) for found in value), indent)


def differences(before: Any, after: Any, path: str = "") -> dict[str, dict[str, Any]]:
    """What differs in `after`, by path. An added value has no "was", a removed one no "is".

    Members of a list are identified by their names if all have one, otherwise by their positions.
    """
    if before == after:
        return {}
    old, new = _members(before), _members(after)
    if old is None or new is None or (isinstance(before, list) and not _comparable(list(old), list(new))):
        return {path: {"was": before, "is": after}}
    found: dict[str, dict[str, Any]] = {}
    for key in dict.fromkeys([*old, *new]):
        below = f"{path}/{key}"
        if key not in new:
            found[below] = {"was": old[key]}
        elif key not in old:
            found[below] = {"is": new[key]}
        else:
            found |= differences(old[key], new[key], below)
    return found


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    names = [_name(member) for member in value]
    if None in names or len(set(names)) < len(names):
        names = [str(place) for place in range(len(value))]
    return dict(zip(map(str, names), value, strict=True))


def _name(member: Any) -> str | None:
    if not isinstance(member, dict):
        return None
    if "match" in member:
        # Several routes may have one name. Name and path together are unique.
        where = member["match"]
        return f"{member['name']} at {where.get('path') or where['safe_regex']['regex']}"
    name: str | None = member.get("name") or member.get("header", {}).get("key")
    return name


def _comparable(old: list[str], new: list[str]) -> bool:
    """Whether the lists differ only by added or removed members, not in their order."""
    if len(old) != len(new) and (not old or not new or old[0].isdecimal() or new[0].isdecimal()):
        return False
    return [key for key in old if key in new] == [key for key in new if key in old]


def _block(brackets: str, parts: Iterable[str], indent: int) -> str:
    inner = ",\n".join(" " * (indent + 2) + part for part in parts)
    return f"{brackets[0]}\n{inner}\n{' ' * indent}{brackets[1]}"
