"""What people type into the search field: things, things with a material or a make, and every fifth time a typo."""

from __future__ import annotations

import random

from tools.bench.vocabulary import CATEGORIES, COLLECTIONS, COLOURS, QUALITIES

_TYPO_SHARE = 0.2
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def searches(count: int, seed: int = 1) -> list[str]:
    """So many searches, popular ones several times, the same for the same seed."""
    chance = random.Random(seed)
    return [_search(chance) for _ in range(count)]


def _search(chance: random.Random) -> str:
    materials, _, things = CATEGORIES[chance.choice(list(CATEGORIES))]
    thing, material = chance.choice(list(things)), chance.choice(materials)
    words = chance.choices(
        (
            thing,
            f"{material} {thing}",
            f"{chance.choice(QUALITIES)} {material} {thing}",
            f"{chance.choice(COLLECTIONS).lower()} {thing}",
            f"{chance.choice(COLOURS).lower()} {thing}",
            material,
        ),
        weights=(35, 30, 10, 15, 5, 5),
    )[0]
    return misspelt(words, chance) if chance.random() < _TYPO_SHARE else words


def misspelt(words: str, chance: random.Random) -> str:
    """With one slip in one word of four letters or more: a letter lost, doubled, wrong, or two exchanged."""
    split = words.split(" ")
    long_enough = [at for at, word in enumerate(split) if len(word) >= 4]
    if not long_enough:
        return words
    at = chance.choice(long_enough)
    word = split[at]
    place = chance.randrange(1, len(word) - 1)
    split[at] = chance.choice(
        (
            word[:place] + word[place + 1 :],
            word[:place] + word[place] + word[place:],
            word[:place] + chance.choice(_LETTERS) + word[place + 1 :],
            word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        )
    )
    return " ".join(split)
