"""The public catalogue, and its keeping by admins."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Response

from serai.chassis.auth import Caller
from serai.chassis.errors import Forbidden, NotFound, Unauthenticated
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, encode_cursor
from serai.chassis.ids import parse_id
from serai.commerce.money import MAX_AMOUNT
from serai.contracts.product import (
    CategoryPage,
    Image,
    Product,
    ProductChange,
    ProductDraft,
    ProductPage,
    Sort,
    StockChange,
    StockLedger,
    StockLevel,
)
from serai.product import actions, listing, stock, store, upload
from serai.product.catalogue import stored, stored_product
from serai.product.deps import Deps
from serai.product.domain import LOW_STOCK, is_id, is_slug
from serai.product.pictures import FILE_PATTERN, MAX_FILE_BYTES, MAX_UPLOAD_BYTES
from serai.product.response_cache import framed

PRIVATE = {"cache-control": "no-store"}

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Price = Annotated[int | None, QueryParameter(ge=0, le=MAX_AMOUNT, description="In minor units.")]
Cursor = Annotated[str | None, QueryParameter(max_length=1024)]
_LEDGER = "stock ledger"


@get("/api/products", policy="optional")
async def list_products(
    request: Request,
    deps: NamedDependency[Deps],
    q: Annotated[str | None, QueryParameter(max_length=200)] = None,
    category: Annotated[str | None, QueryParameter(max_length=60)] = None,
    min_price: Price = None,
    max_price: Price = None,
    in_stock: FromQuery[bool | None] = None,
    status: Annotated[
        Literal["draft", "active", "archived", "all"] | None, QueryParameter(description="For admins; default: active.")
    ] = None,
    low_stock: Annotated[
        bool | None, QueryParameter(description=f"For admins: some variant has no more than {LOW_STOCK} units.")
    ] = None,
    sort: Annotated[Sort | None, QueryParameter(description="Default: relevance with q, newest without.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    facets: FromQuery[bool] = False,
) -> Response[ProductPage]:
    for_admins = status is not None or low_stock is not None
    if for_admins:
        _require_admin(request.caller)
    words = q.strip() if q else None
    query = listing.Query(
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
    if not for_admins:
        found = await deps.catalogue.page(query)
        deps.catalogue.remember(request.scope, "/api/products", query)
        return found.answer(request)
    async with deps.db.connection() as conn:
        return stored(await listing.page(conn, query)).answer(request)


@get("/api/products/{id:str}", policy="optional")
async def get_product(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> Response[Product]:
    """`id` may also be the slug."""
    if not is_slug(id):
        raise NotFound
    key = UUID(id) if is_id(id) else id
    if not request.caller.is_admin:
        return (await deps.catalogue.product(key)).answer(request)
    async with deps.db.connection() as conn:
        product_id = key if isinstance(key, UUID) else await store.product_called(conn, key)
        product = product_id and await store.product(conn, product_id)
    if not product:
        raise NotFound
    return stored_product(product).answer(request)


@get("/api/categories", policy="optional")
async def list_categories(request: Request, deps: NamedDependency[Deps]) -> Response[CategoryPage]:
    found = await deps.catalogue.categories()
    deps.catalogue.remember(request.scope, "/api/categories", "/")
    return found.answer(request)


@post("/api/products", policy="admin")
async def create_product(
    request: Request, deps: NamedDependency[Deps], data: JSONBody[ProductDraft]
) -> Response[Product]:
    product, replayed = await actions.create_product(
        deps.db, data, currency=deps.currency, by=request.caller.user, once=await request.once()
    )
    deps.catalogue.drop(product.id)
    answer = _written(product)
    answer.headers["location"] = f"/api/products/{product.id}"
    return _replayed(answer, replayed)


@put("/api/products/{id:str}", policy="admin")
async def replace_product(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[ProductChange]
) -> Response[Product]:
    product = await actions.replace_product(
        deps.db,
        parse_id(id),
        data,
        currency=deps.currency,
        by=request.caller.user,
        if_match=request.headers.get("if-match"),
    )
    deps.catalogue.drop(product.id)
    return _written(product)


@delete("/api/products/{id:str}", policy="admin")
async def archive_product(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> None:
    await actions.archive_product(deps.db, parse_id(id), if_match=request.headers.get("if-match"))
    deps.catalogue.drop(parse_id(id))


@post(
    "/api/products/{id:str}/images",
    policy="admin",
    timeout_s=30,
    max_body_bytes=MAX_UPLOAD_BYTES,
    request_max_body_size=MAX_UPLOAD_BYTES,
    multipart={
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "A still JPEG, PNG or WebP image."},
            "alt": {"type": "string", "maxLength": 300},
        },
        "required": ["file"],
    },
)
async def add_image(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> Response[Image]:
    """The picture is drawn anew from its pixels, upright, in up to three widths; what else the file held is left out.
    It becomes the last of the product's images, which a PUT of the product puts in another order."""
    product_id = parse_id(id)
    async with deps.studio.place():
        body = await request.body()
        sent = await asyncio.to_thread(upload.read, request.content_type, body, max_file_bytes=MAX_FILE_BYTES)
        image, replayed = await actions.add_image(
            deps.db,
            deps.studio,
            deps.media,
            product_id,
            sent.file,
            sent.alt,
            if_match=request.headers.get("if-match"),
            once=await request.once(content=sent.digest),
        )
    deps.catalogue.drop(product_id)
    return _replayed(Response(image, headers={"location": image.url, **PRIVATE}), replayed)


