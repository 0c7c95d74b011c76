"""Reads which picture each demo product has. `tools/pictures` draws them and writes the zip file."""

from __future__ import annotations

from zipfile import ZipFile

import msgspec

from serai.demo import PICTURES
from serai.product.media.pictures import Picture

#: The file in the archive that says which picture a product has, by the product's name.
INDEX = "index.json"


def pictures() -> dict[str, Picture]:
    """By the name of the product."""
    with ZipFile(PICTURES) as file:
        return msgspec.json.decode(file.read(INDEX), type=dict[str, Picture])
