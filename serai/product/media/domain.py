"""The rules of images, free of I/O."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from serai.chassis.errors import Invalid
from serai.chassis.ids import new_id


def image_ids(wanted: Sequence[tuple[UUID | None, str]], before: Sequence[tuple[UUID, str]]) -> list[UUID]:
    """What each image (id if given, url) of a product is called, where it had those `before`: one that is told by its
    id stays itself, one that is told by its url alone too, and the others are new. Raises `Invalid`."""
    free = dict(before)
    errors = []
    for at, (image_id, _) in enumerate(wanted):
        if image_id is not None and free.pop(image_id, None) is None:
            errors.append({"field": f"images.{at}.id", "message": "is not an image of this product, or given twice"})
    if errors:
        raise Invalid(errors=errors)
    ids = []
    for image_id, url in wanted:
        found = image_id or next((one for one, its_url in free.items() if its_url == url), None)
        ids.append(found or new_id())
        free.pop(ids[-1], None)
    return ids
