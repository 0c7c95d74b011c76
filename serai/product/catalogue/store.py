"""Every statement about products and their variants, except those about stock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from serai.chassis.data.database import Connection
from serai.commerce.money import Money
from serai.contracts.product.catalogue import Option, Product, SkuTaken, Variant, VariantStock
from serai.contracts.product.media import Image
from serai.product.inventory.store import INITIAL_MOVEMENTS


class Locked(msgspec.Struct, frozen=True):
    """A product's row, locked, and which variants it has or had."""

    version: int
    status: str
    images: list[Image]
    live: frozenset[UUID]
    archived: frozenset[UUID]


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
            f"""
            with fresh as (
                insert into variant (id, product_id, position, sku, options, price_minor, initial, available)
                select id, $1, position, sku, options, price_minor, initial, initial
                from jsonb_populate_recordset(null::variant, $2)
                returning id as variant_id, product_id, initial as units, $3::uuid as by
            )
            {INITIAL_MOVEMENTS}
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


@contextmanager
def _skus_are_unique() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "variant_sku":
            raise
        raise SkuTaken from None


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
