"""What everybody reads: pages and products as the bytes they are sent as, kept for as long as they are true.

Whoever changes what is shown of a product notes that in the same transaction, and every replica asks four times a
second what was noted since. What is kept is sent only while the last such answer is less than a second old, and what
it named has been dropped: so nothing is shown that is more than a second behind, and while the database does not
answer nothing is shown at all. A replica's own changes, and those it is told of by NOTIFY, are dropped at once.
Nothing that decides about stock or money reads any of it.

Products that are not kept are read together: what is asked for while one statement is under way is in the next. After a
start they are read before anybody asks, the newest first, for as long as there is room.
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
#: Far less than changes are kept for.
MAX_SILENCE_S = 60.0
PRODUCT_BYTES = 96 * 1024 * 1024
PAGE_BYTES = 16 * 1024 * 1024
#: Ways to ask for what is kept: spellings of a query, slugs.
MAX_NAMES = 8192
#: Under load the next statement waits this long for more products to read, unless there are enough: among others each
#: costs a third of what it costs alone.
GATHER_S = 0.001
ENOUGH = 4

#: So many are read ahead at once, and the pause after is so many times as long as that took.
AHEAD = 32
AHEAD_PAUSE = 4.0

PRODUCT_ROUTE = "/api/products/{id}"
_PRODUCT_PATH = "/api/products/"

Load: TypeAlias = Callable[[Connection], Awaitable[CachedResponse]]
#: A read under way; None where there is no such public product.
Reading: TypeAlias = "asyncio.Future[CachedResponse | None]"


class ProductCache:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._products: BoundedCache[str] = BoundedCache(PRODUCT_BYTES)
        self._pages: BoundedCache[Hashable] = BoundedCache(PAGE_BYTES)
        #: Which page is asked for by a path and query, and under which route.
        self._addresses: dict[tuple[str, bytes], tuple[str, Hashable]] = {}
        #: A product is never called otherwise.
        self._slugs: dict[str, str] = {}
        #: What is kept is true until then, by the monotonic clock.
        self._true_until = 0.0
        #: Reads that nothing has changed the answer of since they began.
        self._reading: dict[str, Reading] = {}
        self._loading: dict[Hashable, asyncio.Task[CachedResponse]] = {}
        #: All products were dropped, and none has been read ahead since.
        self._emptied = asyncio.Event()
        self._read_missing = Batch(self._read_products, gather_s=GATHER_S, enough=ENOUGH)
        #: Apart, so that nobody who asks waits for what is read ahead.
        self._read_early = Batch(self._read_products)

    async def page(self, query: listing.Query) -> CachedResponse:
        """Raises `Invalid` for a cursor of another list."""

        async def load(conn: Connection) -> CachedResponse:
            return CachedResponse.of(await listing.page(conn, query))

        return await self._page(query, load)

    async def categories(self) -> CachedResponse:
        async def load(conn: Connection) -> CachedResponse:
            return CachedResponse.of(CategoryPage(await store.categories(conn), None))

        return await self._page("/", load)

    async def product(self, id_or_slug: UUID | str) -> CachedResponse:
        """Raises `NotFound`, for what is not public too."""
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
        """This path and query ask for that page."""
        if len(self._addresses) >= MAX_NAMES:
            self._addresses.clear()
        self._addresses[scope["path"], scope["query_string"]] = (route, key)

    def kept(self, scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        """The route and the answer of a request that need not be understood by the framework: for a product by its id
        or a page that is kept, asked for without a token. None: it goes the usual way."""
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
        """Forget a product, or all of them, and every page; also what is being read right now will not be kept, nor
        given to whoever asks later."""
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
        """Drop whatever others, or we, have changed. Raises `DatabaseUnavailable`: begin again, and from nothing."""
        try:
            await self._follow(await self._db.dedicated())
        except TRANSIENT as error:
            raise DatabaseUnavailable from error

    async def read_ahead(self) -> None:
        """Read what was dropped with everything else, slowly enough that nobody notices. Raises `DatabaseUnavailable`:
        begin again."""
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
            # What cannot be read now is read when somebody asks for it.
            new = [self._begin_reading(key, self._read_early) for key in map(str, ids) if self._is_new(key)]
            if new:
                await asyncio.wait(new)
            before = ids[-1]
            await asyncio.sleep(AHEAD_PAUSE * (time.monotonic() - began))

    def _is_new(self, product_id: str) -> bool:
        return self._products.get(product_id) is None and product_id not in self._reading

    async def _follow(self, conn: Connection) -> None:
        # One connection throughout: as long as it lasts, the server has forgotten nothing that it told us of.
        try:
            await conn.add_listener(changes.CHANNEL, lambda *told: self._told(str(told[-1])))
            seen: str | None = None
            asked = 0.0
            while True:
                before, asked = asked, time.monotonic()
                noted = await changes.noted_changes(conn, seen, ASK_TIMEOUT_S)
                if seen is None or noted.everything or asked - before > MAX_SILENCE_S:
                    self.drop()
                for product_id in noted.product_ids:
                    self._drop_product(str(product_id))
                if noted.listed:
                    self._drop_pages()
                seen = noted.seen
                self._true_until = asked + FRESH_S
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

    # Products, many at once

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
        """Whoever asks for it from now on waits for this."""
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

    # Pages, each by itself

    async def _page(self, key: Hashable, load: Load) -> CachedResponse:
        kept = self._pages.get(key)
        if kept is not None and self._is_true(kept):
            return kept
        loading = self._loading.get(key)
        if loading is None:
            # Whoever else asks for the same meanwhile waits for the same answer, however many they are.
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
    """Nobody may be waiting any more when it fails."""
    if not reading.cancelled():
        reading.exception()
