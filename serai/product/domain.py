"""The rules of catalogue and stock, free of I/O: what a sellable product looks like, what it is called in a URL, which
end a hold may come to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

from serai.chassis.errors import Invalid, PreconditionFailed
from serai.chassis.ids import new_id
from serai.commerce.money import Money

MAX_SLUG = 80
#: A variant with no more units than this is low on stock.
LOW_STOCK = 5

#: Where a range of prices may end, in minor units: at what people call a round sum.
PRICE_STEPS = tuple(step * 10**power for power in range(10) for step in (100, 250, 500))
MAX_PRICE_RANGES = 6

HoldStatus = Literal["held", "committed", "released", "returned"]
HoldEnd = Literal["committed", "released", "returned"]

#: How a hold may end, by what it is now: the status it must have had for the step to have been done before.
DONE_BEFORE: dict[HoldEnd, frozenset[HoldStatus]] = {
    "committed": frozenset({"committed", "returned"}),
    "released": frozenset({"released"}),
    "returned": frozenset({"returned"}),
}
#: The status each step starts from.
STARTS_FROM: dict[HoldEnd, HoldStatus] = {"committed": "held", "released": "held", "returned": "committed"}


class OptionLike(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def values(self) -> Sequence[str]: ...


class VariantLike(Protocol):
    @property
    def sku(self) -> str: ...
    @property
    def options(self) -> Mapping[str, str]: ...
    @property
    def price(self) -> Money: ...


def require_sellable(
    options: Sequence[OptionLike], variants: Sequence[VariantLike], currency: str, *, listed: bool
) -> None:
    """Every variant takes one declared value for every option, no two the same, all priced in the shop's currency.
    `listed` says whether the variants were given as such, or as fields of the product. Raises `Invalid` with
    everything that is wrong."""
    errors: list[dict[str, str]] = []
    declared: dict[str, Sequence[str]] = {}
    for at, option in enumerate(options):
        if option.name in declared:
            errors.append({"field": f"options.{at}.name", "message": "is declared twice"})
        if len(set(option.values)) != len(option.values):
            errors.append({"field": f"options.{at}.values", "message": "has a value twice"})
        declared[option.name] = option.values
    seen: set[frozenset[tuple[str, str]]] = set()
    for at, variant in enumerate(variants):
        place = f"variants.{at}." if listed else ""
        chosen, field = variant.options, f"{place}options"
        errors += [
            {"field": f"{field}.{name}", "message": "is not an option of this product"}
            for name in chosen
            if name not in declared
        ]
        for name, values in declared.items():
            if name not in chosen:
                errors.append({"field": f"{field}.{name}", "message": "is required"})
            elif chosen[name] not in values:
                errors.append({"field": f"{field}.{name}", "message": "is not among the option's values"})
        combination = frozenset(chosen.items())
        if combination in seen:
            errors.append({"field": field, "message": "is the same as another variant's"})
        seen.add(combination)
        if variant.price.currency != currency:
            errors.append({"field": f"{place}price.currency", "message": f"is not the shop's, {currency}"})
    if errors:
        raise Invalid(errors=errors)


def slugs_of(name: str, product_id: UUID) -> list[str]:
    """The name as a part of a URL (ASCII, lower case, words joined by hyphens; never one that could be read as an id),
    and what to call the product where another one is called that: the end of a UUIDv7 is random."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", re.sub(r"['\u2019]", "", ascii_name)).strip("-")[:MAX_SLUG].rstrip("-")
    if not slug or is_id(slug):
        slug = f"product-{slug}".rstrip("-")
    return [slug, f"{slug}-{product_id.hex[-8:]}", f"{slug}-{product_id.hex}"]


def image_ids(wanted: Sequence[tuple[UUID | None, str]], before: Sequence[tuple[UUID, str]]) -> list[UUID]:
    """What each image (id if given, url) of a product is called, where it had those `before`: one that is told by its
    id stays itself, one that is told by its url alone too, and the others are new. Raises `Invalid`."""
    free = dict(before)
    errors = []
    for at, (image_id, _) in enumerate(wanted):
        if image_id is not None and free.pop(image_id, None) is None:
            errors.append({"field": f"images.{at}.id", "message": "is not an image of this product, or given twice"})
    if errors:
        raise Invalid(errors=errors)
    ids = []
    for image_id, url in wanted:
        found = image_id or next((one for one, its_url in free.items() if its_url == url), None)
        ids.append(found or new_id())
        free.pop(ids[-1], None)
    return ids


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


def is_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def is_slug(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Za-z-]{1,120}", text) is not None


def keywords(
    category: str | None,
    attributes: Mapping[str, str],
    options: Sequence[OptionLike],
    variants: Sequence[VariantLike],
) -> str:
    """What a product is found by beside its name and description."""
    words = [category.replace("-", " ")] if category else []
    words += attributes.values()
    words += [value for option in options for value in option.values]
    words += [variant.sku for variant in variants]
    return "\n".join(dict.fromkeys(words))


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


def require_version(if_match: str | None, version: int) -> None:
    """Compare the version at the start of an ETag of ours (`W/"3-…"`, or plainly `"3"`); stock, which may change at
    any moment, is in the rest of the tag and does not count. Raises `PreconditionFailed`."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = re.findall(r'"(\d+)(?:-[^"]*)?"', if_match)
    if str(version) not in tags:
        raise PreconditionFailed


def order_of(hold_id: str) -> UUID | None:
    """The order a hold is for: holds are named after it, with a suffix when it is not the first."""
    head = hold_id.partition(":")[0]
    return UUID(head) if is_id(head) else None
