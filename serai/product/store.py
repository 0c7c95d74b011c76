"""Every statement about the catalogue; those about its stock are in `stock`.

The list has one statement for each sort, so that each walks its own index from where the last page ended; `matching`
and `product_item`, which they share, are in the migrations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.commerce.money import Money
from serai.contracts.product import (
    CategoryItem,
    Facets,
    FacetValue,
    Image,
    Option,
    PriceFacet,
    Product,
    ProductItem,
    SkuTaken,
    Variant,
    VariantFacts,
    VariantStock,
)
from serai.product.domain import PRICE_STEPS, category_name, price_ranges

#: Where replicas tell each other that the catalogue has changed.
CHANNEL = "catalogue"
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


class Locked(msgspec.Struct, frozen=True):
    """A product's row, locked, and which variants it has or had."""

    version: int
    status: str
    images: list[Image]
    live: frozenset[UUID]
    archived: frozenset[UUID]


# The catalogue, read


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


async def product(conn: Connection, product_id: UUID) -> Product | None:
    return next(iter(await products(conn, [product_id])), None)


async def products(conn: Connection, product_ids: Sequence[UUID]) -> list[Product]:
    """In any order; one that does not exist is left out.

    How many ids there are is hidden from the planner: where it can count few of them it takes a plan for just these to
    be so much cheaper than one for any that it plans each time anew, which takes longer than to carry it out.
    """
    rows = await conn.fetch(
        """
        select p.id, p.slug, p.name, p.description, p.status, p.category, p.attributes, p.images, p.options, p.currency,
               p.price_minor, p.version, p.created_at, p.updated_at, v.*
        from product p
        cross join lateral (
            select array_agg(id order by position, id) as variant_ids,
                   array_agg(sku order by position, id) as skus,
                   array_agg(options order by position, id) as chosen,
                   array_agg(price_minor order by position, id) as prices,
                   array_agg(available order by position, id) as available
            from variant where product_id = p.id and archived_at is null
        ) v
        where p.id = any (array(select unnest($1::uuid[])))
        """,
        product_ids,
    )
    return [_product(row) for row in rows]


async def public_ids(conn: Connection, limit: int, before: UUID) -> list[UUID]:
    """Of what everybody may see, the newest first."""
    rows = await conn.fetch(
        "select id from product where status = 'active' and id < $2 order by id desc limit $1", limit, before
    )
    return [row["id"] for row in rows]


class Changes(msgspec.Struct, frozen=True):
    """What has come to be shown differently; `seen` is where to go on from."""

    seen: str
    product_ids: list[UUID]
    everything: bool
    listed: bool


async def changes(conn: Connection, seen: str | None, timeout_s: float) -> Changes:
    """Noted by transactions that `seen` did not see, however late they committed; without it nothing but a start.

    A transaction number beyond any given out comes from a restored dump, and says nothing here."""
    row = await conn.fetchrow(
        """
        with noted as (
            select product_ids, listed from change
            where xid >= pg_snapshot_xmin($1::text::pg_snapshot)
              and xid < pg_snapshot_xmax(pg_current_snapshot())
              and not pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
        )
        select pg_current_snapshot()::text as seen,
               array(select distinct unnest(product_ids) from noted) as product_ids,
               exists (select from noted where product_ids is null) as everything,
               exists (select from noted where listed) as listed
        """,
        seen,
        timeout=timeout_s,
    )
    assert row is not None
    return Changes(row["seen"], row["product_ids"], row["everything"], row["listed"])


# The catalogue, changed


async def insert_product(conn: Connection, values: dict[str, Any]) -> bool:
    """False when another product has that slug."""
    inserted = await conn.fetchval(
        """
        insert into product (id, slug, name, description, status, category, attributes, images, options, currency,
                             price_minor, keywords)
        select id, slug, name, description, status, category, attributes, images, options, currency,
               price_minor, keywords
        from jsonb_populate_record(null::product, $1)
        on conflict (slug) do nothing
        returning true
        """,
        values,
    )
    return inserted is not None


async def update_product(conn: Connection, values: dict[str, Any]) -> None:
    await conn.execute(
        """
        update product p
        set name = new.name, description = new.description, status = new.status, category = new.category,
            attributes = new.attributes, images = new.images, options = new.options, currency = new.currency,
            price_minor = new.price_minor, keywords = new.keywords, version = p.version + 1, updated_at = now()
        from jsonb_populate_record(null::product, $1) new
        where p.id = new.id
        """,
        values,
    )


async def learn_words(conn: Connection, product_id: UUID) -> None:
    """Remember what the product is called and described by; in order, so that no two wait for each other."""
    await conn.execute(
        """
        insert into word
        select distinct words_of(name || ' ' || keywords) as word from product where id = $1 order by word
        on conflict do nothing
        """,
        product_id,
    )


async def set_images(conn: Connection, product_id: UUID, images: Sequence[Image]) -> None:
    await conn.execute(
        "update product set images = $2, version = version + 1, updated_at = now() where id = $1", product_id, images
    )


async def archive_product(conn: Connection, product_id: UUID) -> None:
    await conn.execute(
        """
        update product set status = 'archived', version = version + 1, updated_at = now()
        where id = $1 and status <> 'archived'
        """,
        product_id,
    )


