"""One page of the catalogue: which statement answers a sort, where a page starts, and what happens to a misspelling."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection
from serai.chassis.errors import Invalid
from serai.chassis.http.page import MAX_NUMBER, Number, decode_cursor, encode_cursor
from serai.contracts.product.search import ProductPage, Sort
from serai.product.search import store
from serai.product.search.domain import corrected
from serai.product.search.store import Filters, Listed

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)
#: No rank comes near it.
MAX_RANK = 1e9


class Query(msgspec.Struct, frozen=True):
    filters: Filters
    sort: Sort
    limit: int
    cursor: str | None
    facets: bool


async def page(conn: Connection, query: Query) -> ProductPage:
    """Words that nothing contains are taken for misspelt and looked for as they were probably meant. The cursor then
    says so, that the pages after it do the same. Raises `Invalid` for a cursor of another list."""
    filters, order = query.filters, f"products {query.sort}"
    after_correction = filters.words is not None and _is_cursor(query, f"{order} ~")
    rows = [] if after_correction else await _rows(conn, query, filters, order)
    if after_correction or (filters.words is not None and query.cursor is None and not rows):
        filters, order = await _corrected(conn, filters), f"{order} ~"
        if filters != query.filters:
            rows = await _rows(conn, query, filters, order)
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    found = ProductPage([row.item for row in rows], _cursor(order, rows[-1]) if more else None)
    if query.facets:
        found = msgspec.structs.replace(found, facets=await store.facets(conn, filters))
    return found


async def _rows(conn: Connection, query: Query, filters: Filters, order: str) -> list[Listed]:
    after: Any = decode_cursor(query.cursor, order, _KEYS[query.sort])
    limit = query.limit + 1
    match query.sort:
        case "newest":
            return await store.newest(conn, filters, limit, *(after or (LAST,)))
        case "price":
            return await store.by_price(conn, filters, limit, after or (-1, FIRST))
        case "-price":
            return await store.by_price_descending(conn, filters, limit, after or (MAX_NUMBER, LAST))
        case "name":
            return await store.by_name(conn, filters, limit, after or ("", FIRST))
        case "relevance":
            return await store.by_relevance(conn, filters, limit, after or (MAX_RANK, LAST))


async def _corrected(conn: Connection, filters: Filters) -> Filters:
    assert filters.words is not None
    return msgspec.structs.replace(filters, words=corrected(*await store.words_like(conn, filters.words)))


_KEYS: dict[Sort, tuple[type, ...]] = {
    "newest": (UUID,),
    "price": (Number, UUID),
    "-price": (Number, UUID),
    "name": (str, UUID),
    "relevance": (float, UUID),
}


def _is_cursor(query: Query, order: str) -> bool:
    try:
        return decode_cursor(query.cursor, order, _KEYS[query.sort]) is not None
    except Invalid:
        return False


def _cursor(order: str, last: Listed) -> str:
    key = (last.item.id,) if last.key is None else (last.key, last.item.id)
    return encode_cursor(order, *key)
