"""Writes a generated catalogue directly to the product service's database, because POSTs would take hours."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any

import asyncpg

from tools.bench.products import Product, generate_products

BATCH = 5_000
CONNECT_TIMEOUT_S = 10.0
#: A million products on a slow disk.
FILL_TIMEOUT_S = 3600.0
TABLES = ("product", "variant", "stock_movement", "hold")


def fill(database_url: str, count: int) -> float:
    """Replace the whole catalogue by `count` products. Returns the seconds that took."""
    began = time.monotonic()
    asyncio.run(asyncio.wait_for(_fill(database_url, count), FILL_TIMEOUT_S))
    return time.monotonic() - began


async def _fill(database_url: str, count: int) -> None:
    conn = await asyncpg.connect(
        database_url, timeout=CONNECT_TIMEOUT_S, server_settings={"statement_timeout": "0", "synchronous_commit": "off"}
    )
    try:
        await conn.execute(f"truncate {', '.join(TABLES)} restart identity")
        for batch in _batches(generate_products(count)):
            async with conn.transaction():
                await _copy(conn, "product", (product.row() for product in batch))
                await _copy(conn, "variant", (row for product in batch for row in product.variant_rows()))
                await _copy(conn, "stock_movement", (row for product in batch for row in _movements(product)))
        await _learn_words(conn)
        for table in TABLES:
            await conn.execute(f"vacuum (analyze) {table}")
        # As after every change of the catalogue: the service clears its caches.
        await conn.execute("select pg_notify('catalogue', '')")
    finally:
        await conn.close(timeout=CONNECT_TIMEOUT_S)


async def _copy(conn: asyncpg.Connection[asyncpg.Record], table: str, rows: Iterable[dict[str, Any]]) -> None:
    listed = list(rows)
    if listed:
        records = (tuple(row.values()) for row in listed)
        await conn.copy_records_to_table(table, records=records, columns=list(listed[0]), timeout=FILL_TIMEOUT_S)


async def _learn_words(conn: asyncpg.Connection[asyncpg.Record]) -> None:
    """The vocabulary for correcting typos, in revisions that have one."""
    if await conn.fetchval("select to_regclass('word')") is not None:
        await conn.execute("truncate word")
        await conn.execute(
            "insert into word select distinct words_of(name || ' ' || keywords) from product on conflict do nothing"
        )
        await conn.execute("vacuum (analyze) word")


def _movements(product: Product) -> Iterator[dict[str, Any]]:
    for variant_id, variant in product.variants:
        if variant.stock:
            yield {"variant_id": variant_id, "product_id": product.id, "delta": variant.stock, "reason": "initial"}


def _batches(all_products: Iterator[Product]) -> Iterator[list[Product]]:
    while batch := list(itertools.islice(all_products, BATCH)):
        yield batch
