"""The pictures of the demo shop, which come with the program: drawn by `scripts/pictures`, read from one file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zipfile import ZipFile

import msgspec

from serai.product.media.pictures import Picture

_FILE = Path(__file__).with_name("demo_pictures.zip")
#: Which picture each good has, by the good's name.
INDEX = "index.json"


def pictures() -> dict[str, Picture]:
    """By the name of the good."""
    with ZipFile(_FILE) as file:
        return msgspec.json.decode(file.read(INDEX), type=dict[str, Picture])


def packaged(name: str) -> bytes | None:
    """A file of a picture."""
    if name not in _names():
        return None
    with ZipFile(_FILE) as file:
        return file.read(name)


@cache
def _names() -> frozenset[str]:
    with ZipFile(_FILE) as file:
        return frozenset(file.namelist())
