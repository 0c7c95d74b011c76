"""Writing products and their pictures."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import delete, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.product.catalogue import CreateProduct, Product, UpdateProduct
from serai.contracts.product.media import Image
from serai.product.catalogue import actions
from serai.product.deps import Deps
from serai.product.media import upload
from serai.product.media.pictures import MAX_FILE_BYTES, MAX_UPLOAD_BYTES
from serai.product.response_cache import PRIVATE, CachedResponse, mark_replayed


@post("/api/products", needs="products:write")
async def create_product(
    request: Request, deps: NamedDependency[Deps], data: JSONBody[CreateProduct]
) -> Response[Product]:
    product, replayed = await actions.create_product(
        deps.changes, data, currency=deps.currency, by=request.caller.user, once=await request.idempotency()
    )
    answer = _written(product)
    answer.headers["location"] = f"/api/products/{product.id}"
    return mark_replayed(answer, replayed)


@put("/api/products/{id:str}", needs="products:write")
async def replace_product(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[UpdateProduct]
) -> Response[Product]:
    product = await actions.replace_product(
        deps.changes,
        parse_id(id),
        data,
        currency=deps.currency,
        by=request.caller.user,
        if_match=request.headers.get("if-match"),
    )
    return _written(product)


@delete("/api/products/{id:str}", needs="products:write")
async def archive_product(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> None:
    await actions.archive_product(deps.changes, parse_id(id), if_match=request.headers.get("if-match"))


@post(
    "/api/products/{id:str}/images",
    needs="media:write",
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
    async with deps.opener.place():
        body = await request.body()
        sent = await asyncio.to_thread(upload.read, request.content_type, body, max_file_bytes=MAX_FILE_BYTES)
        image, replayed = await actions.add_image(
            deps.db,
            deps.changes,
            deps.opener,
            deps.files,
            product_id,
            sent.file,
            sent.alt,
            if_match=request.headers.get("if-match"),
            once=await request.idempotency(content=sent.digest),
        )
    return mark_replayed(Response(image, headers={"location": image.url, **PRIVATE}), replayed)


@delete("/api/products/{id:str}/images/{image_id:str}", needs="media:write")
async def remove_image(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], image_id: FromPath[str]
) -> None:
    await actions.remove_image(deps.changes, parse_id(id), parse_id(image_id), if_match=request.headers.get("if-match"))


def _written(product: Product) -> Response[Product]:
    answer: Response[Any] = Response(
        product, headers={"etag": CachedResponse.of(product, product.version).etag, **PRIVATE}
    )
    return answer


ROUTES = [create_product, replace_product, archive_product, add_image, remove_image]
