"""Realistic search terms: things, things with a material or a collection, and every fifth time a typo."""

from __future__ import annotations

import random

from tools.bench.vocabulary import CATEGORIES, COLLECTIONS, COLOURS, QUALITIES

_TYPO_SHARE = 0.2
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def searches(count: int, seed: int = 1) -> list[str]:
    """So many searches, popular ones several times; the same for the same seed."""
    rng = random.Random(seed)
    return [_search(rng) for _ in range(count)]


def _search(rng: random.Random) -> str:
    materials, _, things = CATEGORIES[rng.choice(list(CATEGORIES))]
    thing, material = rng.choice(list(things)), rng.choice(materials)
    words = rng.choices(
        (
            thing,
            f"{material} {thing}",
            f"{rng.choice(QUALITIES)} {material} {thing}",
            f"{rng.choice(COLLECTIONS).lower()} {thing}",
            f"{rng.choice(COLOURS).lower()} {thing}",
            material,
        ),
        weights=(35, 30, 10, 15, 5, 5),
    )[0]
    return misspelt(words, rng) if rng.random() < _TYPO_SHARE else words


def misspelt(words: str, rng: random.Random) -> str:
    """With one typo in one word of four letters or more: a letter missing, doubled, wrong, or two exchanged."""
    split = words.split(" ")
    long_enough = [at for at, word in enumerate(split) if len(word) >= 4]
    if not long_enough:
        return words
    at = rng.choice(long_enough)
    word = split[at]
    place = rng.randrange(1, len(word) - 1)
    split[at] = rng.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + rng.choice(_LETTERS) + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )
    return " ".join(split)
