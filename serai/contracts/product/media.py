"""Images of products: what a client sends, what it is answered."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from serai.chassis.errors import Conflict, Invalid

MAX_IMAGES = 20


class ImageRefused(Invalid):
    """Its `errors` say why, in words for whoever sent the file."""

    code, detail = "image_refused", "This file cannot be used as a picture."


class TooManyImages(Conflict):
    code, detail = "too_many_images", "This product has as many pictures as it can have."


ImageUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2000, pattern=r"^(/media(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+|https://[^\s\"'<>\\`{}|^]+)$(?!\n)"
    ),
]
Alt = Annotated[str, msgspec.Meta(max_length=300)]


class ImageSource(msgspec.Struct, frozen=True):
    """One file of a picture, as it stands in `srcset`."""

    url: str
    width: int


class Image(msgspec.Struct, frozen=True):
    """A picture of ours under `/media/`, or one elsewhere over https. Of our own its size is told, so that a page can
    leave room for it, and the same picture in several widths, the narrowest first; `url` is the widest."""

    id: UUID
    url: str
    alt: str = ""
    width: int | None = None
    height: int | None = None
    sources: list[ImageSource] = []


class ImageReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was uploaded, or one elsewhere over https. With the `id` of one that the product has it stays that
    one. The other members are there so that a picture can be sent as it was told; they change nothing."""

    url: ImageUrl
    alt: Alt = ""
    id: UUID | None = None
    width: int | None = None
    height: int | None = None
    sources: Annotated[list[ImageSource], msgspec.Meta(max_length=10)] = []


Images = Annotated[list[ImageReference], msgspec.Meta(max_length=MAX_IMAGES)]
