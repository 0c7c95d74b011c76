"""The faults that tests have asked for and that have not struck yet, whatever they are aimed at."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

MAX_FAULTS = 1_000


class BadFault(Exception):
    """The request for a fault makes no sense; its text says why."""


class CountedFault(Protocol):
    id: str
    #: How many requests it still strikes, and how many it has struck.
    count: int
    hits: int

    def public(self) -> dict[str, Any]: ...


F = TypeVar("F", bound=CountedFault)


class FaultList(Generic[F]):
    """In memory only. `parse` makes a fault from an id and the body of a request, or raises `BadFault`."""

    def __init__(self, parse: Callable[[str, Any], F]) -> None:
        self._parse = parse
        self._faults: list[F] = []
        self._numbers = count(1)

    def add(self, asked: Any) -> F:
        """Raises `BadFault`."""
        if len(self._faults) >= MAX_FAULTS:
            raise BadFault(f"there are {MAX_FAULTS} faults already")
        fault = self._parse(f"fault_{next(self._numbers)}", asked)
        self._faults.append(fault)
        return fault

    def all(self) -> list[F]:
        return list(self._faults)

    def remove(self, identifier: str | None = None) -> int:
        """Remove one fault, or all of them; returns how many there were."""
        keep = [fault for fault in self._faults if identifier is not None and fault.id != identifier]
        removed = len(self._faults) - len(keep)
        self._faults = keep
        return removed

    def take_first(self, fits: Callable[[F], bool]) -> F | None:
        """Use up one hit of the oldest fault that fits."""
        for fault in self._faults:
            if fits(fault):
                fault.hits += 1
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
                return fault
        return None


def fields_of(asked: Any, known: set[str]) -> dict[str, Any]:
    """The object that was sent. Raises `BadFault` when it is none, or has other fields."""
    if not isinstance(asked, dict):
        raise BadFault("a fault is an object")
    if unknown := asked.keys() - known:
        raise BadFault(f"unknown fields: {', '.join(sorted(unknown))}")
    return asked
