"""Merges a partial change into a product, so that PATCH and PUT are validated and written by the same code.

Fields are matched by name: a field that is added to `Product`, `UpdateProduct` and `PatchProduct` needs nothing here.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from serai.chassis.errors import Invalid
from serai.chassis.http import body
from serai.contracts.product.catalogue import PatchProduct, Product, UpdateProduct, UpdateVariant, Variant


def _writable(read: type[msgspec.Struct], written: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(read.__struct_fields__) & frozenset(written.__struct_fields__)


#: The fields that are read and written under the same name, with the same meaning. A product's price is read as that of
#: its cheapest variant, and the stock of an existing variant is only changed by its ledger.
_PRODUCT: Final = _writable(Product, UpdateProduct) - {"price", "variants"}
_VARIANT: Final = _writable(Variant, UpdateVariant) - {"stock"}


def merge(product: Product, patch: PatchProduct) -> UpdateProduct | None:
    """The current product with the fields of `patch` replaced; None if nothing differs. Raises `Invalid`."""
    before = _fields(msgspec.to_builtins(product))
    given = msgspec.to_builtins(patch)
    after = before | given
    if "attributes" in given:
        attributes = before["attributes"] | given["attributes"]
        after["attributes"] = {name: value for name, value in attributes.items() if value is not None}
    if "variants" in given:
        known = {variant["id"]: variant for variant in before["variants"]}
        after["variants"] = [known.get(variant["id"], {}) | _given(variant) for variant in given["variants"]]
    elif only := {name: after.pop(name) for name in ("sku", "price") if name in after}:
        if len(before["variants"]) != 1:
            raise Invalid(errors=[{"field": "variants", "message": "is required: the product has several"}])
        after["variants"] = [before["variants"][0] | only]
    if after == before:
        return None
    merged: UpdateProduct = body.convert(after, UpdateProduct)
    return merged


def _fields(product: dict[str, Any]) -> dict[str, Any]:
    variants = [{name: variant[name] for name in _VARIANT} for variant in product["variants"]]
    return {name: product[name] for name in _PRODUCT} | {"variants": variants}


def _given(variant: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variant.items() if value is not None}
