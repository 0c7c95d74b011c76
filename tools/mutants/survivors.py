"""The list of mutants that no test notices, each with its reason, in `survivors.txt`. It may only shrink.

An entry:

    serai/order/pricing.py: totals
    - taxed = subtotal + method.amount
    + taxed = method.amount + subtotal
    because addition has no order

Entries are separated by an empty line. Lines that begin with # are comments. A change that can be made twice in a
function is listed twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tools.mutants.mutation import Change

_BECAUSE = "because "


class Malformed(Exception):
    """An entry of the list cannot be read; the message quotes it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    #: Survivors that are not listed.
    new: list[Change]
    #: Listed changes that a test notices now, or that can no longer be made.
    gone: list[Change]


def parse(text: str) -> list[tuple[Change, str]]:
    """Every listed change with its reason. Raises `Malformed`."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    blocks = "\n".join(lines).split("\n\n")
    return [_entry(block.strip("\n")) for block in blocks if block.strip()]


def _entry(block: str) -> tuple[Change, str]:
    head, *rest = block.splitlines()
    file, separator, function = head.partition(": ")
    removed = tuple(line[2:] for line in rest if line.startswith("- "))
    added = tuple(line[2:] for line in rest if line.startswith("+ "))
    reasons = [line.removeprefix(_BECAUSE) for line in rest if line.startswith(_BECAUSE) and line != _BECAUSE]
    if not separator or len(reasons) != 1 or len(removed) + len(added) + 1 != len(rest):
        raise Malformed(f"tools/mutants/survivors.txt: not a place, a change and a reason:\n{block}")
    return Change(file, function, removed, added), reasons[0]


def render(change: Change, reason: str) -> str:
    lines = [f"{change.file}: {change.function}"]
    lines += [f"- {line}" for line in change.removed]
    lines += [f"+ {line}" for line in change.added]
    return "\n".join([*lines, _BECAUSE + reason])


def compare(listed: Iterable[Change], survived: Iterable[Change], files: set[str]) -> Comparison:
    """What differs between the list and a run that covered `files`."""
    expected = Counter(change for change in listed if change.file in files)
    found = Counter(survived)
    return Comparison(sorted((found - expected).elements()), sorted((expected - found).elements()))
