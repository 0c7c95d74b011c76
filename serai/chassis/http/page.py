"""Keyset pagination. A cursor is the sort key of the last item of a page, so a page costs the same at any depth and
stays stable while rows are inserted. Clients must treat the cursor as opaque. A cursor of another list or sort order is
refused."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec

from serai.chassis.errors import Invalid

T = TypeVar("T")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_MAX_CURSOR_CHARS = 1024
#: The largest value of a PostgreSQL bigint. A client can forge a cursor, so numbers in it are checked.
MAX_NUMBER = 2**63 - 1
#: An integer in a cursor's key.
Number = cast("type", Annotated[int, msgspec.Meta(ge=-1, le=MAX_NUMBER)])


class Page(msgspec.Struct, Generic[T]):
    items: list[T]
    next_cursor: str | None


def encode_cursor(order: str, *key: Any) -> str:
    """`order` names the list and its sort order; `key` is the sort key of the last item."""
    return base64.urlsafe_b64encode(msgspec.json.encode([order, *key])).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, order: str, types: tuple[type, ...]) -> tuple[Any, ...] | None:
    """The typed key in `cursor`, or None for the first page. Raises `Invalid` for a cursor that is not from this
    list."""
    if cursor is None:
        return None
    try:
        if len(cursor) > _MAX_CURSOR_CHARS:
            raise ValueError
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        name, *key = msgspec.json.decode(raw, type=list[Any])
        if name != order or len(key) != len(types) or "\\u0000" in raw.decode():
            raise ValueError
        return tuple(msgspec.convert(part, kind) for part, kind in zip(key, types, strict=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid("This cursor is not one of this list.", field="cursor") from None


def page_of(rows: list[T], limit: int, cursor_of: Any) -> Page[T]:
    """A page from up to `limit + 1` rows. The extra row only shows that there are more."""
    more = len(rows) > limit
    items = rows[:limit]
    return Page(items, cursor_of(items[-1]) if more else None)
