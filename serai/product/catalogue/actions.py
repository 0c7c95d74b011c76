"""What an admin can do to products and their variants, one verb each; every action owns its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Invalid, NotFound
from serai.chassis.ids import new_id
from serai.contracts.product.catalogue import CreateProduct, CreateVariant, Product, UpdateProduct, UpdateVariant
from serai.contracts.product.media import MAX_IMAGES, Image, TooManyImages
from serai.product.catalogue import store
from serai.product.catalogue.domain import keywords, require_sellable, require_version, slugs_of
from serai.product.changes import Changes
from serai.product.media import actions as media
from serai.product.media.files import MediaFiles
from serai.product.media.pictures import ImageOpener


async def create_product(
    changes: Changes, draft: CreateProduct, *, currency: str, by: UUID, once: IdempotentRequest
) -> tuple[Product, bool]:
    """The product, and whether an earlier request with this key had made it. Raises `Invalid`, `SkuTaken`."""
    async with changes.transaction() as (tx, changed):
        if (made := await once.bound_resource(tx)) is not None:
            return await _product(tx, UUID(made)), True
        variants = _drafted(draft)
        require_sellable(draft.options, variants, currency, listed=draft.variants is not None)
        product_id = new_id()
        images = await media.replace_images(tx, draft.images, [])
        values = _values(product_id, draft, variants, currency) | {"images": images, "status": draft.status}
        for slug in slugs_of(draft.name, product_id):
            if await store.insert_product(tx, values | {"slug": slug}):
                break
        rows = [_row(new_id(), at, variant) | {"initial": variant.stock} for at, variant in enumerate(variants)]
        await store.insert_variants(tx, product_id, rows, by)
        await store.learn_words(tx, product_id)
        await once.bind(tx, product_id)
        await changed(product_id)
        return await _product(tx, product_id), False


async def replace_product(
    changes: Changes, product_id: UUID, change: UpdateProduct, *, currency: str, by: UUID, if_match: str | None
) -> Product:
    """Raises `NotFound`, `PreconditionFailed`, `Invalid`, `SkuTaken`."""
    async with changes.transaction() as (tx, changed):
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        require_version(if_match, locked.version)
        variants = _changed(change, locked)
        require_sellable(change.options, variants, currency, listed=change.variants is not None)
        kept = {variant.id for variant in variants if variant.id is not None}
        images = await media.replace_images(tx, change.images, locked.images)
        values = _values(product_id, change, variants, currency) | {"images": images}
        await store.update_product(tx, values | {"status": change.status or locked.status})
        # New ones before missing ones go: a variant sent again without its id is refused as a taken SKU, where it would
        # otherwise quietly lose its stock.
        rows = [(variant, _row(variant.id or new_id(), at, variant)) for at, variant in enumerate(variants)]
        await store.update_variants(tx, [row for variant, row in rows if variant.id is not None])
        fresh = [row | {"initial": variant.stock or 0} for variant, row in rows if variant.id is None]
        await store.insert_variants(tx, product_id, fresh, by)
        await store.archive_variants(tx, list(locked.live - kept))
        await store.learn_words(tx, product_id)
        await changed(product_id)
        return await _product(tx, product_id)


async def archive_product(changes: Changes, product_id: UUID, *, if_match: str | None) -> None:
    """Take it out of the catalogue, where it still is in it. Raises `NotFound`, `PreconditionFailed`."""
    async with changes.transaction() as (tx, changed):
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        require_version(if_match, locked.version)
        await store.archive_product(tx, product_id)
        await changed(product_id)


async def add_image(
    db: Database,
    changes: Changes,
    opener: ImageOpener,
    files: MediaFiles,
    product_id: UUID,
    file: bytes,
    alt: str,
    *,
    if_match: str | None,
    once: IdempotentRequest,
) -> tuple[Image, bool]:
    """The image, last of the product's, and whether an earlier request with this key had added it. Raises `NotFound`,
    `PreconditionFailed`, `TooManyImages`, `ImageRefused`, and `Unavailable` where it could not be stored."""
    async with db.transaction() as tx:
        if (made := await once.bound_resource(tx)) is not None:
            return await _image(tx, product_id, UUID(made)), True
        await _with_room(tx, product_id, if_match)
    picture = await media.take_in(db, opener, files, file)
    async with changes.transaction() as (tx, changed):
        if (made := await once.bound_resource(tx)) is not None:
            return await _image(tx, product_id, UUID(made)), True
        locked = await _with_room(tx, product_id, if_match)
        image = await media.show(tx, picture, alt)
        await store.set_images(tx, product_id, [*locked.images, image])
        await once.bind(tx, image.id)
        await changed(product_id)
        return image, False


async def remove_image(changes: Changes, product_id: UUID, image_id: UUID, *, if_match: str | None) -> None:
    """Raises `NotFound`, `PreconditionFailed`."""
    async with changes.transaction() as (tx, changed):
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        left = [image for image in locked.images if image.id != image_id]
        if len(left) == len(locked.images):
            raise NotFound
        require_version(if_match, locked.version)
        await store.set_images(tx, product_id, left)
        await media.release(tx, locked.images, left)
        await changed(product_id)


async def read_products(conn: Connection, product_ids: Sequence[UUID]) -> list[Product]:
    """In any order; one that does not exist is left out."""
    return await store.products(conn, product_ids)


async def _product(tx: Connection, product_id: UUID) -> Product:
    product = next(iter(await store.products(tx, [product_id])), None)
    assert product is not None, "products are archived, never deleted"
    return product


async def _with_room(tx: Connection, product_id: UUID, if_match: str | None) -> store.Locked:
    """A product that can take one more image. Raises `NotFound`, `PreconditionFailed`, `TooManyImages`."""
    locked = await store.lock_product(tx, product_id)
    if locked is None:
        raise NotFound
    require_version(if_match, locked.version)
    if len(locked.images) >= MAX_IMAGES:
        raise TooManyImages(most=MAX_IMAGES)
    return locked


async def _image(tx: Connection, product_id: UUID, image_id: UUID) -> Image:
    """As it is now. Raises `NotFound` when it has been removed since."""
    product = await _product(tx, product_id)
    found = next((image for image in product.images if image.id == image_id), None)
    if found is None:
        raise NotFound
    return found


def _drafted(draft: CreateProduct) -> list[CreateVariant]:
    """The variants of a new product: those given, or the one made from its own SKU, price and stock."""
    if draft.variants is not None:
        _refuse_beside_variants({"sku": draft.sku, "price": draft.price, "stock": draft.stock})
        return draft.variants
    if draft.sku is None or draft.price is None or draft.stock is None:
        given = {"sku": draft.sku, "price": draft.price, "stock": draft.stock}
        raise Invalid(
            errors=[{"field": name, "message": "is required"} for name, value in given.items() if value is None]
        )
    return [CreateVariant(draft.sku, draft.price, draft.stock)]


def _changed(change: UpdateProduct, locked: store.Locked) -> list[UpdateVariant]:
    """The variants a product has from now on; each id is one of its own. Raises `Invalid`."""
    if change.variants is None:
        if change.sku is None or change.price is None:
            given = {"sku": change.sku, "price": change.price}
            raise Invalid(
                errors=[{"field": name, "message": "is required"} for name, value in given.items() if value is None]
            )
        if len(locked.live) != 1:
            raise Invalid(errors=[{"field": "variants", "message": "is required: the product has several"}])
        (only,) = locked.live
        return [UpdateVariant(change.sku, change.price, id=only)]
    _refuse_beside_variants({"sku": change.sku, "price": change.price})
    errors: list[dict[str, str]] = []
    seen: set[UUID] = set()
    for at, variant in enumerate(change.variants):
        if variant.id is None:
            continue
        if variant.id not in locked.live | locked.archived:
            errors.append({"field": f"variants.{at}.id", "message": "is not a variant of this product"})
        if variant.id in seen:
            errors.append({"field": f"variants.{at}.id", "message": "is given twice"})
        if variant.stock is not None:
            errors.append({"field": f"variants.{at}.stock", "message": "is moved by its ledger, not here"})
        seen.add(variant.id)
    if errors:
        raise Invalid(errors=errors)
    return change.variants


def _refuse_beside_variants(given: dict[str, object]) -> None:
    errors = [
        {"field": name, "message": "belongs into variants when there are any"}
        for name, value in given.items()
        if value is not None
    ]
    if errors:
        raise Invalid(errors=errors)


def _values(
    product_id: UUID,
    written: CreateProduct | UpdateProduct,
    variants: Sequence[CreateVariant | UpdateVariant],
    currency: str,
) -> dict[str, Any]:
    return {
        "id": product_id,
        "name": written.name,
        "description": written.description,
        "category": written.category,
        "attributes": written.attributes,
        "options": written.options,
        "currency": currency,
        "price_minor": min(variant.price.amount for variant in variants),
        "keywords": keywords(written.category, written.attributes, written.options, variants),
    }


def _row(variant_id: UUID, position: int, variant: CreateVariant | UpdateVariant) -> dict[str, Any]:
    return {
        "id": variant_id,
        "position": position,
        "sku": variant.sku,
        "options": variant.options,
        "price_minor": variant.price.amount,
    }
