"""Caches the responses of public lists, products and categories as encoded bytes, at most one second out of date.

A transaction that changes how a product is shown records the change (`product/changes.py`), and every replica reads the
recorded changes four times a second and drops the entries concerned. Cached responses are sent only while the last such
read is less than a second old. So no response is more than a second out of date, and none is sent while the database
does not respond. A replica drops entries at once after its own changes and those announced by NOTIFY. Nothing that
decides about stock or money reads this cache.

Products that are not cached are read in batches: those requested while one statement runs are read by the next. After
a start products are read ahead, newest first, until the cache is full.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, TypeAlias, cast
from uuid import UUID

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from serai.chassis.batch import Batch
from serai.chassis.data.database import TRANSIENT, Connection, Database, DatabaseUnavailable
from serai.chassis.errors import NotFound, Problem
from serai.chassis.http import edge
from serai.chassis.ids import is_id
from serai.contracts.product.search import CategoryPage
from serai.product import changes
from serai.product.bounded_cache import BoundedCache
from serai.product.catalogue import actions as catalogue
from serai.product.response_cache import CachedResponse
from serai.product.search import actions as listing
from serai.product.search import store

FRESH_S = 1.0
ASK_EVERY_S = 0.25
ASK_TIMEOUT_S = 5.0
#: After a longer pause everything is dropped. Much shorter than the time for which changes are stored.
MAX_SILENCE_S = 60.0
PRODUCT_BYTES = 96 * 1024 * 1024
PAGE_BYTES = 16 * 1024 * 1024
#: Limit of the queries and slugs whose cache keys are remembered.
MAX_NAMES = 8192
#: Under load the next statement waits this long for more products to read, unless there are `ENOUGH`: together with
#: others a product costs a third of what it costs alone.
GATHER_S = 0.001
ENOUGH = 4

#: Products that are read ahead by one statement, and the pause after it as a multiple of its duration.
AHEAD = 32
AHEAD_PAUSE = 4.0

PRODUCT_ROUTE = "/api/products/{id}"
_PRODUCT_PATH = "/api/products/"

Load: TypeAlias = Callable[[Connection], Awaitable[CachedResponse]]
#: The result of a read in progress; None if there is no such public product.
Reading: TypeAlias = "asyncio.Future[CachedResponse | None]"


class ProductCache:
    """The cache of one replica. `follow` and `read_ahead` run in the background."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._products: BoundedCache[str] = BoundedCache(PRODUCT_BYTES)
        self._pages: BoundedCache[Hashable] = BoundedCache(PAGE_BYTES)
        #: (route, cache key) of a page by (path, query string).
        self._addresses: dict[tuple[str, bytes], tuple[str, Hashable]] = {}
        #: Product ids by slug. The slug of a product never changes.
        self._slugs: dict[str, str] = {}
        #: Until when entries may be sent, on the monotonic clock.
        self._true_until = 0.0
        #: Reads in progress whose product has not changed since they began.
        self._reading: dict[str, Reading] = {}
        self._loading: dict[Hashable, asyncio.Task[CachedResponse]] = {}
        #: Set when all products were dropped; reading ahead clears it.
        self._emptied = asyncio.Event()
        self._read_missing = Batch(self._read_products, gather_s=GATHER_S, enough=ENOUGH)
        #: A batch of its own, so that no request waits for products that are read ahead.
        self._read_early = Batch(self._read_products)

    async def page(self, query: listing.Query) -> CachedResponse:
        """The response for a page of a list. Raises `Invalid` for a cursor of another list."""

        async def load(conn: Connection) -> CachedResponse:
            return CachedResponse.of(await listing.page(conn, query))

        return await self._page(query, load)

    async def categories(self) -> CachedResponse:
        async def load(conn: Connection) -> CachedResponse:
            return CachedResponse.of(CategoryPage(await store.categories(conn), None))

        return await self._page("/", load)

    async def product(self, id_or_slug: UUID | str) -> CachedResponse:
        """The response for a product. Raises `NotFound`, also for a product that is not public."""
        if isinstance(id_or_slug, UUID):
            return await self._product(str(id_or_slug))
        product_id = self._slugs.get(id_or_slug)
        if product_id is None:
            async with self._db.connection() as conn:
                found = await store.product_called(conn, id_or_slug)
            if found is None:
                raise NotFound
            product_id = str(found)
        product = await self._product(product_id)
        if len(self._slugs) >= MAX_NAMES:
            self._slugs.clear()
        self._slugs[id_or_slug] = product_id
        return product

    def remember(self, scope: HTTPScope, route: str, key: Hashable) -> None:
        """Record the cache key of this path and query string, so that `kept` finds the page."""
        if len(self._addresses) >= MAX_NAMES:
            self._addresses.clear()
        self._addresses[scope["path"], scope["query_string"]] = (route, key)

    def kept(self, scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        """The route and the response of a request that is answered without the framework: a GET without a token, for a
        product by its id or for a cached page. None for every other request."""
        if scope["method"] != "GET" or any(name == b"authorization" for name, _ in scope["headers"]):
            return None
        path, query = scope["path"], scope["query_string"]
        if path.startswith(_PRODUCT_PATH) and not query:
            name = path[len(_PRODUCT_PATH) :]
            product_id = self._slugs.get(name, name)
            product = self._products.get(product_id)
            if product is not None and self._is_true(product):
                return PRODUCT_ROUTE, product.answer_unknown(scope)
            return (PRODUCT_ROUTE, self._when_read(product_id.lower())) if is_id(product_id) else None
        route, key = self._addresses.get((path, query), ("", None))
        page = self._pages.get(key)
        return None if page is None or not self._is_true(page) else (route, page.answer_unknown(scope))

    def drop(self, product_id: UUID | None = None) -> None:
        """Drop a product, or all of them, and every page. Results of reads in progress are not cached, and later
        requests do not wait for them."""
        self._drop_pages()
        if product_id is not None:
            self._drop_product(str(product_id))
            return
        self._products.clear()
        self._reading.clear()
        self._slugs.clear()
        self._addresses.clear()
        self._emptied.set()

    async def follow(self) -> None:
        """Drop what this or another replica has changed, for ever. Raises `DatabaseUnavailable`; call it again, which
        drops everything first."""
        try:
            await self._follow(await self._db.dedicated())
        except TRANSIENT as error:
            raise DatabaseUnavailable from error

    async def read_ahead(self) -> None:
        """Fill the cache after everything was dropped, slowly enough not to delay requests. Raises
        `DatabaseUnavailable`; call it again."""
        while True:
            await self._emptied.wait()
            self._emptied.clear()
            try:
                await self._read_all()
            except DatabaseUnavailable:
                self._emptied.set()
                raise

    async def _read_all(self) -> None:
        before = listing.LAST
        while self._products.has_room and not self._emptied.is_set():
            began = time.monotonic()
            async with self._db.connection() as conn:
                ids = await store.public_ids(conn, AHEAD, before)
            if not ids:
                return
            # A product that fails to be read here is read when it is requested.
            new = [self._begin_reading(key, self._read_early) for key in map(str, ids) if self._is_new(key)]
            if new:
                await asyncio.wait(new)
            before = ids[-1]
            await asyncio.sleep(AHEAD_PAUSE * (time.monotonic() - began))

    def _is_new(self, product_id: str) -> bool:
        return self._products.get(product_id) is None and product_id not in self._reading

    async def _follow(self, conn: Connection) -> None:
        # One connection for all reads: while it lasts, the server has not restarted and lost notifications.
        try:
            await conn.add_listener(changes.CHANNEL, lambda *told: self._told(str(told[-1])))
            seen: str | None = None
            read_at = 0.0
            while True:
                before, read_at = read_at, time.monotonic()
                noted = await changes.noted_changes(conn, seen, ASK_TIMEOUT_S)
                if seen is None or noted.everything or read_at - before > MAX_SILENCE_S:
                    self.drop()
                for product_id in noted.product_ids:
                    self._drop_product(str(product_id))
                if noted.listed:
                    self._drop_pages()
                seen = noted.seen
                self._true_until = read_at + FRESH_S
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            conn.terminate()

    def _told(self, product_id: str) -> None:
        self.drop(UUID(product_id) if product_id else None)

    def _drop_product(self, product_id: str) -> None:
        self._products.drop(product_id)
        self._reading.pop(product_id, None)

    def _drop_pages(self) -> None:
        self._pages.clear()
        self._loading.clear()

    def _is_true(self, answer: CachedResponse) -> bool:
        now = time.monotonic()
        return now < self._true_until or now < answer.as_of + FRESH_S

    # Products, read in batches

    async def _product(self, product_id: str) -> CachedResponse:
        kept = self._products.get(product_id)
        if kept is not None and self._is_true(kept):
            return kept
        reading = self._reading.get(product_id) or self._begin_reading(product_id, self._read_missing)
        answer = await asyncio.shield(reading)
        if answer is None:
            raise NotFound
        return answer

    def _begin_reading(self, product_id: str, batch: Batch[str, CachedResponse | None]) -> Reading:
        """Start to read a product; later requests for it wait for this."""
        reading = self._reading[product_id] = batch.submit(product_id)
        reading.add_done_callback(partial(self._end_reading, product_id))
        return reading

    def _end_reading(self, product_id: str, reading: Reading) -> None:
        is_current = self._reading.get(product_id) is reading
        if is_current:
            del self._reading[product_id]
        if reading.cancelled() or reading.exception() is not None:
            return
        answer = reading.result()
        if is_current and answer is not None:
            self._products.keep(product_id, answer)

    async def _read_products(self, product_ids: Sequence[str]) -> list[CachedResponse | None]:
        as_of = time.monotonic()
        async with self._db.connection() as conn:
            products = await catalogue.read_products(conn, [UUID(product_id) for product_id in product_ids])
        answers = {
            str(one.id): CachedResponse.of(one, one.version).packed() for one in products if one.status == "active"
        }
        for answer in answers.values():
            answer.as_of = as_of
        return [answers.get(product_id) for product_id in product_ids]

    def _when_read(self, product_id: str) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                sent: ASGIApp = (await self._product(product_id)).answer_unknown(cast(HTTPScope, scope))
            except Exception as error:
                refuse = edge.EXCEPTION_HANDLERS[Problem if isinstance(error, Problem) else Exception]
                request: edge.Request = edge.Request(cast(Any, scope), receive, send)
                sent = refuse(request, error).to_asgi_response(None, request)
            await sent(scope, receive, send)

        return answer

    # Pages, read one by one

    async def _page(self, key: Hashable, load: Load) -> CachedResponse:
        kept = self._pages.get(key)
        if kept is not None and self._is_true(kept):
            return kept
        loading = self._loading.get(key)
        if loading is None:
            # Concurrent requests for the same page wait for one read.
            loading = self._loading[key] = asyncio.create_task(self._load(key, load))
            loading.add_done_callback(_retrieved)
        return await asyncio.shield(loading)

    async def _load(self, key: Hashable, load: Load) -> CachedResponse:
        as_of = time.monotonic()
        task = asyncio.current_task()
        try:
            async with self._db.connection() as conn:
                answer = await load(conn)
            if self._loading.get(key) is task:
                answer = answer.packed()
                answer.as_of = as_of
                self._pages.keep(key, answer)
            return answer
        finally:
            if self._loading.get(key) is task:
                del self._loading[key]


def _retrieved(reading: asyncio.Future[Any]) -> None:
    """Mark the exception as retrieved: when a read fails, all who waited for it may have gone."""
    if not reading.cancelled():
        reading.exception()