async def lock_product(conn: Connection, product_id: UUID) -> Locked | None:
    row = await conn.fetchrow("select version, status, images from product where id = $1 for no key update", product_id)
    if row is None:
        return None
    variants = await conn.fetch(
        "select id, archived_at from variant where product_id = $1 order by id for no key update", product_id
    )
    return Locked(
        row["version"],
        row["status"],
        msgspec.convert(row["images"], list[Image]),
        frozenset(one["id"] for one in variants if one["archived_at"] is None),
        frozenset(one["id"] for one in variants if one["archived_at"] is not None),
    )


async def insert_variants(conn: Connection, product_id: UUID, variants: list[dict[str, Any]], by: UUID | None) -> None:
    """Raises `SkuTaken`. What they bring is the first line of their ledger."""
    with _skus_are_unique():
        await conn.execute(
            """
            with fresh as (
                insert into variant (id, product_id, position, sku, options, price_minor, initial, available)
                select id, $1, position, sku, options, price_minor, initial, initial
                from jsonb_populate_recordset(null::variant, $2)
                returning id, initial
            )
            insert into stock_movement (variant_id, product_id, delta, reason, by)
            select id, $1, initial, 'initial', $3 from fresh where initial > 0
            """,
            product_id,
            variants,
            by,
        )


async def update_variants(conn: Connection, variants: list[dict[str, Any]]) -> None:
    """Also brings archived ones back. Raises `SkuTaken`."""
    with _skus_are_unique():
        await conn.execute(
            """
            update variant v
            set position = new.position, sku = new.sku, options = new.options, price_minor = new.price_minor,
                archived_at = null
            from jsonb_populate_recordset(null::variant, $1) new
            where v.id = new.id
            """,
            variants,
        )


async def archive_variants(conn: Connection, variant_ids: Sequence[UUID]) -> None:
    await conn.execute("update variant set archived_at = now() where id = any($1)", variant_ids)


async def tell_of_change(conn: Connection, product_id: UUID | None) -> None:
    """Every replica drops what it keeps of that product (None: of all) when this transaction commits."""
    await conn.execute(
        """
        with noted as (
            insert into change (product_ids, listed) values (nullif(array[$1::uuid], array[null::uuid]), true)
        )
        select pg_notify($2, coalesce($1::text, ''))
        """,
        product_id,
        CHANNEL,
    )


async def prune_changes(conn: Connection) -> None:
    """What every replica has long asked for."""
    await conn.execute("delete from change where at < now() - interval '10 minutes'")


# For other services


async def variant_facts(conn: Connection, variant_ids: Sequence[UUID]) -> list[VariantFacts]:
    """As `products`."""
    rows = await conn.fetch(
        """
        select v.id, v.product_id, v.sku, p.name, v.options, p.images, v.price_minor, p.currency,
               case when p.status = 'active' and v.archived_at is null then v.available else 0 end as available
        from variant v join product p on p.id = v.product_id
        where v.id = any (array(select unnest($1::uuid[])))
        """,
        variant_ids,
    )
    return [_facts(row) for row in rows]


async def choices(conn: Connection, product_id: UUID, variant_id: UUID | None) -> list[VariantFacts]:
    """What of this product can be bought: at most two of its variants, or the one asked for."""
    rows = await conn.fetch(
        """
        select v.id, v.product_id, v.sku, p.name, v.options, p.images, v.price_minor, p.currency, v.available
        from variant v join product p on p.id = v.product_id
        where v.product_id = $1 and p.status = 'active' and v.archived_at is null
          and ($2::uuid is null or v.id = $2)
        limit 2
        """,
        product_id,
        variant_id,
    )
    return [_facts(row) for row in rows]


# From rows to what they mean


@contextmanager
def _skus_are_unique() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "variant_sku":
            raise
        raise SkuTaken from None


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


def _product(row: asyncpg.Record) -> Product:
    currency = row["currency"]
    variants = [
        Variant(variant_id, sku, chosen, Money(price, currency), VariantStock(available))
        for variant_id, sku, chosen, price, available in zip(
            row["variant_ids"], row["skus"], row["chosen"], row["prices"], row["available"], strict=True
        )
    ]
    return Product(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        description=row["description"],
        status=row["status"],
        category=row["category"],
        attributes=row["attributes"],
        images=msgspec.convert(row["images"], list[Image]),
        options=msgspec.convert(row["options"], list[Option]),
        variants=variants,
        price=Money(row["price_minor"], currency),
        in_stock=any(variant.stock.available > 0 for variant in variants),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _facts(row: asyncpg.Record) -> VariantFacts:
    return VariantFacts(
        variant_id=row["id"],
        product_id=row["product_id"],
        sku=row["sku"],
        name=row["name"],
        options=row["options"],
        image=_small(row["images"]),
        unit_price=Money(row["price_minor"], row["currency"]),
        available=row["available"],
    )


def _small(images: list[dict[str, Any]]) -> str | None:
    """The first picture as it is shown beside a line of a cart."""
    if not images:
        return None
    sources = images[0].get("sources")
    url: str = sources[0]["url"] if sources else images[0]["url"]
    return url
