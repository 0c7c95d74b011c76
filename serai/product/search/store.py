"""Every statement of lists, facets and categories.

The list has one statement for each sort, so that each walks its own index from where the last page ended; `matching`
and `product_item`, which they share, are in the migrations.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.commerce.money import Money
from serai.contracts.product.media import Image
from serai.contracts.product.search import CategoryItem, Facets, FacetValue, PriceFacet, ProductItem
from serai.product.search.domain import PRICE_STEPS, category_name, price_ranges

MAX_CATEGORIES = 500
#: How many words of one search may be taken for misspelt.
MAX_UNKNOWN_WORDS = 8


class Filters(msgspec.Struct, frozen=True):
    """What the list is narrowed to; None is everything. `words` is written as people search the web."""

    status: str | None = "active"
    category: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    low_stock: int | None = None
    words: str | None = None


class Listed(msgspec.Struct, frozen=True):
    """An item, and the sort key that the page after it starts from."""

    item: ProductItem
    key: Any


async def newest(conn: Connection, filters: Filters, limit: int, before: UUID) -> list[Listed]:
    rows = await conn.fetch(
        """
        with page as (
            select id from matching($1, $2, $3, $4, $5, $6, $7)
            where id < $9 order by id desc limit $8
        )
        select null as key, item.* from page join product_item item using (id) order by id desc
        """,
        *_parameters(filters),
        limit,
        before,
    )
    return [_listed(row) for row in rows]


async def by_price(conn: Connection, filters: Filters, limit: int, after: tuple[int, UUID]) -> list[Listed]:
    rows = await conn.fetch(
        """
        with page as (
            select id, price_minor as key from matching($1, $2, $3, $4, $5, $6, $7)
            where (price_minor, id) > ($9, $10) order by price_minor, id limit $8
        )
        select page.key, item.* from page join product_item item using (id) order by page.key, id
        """,
        *_parameters(filters),
        limit,
        *after,
    )
    return [_listed(row) for row in rows]


async def by_price_descending(conn: Connection, filters: Filters, limit: int, after: tuple[int, UUID]) -> list[Listed]:
    rows = await conn.fetch(
        """
        with page as (
            select id, price_minor as key from matching($1, $2, $3, $4, $5, $6, $7)
            where (price_minor, id) < ($9, $10) order by price_minor desc, id desc limit $8
        )
        select page.key, item.* from page join product_item item using (id) order by page.key desc, id desc
        """,
        *_parameters(filters),
        limit,
        *after,
    )
    return [_listed(row) for row in rows]


async def by_name(conn: Connection, filters: Filters, limit: int, after: tuple[str, UUID]) -> list[Listed]:
    rows = await conn.fetch(
        """
        with page as (
            select id, plain_name as key from matching($1, $2, $3, $4, $5, $6, $7)
            where (plain_name, id) > ($9, $10) order by plain_name, id limit $8
        )
        select page.key, item.* from page join product_item item using (id) order by page.key, id
        """,
        *_parameters(filters),
        limit,
        *after,
    )
    return [_listed(row) for row in rows]


async def by_relevance(conn: Connection, filters: Filters, limit: int, after: tuple[float, UUID]) -> list[Listed]:
    """Ranked by where the words occur, and how often."""
    rows = await conn.fetch(
        """
        with ranked as (
            select id, ts_rank(search, websearch_to_tsquery('english', plain($7)), 1)::float8 as key
            from matching($1, $2, $3, $4, $5, $6, $7)
        ), page as (
            select id, key from ranked where (key, id) < ($9, $10) order by key desc, id desc limit $8
        )
        select page.key, item.* from page join product_item item using (id) order by page.key desc, id desc
        """,
        *_parameters(filters),
        limit,
        *after,
    )
    return [_listed(row) for row in rows]


async def words_like(conn: Connection, typed: str) -> tuple[str, dict[str, list[str]]]:
    """What was typed without case and accents; and for each of its words that no product has, ones that look alike."""
    row = await conn.fetchrow(
        """
        select plain($1) as typed, coalesce(jsonb_object_agg(unknown.word, unknown.alike), '{}') as alike
        from (
            select typed.word, array(select words_like(typed.word)) as alike
            from words_of($1) as typed (word)
            where not exists (select from word where word.word = typed.word)
            limit $2
        ) unknown
        """,
        typed,
        MAX_UNKNOWN_WORDS,
    )
    assert row is not None
    return row["typed"], row["alike"]


async def facets(conn: Connection, filters: Filters) -> Facets:
    """How what was found spreads, over all categories and over all prices whichever were asked for: in one walk through
    what the other filters leave, because to look for stock is what costs."""
    rows = await conn.fetch(
        """
        select category, step, grouping(category) = 0 as by_category,
               count(*) filter (where in_range) as in_range, count(*) filter (where in_category) as in_category
        from (
            select category, width_bucket(price_minor, $8::bigint[]) as step,
                   $9::text is null or category = $9 as in_category,
                   ($10::bigint is null or price_minor >= $10) and ($11::bigint is null or price_minor <= $11)
                       as in_range
            from matching($1, $2, $3, $4, $5, $6, $7)
        ) found
        group by grouping sets ((category), (step))
        """,
        *_parameters(msgspec.structs.replace(filters, category=None, min_price=None, max_price=None)),
        PRICE_STEPS,
        filters.category,
        filters.min_price,
        filters.max_price,
    )
    counts = [(-row["in_range"], row["category"]) for row in rows if row["by_category"] and row["category"]]
    steps = {row["step"]: row["in_category"] for row in rows if not row["by_category"]}
    return Facets(
        [FacetValue(category, -count) for count, category in sorted(counts)[:MAX_CATEGORIES] if count],
        [
            PriceFacet(f"{start}-{'' if end is None else end}", start, end, count)
            for start, end, count in price_ranges(steps)
        ],
    )


async def categories(conn: Connection) -> list[CategoryItem]:
    rows = await conn.fetch(
        """
        select category, count(*) as count from product
        where status = 'active' and category is not null
        group by category order by category limit $1
        """,
        MAX_CATEGORIES,
    )
    return [CategoryItem(row["category"], category_name(row["category"]), row["count"]) for row in rows]


async def product_called(conn: Connection, slug: str) -> UUID | None:
    found: UUID | None = await conn.fetchval("select id from product where slug = $1", slug)
    return found


async def public_ids(conn: Connection, limit: int, before: UUID) -> list[UUID]:
    """Of what everybody may see, the newest first."""
    rows = await conn.fetch(
        "select id from product where status = 'active' and id < $2 order by id desc limit $1", limit, before
    )
    return [row["id"] for row in rows]


def _parameters(filters: Filters) -> tuple[Any, ...]:
    return msgspec.structs.astuple(filters)


def _listed(row: asyncpg.Record) -> Listed:
    item = ProductItem(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        status=row["status"],
        category=row["category"],
        images=msgspec.convert(row["images"], list[Image]),
        price=Money(row["price_minor"], row["currency"]),
        in_stock=row["in_stock"],
        variant_count=row["variant_count"],
        default_variant_id=row["default_variant_id"] if row["variant_count"] == 1 else msgspec.UNSET,
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
    return Listed(item, row["key"])
