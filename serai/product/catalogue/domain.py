"""The rules of products, free of I/O: what a sellable product looks like, and what it is called in a URL."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from serai.chassis.errors import Invalid, PreconditionFailed
from serai.chassis.ids import is_id
from serai.commerce.money import Money

MAX_SLUG = 80


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


def require_version(if_match: str | None, version: int) -> None:
    """Compare the version at the start of an ETag of ours (`W/"3-…"`, or plainly `"3"`); stock, which may change at
    any moment, is in the rest of the tag and does not count. Raises `PreconditionFailed`."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = re.findall(r'"(\d+)(?:-[^"]*)?"', if_match)
    if str(version) not in tags:
        raise PreconditionFailed
