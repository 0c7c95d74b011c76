"""Reads the pictures of the demo products. `tools/pictures` draws them and writes the zip file."""

from __future__ import annotations

from zipfile import ZipFile

import msgspec

from serai.demo import PICTURES
from serai.product.media.pictures import Picture

#: The file in the archive that maps product names to pictures.
INDEX = "index.json"


def pictures() -> dict[str, Picture]:
    """Pictures by product name."""
    with ZipFile(PICTURES) as file:
        return msgspec.json.decode(file.read(INDEX), type=dict[str, Picture])
