"""How many processes there are of each part: what `--replicas` says, read strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from serai import topology

#: What there can be several of. PostgreSQL is one server, and the sandbox stands in for the one world outside.
NAMES = (*topology.BY_NAME, "gateway")
MOST = 8
_SINGLE = ("postgres", "sandbox")


def read(texts: Iterable[str]) -> dict[str, int]:
    """The numbers in texts like "order=2,gateway=2". Raises ValueError, which says what to write instead."""
    numbers: dict[str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        name, count = _one(part)
        if numbers.setdefault(name, count) != count:
            raise ValueError(f"{name} is given twice, as {numbers[name]} and as {count}")
    return numbers


def of(replicas: Mapping[str, int], name: str) -> range:
    """The numbers that the instances of `name` carry."""
    return range(1, replicas.get(name, 1) + 1)


def _one(part: str) -> tuple[str, int]:
    name, _, count = part.partition("=")
    if name in _SINGLE:
        raise ValueError(f"there is only one {name}")
    if name not in NAMES:
        raise ValueError(f"nothing is called {name!r}; there are {', '.join(NAMES)}")
    if not (count.isascii() and count.isdigit() and 1 <= int(count) <= MOST):
        raise ValueError(f"{part!r}: write NAME=N with N from 1 to {MOST}, as in order=2,gateway=2")
    return name, int(count)
