"""The rules of lists, free of I/O: price ranges, and the correction of misspelt words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: A variant with no more units than this is low on stock.
LOW_STOCK = 5
#: Where a range of prices may end, in minor units: at what people call a round sum.
PRICE_STEPS = tuple(step * 10**power for power in range(10) for step in (100, 250, 500))
MAX_PRICE_RANGES = 6


def price_ranges(counts: Mapping[int, int]) -> list[tuple[int, int | None, int]]:
    """(from, to, how many) of neighbouring ranges, both ends included, that together hold every price there can be.
    `counts` is how many there are below the first of `PRICE_STEPS` (0), from it to the second (1), and so on."""
    found = [(step, counts[step]) for step in sorted(counts) if counts[step]]
    while len(found) > MAX_PRICE_RANGES:
        at = min(range(len(found) - 1), key=lambda one: found[one][1] + found[one + 1][1])
        found[at : at + 2] = [(found[at][0], found[at][1] + found[at + 1][1])]
    starts = [0, *(PRICE_STEPS[step - 1] for step, _ in found[1:])]
    ends = [*(start - 1 for start in starts[1:]), None]
    return [(start, end, count) for start, end, (_, count) in zip(starts, ends, found, strict=True)] if found else []


def is_slug(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Za-z-]{1,120}", text) is not None


def corrected(typed: str, alike: Mapping[str, Sequence[str]]) -> str:
    """What was typed, with each word in `alike` replaced by what was probably meant: a word that begins like it, else
    the one with the fewest letters wrong. A word that is like none of them stays."""

    def meant(match: re.Match[str]) -> str:
        word = match[0]
        candidates = alike.get(word, ())
        longer = next((one for one in candidates if one.startswith(word)), None)
        if longer is not None:
            return longer
        wrong, nearest = min(((letters_wrong(word, one), one) for one in candidates), default=(len(word), word))
        return nearest if wrong <= max(1, len(word) // 4) else word

    return re.sub(r"[^\W\d_]+", meant, typed)


def letters_wrong(typed: str, meant: str) -> int:
    """Letters missing, added, replaced, or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for i, letter in enumerate(typed, 1):
        before, above, row = row, before, [i]
        for j, other in enumerate(meant, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and typed[i - 2] == other:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]


def category_name(slug: str) -> str:
    return slug.replace("-", " ").capitalize()
