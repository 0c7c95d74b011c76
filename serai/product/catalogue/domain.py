"""The rules of products, without I/O: valid variants, slugs, keywords, versions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from serai.chassis.errors import Invalid, PreconditionFailed
from serai.chassis.ids import is_id
from serai.commerce.currency import CURRENCIES
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
    """Check that every variant has one declared value for each option, that no two have the same values, and that all
    prices are in the shop's currency and can be charged in it. `listed`: errors name fields of `variants`; otherwise
    fields of the product. Raises `Invalid` with all errors."""
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
        elif variant.price.amount % (step := CURRENCIES[currency].step):
            shown = CURRENCIES[currency].text(step)
            errors.append({"field": f"{place}price.amount", "message": f"must be a multiple of {shown} {currency}"})
    if errors:
        raise Invalid(errors=errors)


def slugs_of(name: str, product_id: UUID) -> list[str]:
    """Candidates for the slug, in order of preference: the name in ASCII and lower case with hyphens, then the same
    with an end of the product's id, for when the first is taken (the end of a UUIDv7 is random). No slug has the form
    of an id."""
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
    """The text by which search finds a product, beside its name and description."""
    words = [category.replace("-", " ")] if category else []
    words += attributes.values()
    words += [value for option in options for value in option.values]
    words += [variant.sku for variant in variants]
    return "\n".join(dict.fromkeys(words))


def require_version(if_match: str | None, version: int) -> None:
    """Compare the version at the start of the ETag (`W/"3-…"` or `"3"`). The rest of the tag depends on the stock too,
    which changes at any time, and is not compared. Raises `PreconditionFailed`."""
    if if_match is None or if_match.strip() == "*":
        return
    tags = re.findall(r'"(\d+)(?:-[^"]*)?"', if_match)
    if str(version) not in tags:
        raise PreconditionFailed
