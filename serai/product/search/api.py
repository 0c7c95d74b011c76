"""The public catalogue: lists, details and categories."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Response

from serai.chassis.errors import NotFound
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT
from serai.chassis.ids import is_id
from serai.commerce.money import MAX_AMOUNT
from serai.contracts.product.catalogue import Product
from serai.contracts.product.search import CategoryPage, ProductPage, Sort
from serai.product.catalogue import actions as catalogue
from serai.product.deps import Deps
from serai.product.response_cache import CachedResponse
from serai.product.search import actions, store
from serai.product.search.domain import LOW_STOCK, is_slug

_READ_DRAFTS = "products:read_drafts"

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Price = Annotated[int | None, QueryParameter(ge=0, le=MAX_AMOUNT, description="In minor units.")]
Cursor = Annotated[str | None, QueryParameter(max_length=1024)]


@get("/api/products", policy="optional", more_with=(_READ_DRAFTS,))
async def list_products(
    request: Request,
    deps: NamedDependency[Deps],
    q: Annotated[str | None, QueryParameter(max_length=200)] = None,
    category: Annotated[str | None, QueryParameter(max_length=60)] = None,
    min_price: Price = None,
    max_price: Price = None,
    in_stock: FromQuery[bool | None] = None,
    status: Annotated[
        Literal["draft", "active", "archived", "all"] | None,
        QueryParameter(description=f"Needs {_READ_DRAFTS}; default: active."),
    ] = None,
    low_stock: Annotated[
        bool | None,
        QueryParameter(description=f"Needs {_READ_DRAFTS}: some variant has no more than {LOW_STOCK} units."),
    ] = None,
    sort: Annotated[Sort | None, QueryParameter(description="Default: relevance with q, newest without.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    facets: FromQuery[bool] = False,
) -> Response[ProductPage]:
    more = status is not None or low_stock is not None
    if more:
        request.caller.require(_READ_DRAFTS)
    words = q.strip() if q else None
    query = actions.Query(
        store.Filters(
            status=None if status == "all" else status or "active",
            category=category or None,
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            low_stock=LOW_STOCK if low_stock else None,
            words=words or None,
        ),
        sort=("relevance" if words else "newest") if sort is None or (sort == "relevance" and not words) else sort,
        limit=limit,
        cursor=cursor,
        facets=facets,
    )
    if not more:
        found = await deps.cache.page(query)
        deps.cache.remember(request.scope, "/api/products", query)
        return found.answer(request)
    async with deps.db.connection() as conn:
        return CachedResponse.of(await actions.page(conn, query)).answer(request)


@get("/api/products/{id:str}", policy="optional", more_with=(_READ_DRAFTS,))
async def get_product(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> Response[Product]:
    """`id` may also be the slug."""
    if not is_slug(id):
        raise NotFound
    key = UUID(id) if is_id(id) else id
    if not request.caller.may(_READ_DRAFTS):
        return (await deps.cache.product(key)).answer(request)
    async with deps.db.connection() as conn:
        product_id = key if isinstance(key, UUID) else await store.product_called(conn, key)
        found = [] if product_id is None else await catalogue.read_products(conn, [product_id])
    if not found:
        raise NotFound
    return CachedResponse.of(found[0], found[0].version).answer(request)


@get("/api/categories", policy="optional")
async def list_categories(request: Request, deps: NamedDependency[Deps]) -> Response[CategoryPage]:
    found = await deps.cache.categories()
    deps.cache.remember(request.scope, "/api/categories", "/")
    return found.answer(request)


ROUTES = [list_products, get_product, list_categories]