@delete("/api/products/{id:str}/images/{image_id:str}", policy="admin")
async def remove_image(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], image_id: FromPath[str]
) -> None:
    await actions.remove_image(deps.db, parse_id(id), parse_id(image_id), if_match=request.headers.get("if-match"))
    deps.catalogue.drop(parse_id(id))


@get("/media/{file:str}", policy="public", produces="image/webp", path_patterns={"file": f"^{FILE_PATTERN}$"})
async def get_picture(request: Request, deps: NamedDependency[Deps], file: FromPath[str]) -> Response[bytes]:
    """One file of a picture; it never changes."""
    return framed(await deps.media.file(request.scope, file))


@post("/api/products/{id:str}/stock", policy="admin", status_code=200)
async def adjust_stock(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[StockChange]
) -> Response[StockLevel]:
    level, replayed = await actions.adjust_stock(
        deps.db, parse_id(id), data, by=request.caller.user, once=await request.once()
    )
    deps.catalogue.drop(parse_id(id))
    return _replayed(Response(level, headers=PRIVATE), replayed)


@get("/api/products/{id:str}/stock", policy="admin")
async def stock_ledger(
    deps: NamedDependency[Deps], id: FromPath[str], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response[StockLedger]:
    after = decode_cursor(cursor, _LEDGER, (listing.Number,))
    async with deps.db.connection() as conn:
        lines = await stock.ledger(conn, parse_id(id), limit + 1, after[0] if after else listing.MAX_NUMBER)
    if lines is None:
        raise NotFound
    more = encode_cursor(_LEDGER, lines[limit - 1][0]) if len(lines) > limit else None
    return Response(StockLedger([line for _, line in lines[:limit]], more), headers=PRIVATE)


def _require_admin(caller: Caller) -> None:
    """For what only part of a route is for admins."""
    if caller.user_id is None:
        raise Unauthenticated
    if not caller.is_admin:
        raise Forbidden


def _written(product: Product) -> Response[Product]:
    answer: Response[Any] = Response(product, headers={"etag": stored_product(product).etag, **PRIVATE})
    return answer


def _replayed(answer: Response[Any], replayed: bool) -> Response[Any]:
    if replayed:
        answer.headers["idempotent-replayed"] = "true"
    return answer


ROUTES = [
    list_products,
    get_product,
    list_categories,
    create_product,
    replace_product,
    archive_product,
    add_image,
    remove_image,
    get_picture,
    adjust_stock,
    stock_ledger,
]
