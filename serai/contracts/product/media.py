"""Images of products: requests and responses."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from serai.chassis.errors import Conflict, Invalid

MAX_IMAGES = 20


class ImageRefused(Invalid):
    """Its `errors` have the reasons, worded for the person who sent the file."""

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
    """One file of an image, as an entry of `srcset`."""

    url: str
    width: int


class Image(msgspec.Struct, frozen=True):
    """An uploaded image under `/media/`, or an image elsewhere over https. An uploaded image has its size, so that
    pages can reserve its space, and the same image in several widths, the narrowest first; `url` is the widest.
    """

    id: UUID
    url: str
    alt: str = ""
    width: int | None = None
    height: int | None = None
    sources: list[ImageSource] = []


class ImageReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An uploaded image, or an image elsewhere over https. The `id` of an image of the product keeps that image. The
    other fields are accepted so that an image can be sent back as it was received; they change nothing.
    """

    url: ImageUrl
    alt: Alt = ""
    id: UUID | None = None
    width: int | None = None
    height: int | None = None
    sources: Annotated[list[ImageSource], msgspec.Meta(max_length=10)] = []


Images = Annotated[list[ImageReference], msgspec.Meta(max_length=MAX_IMAGES)]
