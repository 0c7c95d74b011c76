"""The rules of images, without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from serai.chassis.errors import Invalid
from serai.chassis.ids import new_id


def image_ids(images: Sequence[tuple[UUID | None, str]], before: Sequence[tuple[UUID, str]]) -> list[UUID]:
    """The ids of a product's new images, given as (id or None, URL). `before` are its current images. An image keeps
    its id if it is given by its id, or by the URL of a current image; others get new ids. Raises `Invalid`."""
    free = dict(before)
    errors = []
    for at, (image_id, _) in enumerate(images):
        if image_id is not None and free.pop(image_id, None) is None:
            errors.append({"field": f"images.{at}.id", "message": "is not an image of this product, or given twice"})
    if errors:
        raise Invalid(errors=errors)
    ids = []
    for image_id, url in images:
        found = image_id or next((one for one, its_url in free.items() if its_url == url), None)
        ids.append(found or new_id())
        free.pop(ids[-1], None)
    return ids
