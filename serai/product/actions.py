"""What can be done to the catalogue and its stock, one verb each; every action owns its transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import Invalid, NotFound, Unavailable
from serai.chassis.ids import new_id
from serai.contracts.product import (
    MAX_IMAGES,
    MAX_STOCK,
    HeldLine,
    HoldClosed,
    HoldLine,
    Image,
    ImageDraft,
    OutOfStock,
    Product,
    ProductChange,
    ProductDraft,
    RequestDiffers,
    StockChange,
    StockLevel,
    StockTooLow,
    TooManyImages,
    VariantChange,
    VariantDraft,
    VariantFacts,
    VariantRequired,
)
from serai.product import gallery, stock, store
from serai.product.domain import (
    DONE_BEFORE,
    STARTS_FROM,
    HoldEnd,
    image_ids,
    keywords,
    order_of,
    require_sellable,
    require_version,
    slugs_of,
)
from serai.product.media import Media
from serai.product.pictures import Studio, picture_of

#: It is rare to be overtaken once.
HOLD_TRIES = 5
#: Pages that were read before a picture left its product still ask for it.
LOOSE_FOR = timedelta(days=1)
MAX_SWEPT = 100


async def create_product(
    db: Database, draft: ProductDraft, *, currency: str, by: UUID, once: IdempotentRequest
) -> tuple[Product, bool]:
    """The product, and whether an earlier request with this key had made it. Raises `Invalid`, `SkuTaken`."""
    async with db.transaction() as tx:
        if (made := await once.made(tx)) is not None:
            return await _product(tx, UUID(made)), True
        variants = _drafted(draft)
        require_sellable(draft.options, variants, currency, listed=draft.variants is not None)
        product_id = new_id()
        images = await _images(tx, draft.images, [])
        values = _values(product_id, draft, variants, currency) | {"images": images, "status": draft.status}
        for slug in slugs_of(draft.name, product_id):
            if await store.insert_product(tx, values | {"slug": slug}):
                break
        rows = [_row(new_id(), at, variant) | {"initial": variant.stock} for at, variant in enumerate(variants)]
        await store.insert_variants(tx, product_id, rows, by)
        await store.learn_words(tx, product_id)
        await once.bind(tx, product_id)
        await store.tell_of_change(tx, product_id)
        return await _product(tx, product_id), False


async def replace_product(
    db: Database, product_id: UUID, change: ProductChange, *, currency: str, by: UUID, if_match: str | None
) -> Product:
    """Raises `NotFound`, `PreconditionFailed`, `Invalid`, `SkuTaken`."""
    async with db.transaction() as tx:
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        require_version(if_match, locked.version)
        variants = _changed(change, locked)
        require_sellable(change.options, variants, currency, listed=change.variants is not None)
        kept = {variant.id for variant in variants if variant.id is not None}
        images = await _images(tx, change.images, locked.images)
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
        await store.tell_of_change(tx, product_id)
        return await _product(tx, product_id)


async def archive_product(db: Database, product_id: UUID, *, if_match: str | None) -> None:
    """Take it out of the catalogue, where it still is in it. Raises `NotFound`, `PreconditionFailed`."""
    async with db.transaction() as tx:
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        require_version(if_match, locked.version)
        await store.archive_product(tx, product_id)
        await store.tell_of_change(tx, product_id)


async def add_image(
    db: Database,
    studio: Studio,
    media: Media,
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
        if (made := await once.made(tx)) is not None:
            return await _image(tx, product_id, UUID(made)), True
        await _with_room(tx, product_id, if_match)
    opened = await studio.open(file)
    picture = opened.picture
    async with db.connection() as conn:
        if not await gallery.note(conn, picture):
            raise Unavailable("This picture is just being removed; try again.")
    await media.put(opened.files)
    async with db.transaction() as tx:
        if (made := await once.made(tx)) is not None:
            return await _image(tx, product_id, UUID(made)), True
        locked = await _with_room(tx, product_id, if_match)
        if picture.name not in await gallery.use(tx, [picture.name]):
            raise Unavailable("This picture took too long to store; try again.")
        image = Image(new_id(), picture.url, alt, picture.width, picture.height, picture.sources)
        await store.set_images(tx, product_id, [*locked.images, image])
        await once.bind(tx, image.id)
        await store.tell_of_change(tx, product_id)
        return image, False


async def remove_image(db: Database, product_id: UUID, image_id: UUID, *, if_match: str | None) -> None:
    """Raises `NotFound`, `PreconditionFailed`."""
    async with db.transaction() as tx:
        locked = await store.lock_product(tx, product_id)
        if locked is None:
            raise NotFound
        left = [image for image in locked.images if image.id != image_id]
        if len(left) == len(locked.images):
            raise NotFound
        require_version(if_match, locked.version)
        await store.set_images(tx, product_id, left)
        await gallery.loosen(tx, _pictures(locked.images) - _pictures(left))
        await store.tell_of_change(tx, product_id)


async def sweep_pictures(db: Database, media: Media, loose_for: timedelta = LOOSE_FOR) -> int:
    """Delete what nothing has shown for so long, and what half an upload left behind; how many pictures that were."""
    async with db.connection() as conn:
        doomed = await gallery.doom(conn, loose_for, MAX_SWEPT)
    if doomed:
        await media.delete(file for picture in doomed for file in picture.files)
        async with db.connection() as conn:
            await gallery.forget(conn, [picture.name for picture in doomed])
    await media.tidy()
    return len(doomed)


async def adjust_stock(
    db: Database, product_id: UUID, change: StockChange, *, by: UUID, once: IdempotentRequest
) -> tuple[StockLevel, bool]:
    """The level after units came or went, and whether an earlier request with this key had moved them. Raises
    `NotFound`, `Invalid`, `StockTooLow`."""
    async with db.transaction() as tx:
        if (made := await once.made(tx)) is not None:
            return await stock.stock_level(tx, UUID(made)), True
        if change.delta == 0:
            raise Invalid(errors=[{"field": "delta", "message": "cannot be 0"}])
        moved = await stock.move_stock(tx, product_id, change.variant_id, change.delta, MAX_STOCK)
        if moved is None:
            raise NotFound
        fits, level = moved
        if not fits and change.delta > 0:
            raise Invalid(errors=[{"field": "delta", "message": f"would make more than {MAX_STOCK} available"}])
        if not fits:
            raise StockTooLow(available=level.available, held=level.held)
        await stock.note_movement(tx, product_id, change.variant_id, change.delta, change.reason, by)
        await once.bind(tx, change.variant_id)
        await store.tell_of_change(tx, product_id)
        return level, False


async def choose_variant(db: Database, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
    """The variant that is meant. Raises `NotFound`, `VariantRequired`."""
    async with db.connection() as conn:
        found = await store.choices(conn, product_id, variant_id)
    if not found:
        raise NotFound
    if len(found) > 1:
        raise VariantRequired(errors=[{"field": "variant_id", "message": "is required"}])
    return found[0]


async def hold_stock(db: Database, hold_id: str, lines: Sequence[HoldLine]) -> list[HeldLine]:
    """Hold all lines or none. Raises `OutOfStock` with every short line, `HoldClosed`, `RequestDiffers`, `Invalid`."""
    lines = sorted(lines, key=lambda line: line.variant_id)
    if len({line.variant_id for line in lines}) != len(lines):
        raise Invalid(errors=[{"field": "lines", "message": "has a variant twice"}])
    asked = hashlib.sha256(msgspec.json.encode(lines)).hexdigest()
    async with db.connection() as conn:
        held, short = await _hold(conn, hold_id, asked, lines)
        if held is not None:
            return held
        earlier = await stock.hold_of(conn, hold_id)
    if earlier is None:
        raise OutOfStock(items=short)
    if earlier.status != "held":
        raise HoldClosed
    if earlier.asked != asked:
        raise RequestDiffers
    return earlier.lines


async def _hold(
    conn: Connection, hold_id: str, asked: str, lines: Sequence[HoldLine]
) -> tuple[list[HeldLine] | None, list[dict[str, Any]]]:
    for _ in range(HOLD_TRIES):
        try:
            return await stock.hold(conn, hold_id, asked, lines)
        except stock.StockMoved:
            continue
    raise Unavailable("The stock changes too fast; try again.")


async def commit_hold(db: Database, hold_id: str) -> None:
    """Raises `HoldClosed`, `NotFound`."""
    async with db.connection() as conn:
        if not await _end(conn, hold_id, "committed"):
            earlier = await stock.hold_of(conn, hold_id)
            if earlier is None:
                raise NotFound
            if earlier.status not in DONE_BEFORE["committed"]:
                raise HoldClosed


async def release_hold(db: Database, hold_id: str) -> None:
    """Also where nothing was held, so that nothing will be. Raises `HoldClosed`."""
    async with db.connection() as conn:
        # A hold that arrives between the two statements is there when we look again.
        while not await _end(conn, hold_id, "released") and not await stock.forbid_hold(conn, hold_id):
            earlier = await stock.hold_of(conn, hold_id)
            assert earlier is not None, "holds are never deleted"
            if earlier.status in DONE_BEFORE["released"]:
                return
            if earlier.status != STARTS_FROM["released"]:
                raise HoldClosed


async def return_hold(db: Database, hold_id: str) -> None:
    """Raises `NotFound`."""
    async with db.connection() as conn:
        if not await _end(conn, hold_id, "returned"):
            earlier = await stock.hold_of(conn, hold_id)
            if earlier is None or earlier.status not in DONE_BEFORE["returned"]:
                raise NotFound


async def _end(conn: Connection, hold_id: str, end: HoldEnd) -> bool:
    return await stock.end_hold(conn, hold_id, STARTS_FROM[end], end, order_of(hold_id))


async def _product(tx: Connection, product_id: UUID) -> Product:
    product = await store.product(tx, product_id)
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


async def _images(tx: Connection, drafts: Sequence[ImageDraft], before: Sequence[Image]) -> list[Image]:
    """What a product shows from now on, where it showed `before`. Raises `Invalid`."""
    ids = image_ids([(draft.id, draft.url) for draft in drafts], [(image.id, image.url) for image in before])
    known = await gallery.use(tx, sorted({name for draft in drafts if (name := picture_of(draft.url))}))
    images, errors = [], []
    for at, (draft, image_id) in enumerate(zip(drafts, ids, strict=True)):
        name = picture_of(draft.url)
        picture = known.get(name) if name else None
        if picture is not None:
            images.append(Image(image_id, picture.url, draft.alt, picture.width, picture.height, picture.sources))
        elif name is None:
            images.append(Image(image_id, draft.url, draft.alt))
        else:
            errors.append({"field": f"images.{at}.url", "message": "is not a picture that was uploaded here"})
    if errors:
        raise Invalid(errors=errors)
    await gallery.loosen(tx, _pictures(before) - _pictures(images))
    return images


def _pictures(images: Sequence[Image]) -> set[str]:
    return {name for image in images if (name := picture_of(image.url))}


def _drafted(draft: ProductDraft) -> list[VariantDraft]:
    """The variants of a new product: those given, or the one made from its own SKU, price and stock."""
    if draft.variants is not None:
        _refuse_beside_variants({"sku": draft.sku, "price": draft.price, "stock": draft.stock})
        return draft.variants
    if draft.sku is None or draft.price is None or draft.stock is None:
        given = {"sku": draft.sku, "price": draft.price, "stock": draft.stock}
        raise Invalid(
            errors=[{"field": name, "message": "is required"} for name, value in given.items() if value is None]
        )
    return [VariantDraft(draft.sku, draft.price, draft.stock)]


def _changed(change: ProductChange, locked: store.Locked) -> list[VariantChange]:
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
        return [VariantChange(change.sku, change.price, id=only)]
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
    written: ProductDraft | ProductChange,
    variants: Sequence[VariantDraft | VariantChange],
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


def _row(variant_id: UUID, position: int, variant: VariantDraft | VariantChange) -> dict[str, Any]:
    return {
        "id": variant_id,
        "position": position,
        "sku": variant.sku,
        "options": variant.options,
        "price_minor": variant.price.amount,
    }
