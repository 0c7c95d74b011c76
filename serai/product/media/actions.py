"""What can be done to pictures: take one in, show it, and sweep those that nothing shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from serai.chassis.data.database import Connection, Database
from serai.chassis.errors import Invalid, Unavailable
from serai.chassis.ids import new_id
from serai.contracts.product.media import Image, ImageReference
from serai.product.media import store
from serai.product.media.domain import image_ids
from serai.product.media.files import MediaFiles
from serai.product.media.pictures import ImageOpener, Picture, picture_of

#: Pages that were read before a picture left its product still ask for it.
LOOSE_FOR = timedelta(days=1)
MAX_SWEPT = 100


async def sweep_pictures(db: Database, files: MediaFiles, loose_for: timedelta = LOOSE_FOR) -> int:
    """Delete what nothing has shown for so long, and what half an upload left behind; how many pictures that were."""
    async with db.connection() as conn:
        doomed = await store.doom(conn, loose_for, MAX_SWEPT)
    if doomed:
        await files.delete(file for picture in doomed for file in picture.files)
        async with db.connection() as conn:
            await store.forget(conn, [picture.name for picture in doomed])
    await files.tidy()
    return len(doomed)


async def take_in(db: Database, opener: ImageOpener, files: MediaFiles, file: bytes) -> Picture:
    """Store the picture in `file`; no product shows it yet. Raises `ImageRefused`, and `Unavailable` where it could not
    be stored."""
    opened = await opener.open(file)
    async with db.connection() as conn:
        if not await store.note(conn, opened.picture):
            raise Unavailable("This picture is just being removed; try again.")
    await files.put(opened.files)
    return opened.picture


async def show(tx: Connection, picture: Picture, alt: str) -> Image:
    """A new image of a picture that was taken in. Raises `Unavailable` when it has been deleted meanwhile."""
    if picture.name not in await store.use(tx, [picture.name]):
        raise Unavailable("This picture took too long to store; try again.")
    return Image(new_id(), picture.url, alt, picture.width, picture.height, picture.sources)


async def release(tx: Connection, before: Sequence[Image], after: Sequence[Image]) -> None:
    """A product shows the images `after` instead of `before`: the pictures left out may be deleted."""
    await store.loosen(tx, _pictures(before) - _pictures(after))


async def replace_images(tx: Connection, drafts: Sequence[ImageReference], before: Sequence[Image]) -> list[Image]:
    """What a product shows from now on, where it showed `before`. Raises `Invalid`."""
    ids = image_ids([(draft.id, draft.url) for draft in drafts], [(image.id, image.url) for image in before])
    known = await store.use(tx, sorted({name for draft in drafts if (name := picture_of(draft.url))}))
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
    await release(tx, before, images)
    return images


def _pictures(images: Sequence[Image]) -> set[str]:
    return {name for image in images if (name := picture_of(image.url))}
