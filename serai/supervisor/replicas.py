"""The number of processes per service: parses `--replicas`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from serai import topology

#: Names that can have replicas. There is one PostgreSQL server and one sandbox.
NAMES = (*topology.BY_NAME, "gateway")
MAX_REPLICAS = 8
_SINGLE = ("postgres", "sandbox")


def parse(texts: Iterable[str]) -> dict[str, int]:
    """Parse texts like "order=2,gateway=2". Raises ValueError, which says what to write instead."""
    numbers: dict[str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, count = _parse_one(part)
        if numbers.setdefault(name, count) != count:
            raise ValueError(f"{name} is given twice, as {numbers[name]} and as {count}")
    return numbers


def numbers(replicas: Mapping[str, int], name: str) -> range:
    """The numbers of the instances of `name`."""
    return range(1, replicas.get(name, 1) + 1)


def _parse_one(part: str) -> tuple[str, int]:
    name, _, count = part.partition("=")
    if name in _SINGLE:
        raise ValueError(f"there is only one {name}")
    if name not in NAMES:
        raise ValueError(f"there is no {name!r}; there are {', '.join(NAMES)}")
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= MAX_REPLICAS):
        raise ValueError(f"{part!r}: use NAME=N with N from 1 to {MAX_REPLICAS}, as in order=2,gateway=2")
    return name, int(count)
