"""A list of faults that tests have injected and that are not used up yet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

MAX_FAULTS = 1_000


class BadFault(Exception):
    """The description of a fault is invalid; the message says why."""


class CountedFault(Protocol):
    id: str
    #: How many requests it still affects, and how many it has affected.
    count: int
    hits: int

    def public(self) -> dict[str, Any]: ...


F = TypeVar("F", bound=CountedFault)


class FaultList(Generic[F]):
    """Kept in memory only. `parse` creates a fault from an id and a request body, or raises `BadFault`."""

    def __init__(self, parse: Callable[[str, Any], F]) -> None:
        self._parse = parse
        self._faults: list[F] = []
        self._numbers = count(1)

    def add(self, fields: Any) -> F:
        """Raises `BadFault`."""
        if len(self._faults) >= MAX_FAULTS:
            raise BadFault(f"there are already {MAX_FAULTS} faults")
        fault = self._parse(f"fault_{next(self._numbers)}", fields)
        self._faults.append(fault)
        return fault

    def all(self) -> list[F]:
        return list(self._faults)

    def remove(self, identifier: str | None = None) -> int:
        """Remove one fault, or all of them. Returns the number removed."""
        keep = [fault for fault in self._faults if identifier is not None and fault.id != identifier]
        removed = len(self._faults) - len(keep)
        self._faults = keep
        return removed

    def take_first(self, matches: Callable[[F], bool]) -> F | None:
        """Use up one hit of the oldest matching fault."""
        for fault in self._faults:
            if matches(fault):
                fault.hits += 1
                fault.count -= 1
                if fault.count == 0:
                    self._faults.remove(fault)
                return fault
        return None


def fields_of(fields: Any, known: set[str]) -> dict[str, Any]:
    """Check that the request body is an object with known fields only. Raises `BadFault`."""
    if not isinstance(fields, dict):
        raise BadFault("a fault must be an object")
    if unknown := fields.keys() - known:
        raise BadFault(f"unknown fields: {', '.join(sorted(unknown))}")
    return fields
