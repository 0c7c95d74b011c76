"""Merging a partial change into a product, without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from serai.chassis.errors import Invalid
from serai.commerce.money import Money
from serai.contracts.product.catalogue import (
    Option,
    PatchProduct,
    Product,
    UpdateProduct,
    Variant,
    VariantStock,
)
from serai.contracts.product.media import Image
from serai.product.catalogue.merge import merge

NOW = datetime(2024, 1, 1, tzinfo=UTC)
SMALL, MEDIUM = UUID(int=1), UUID(int=2)
SHIRT = Product(
    id=UUID(int=9),
    slug="shirt",
    name="Shirt",
    description="Linen.",
    status="draft",
    category="clothing",
    attributes={"material": "linen"},
    images=[Image(UUID(int=3), "/media/a.webp", "A shirt", 640, 480)],
    options=[Option("size", ["S", "M"])],
    variants=[
        Variant(SMALL, "SHIRT-S", {"size": "S"}, Money(1500, "USD"), VariantStock(5)),
        Variant(MEDIUM, "SHIRT-M", {"size": "M"}, Money(1600, "USD"), VariantStock(0)),
    ],
    price=Money(1500, "USD"),
    in_stock=True,
    version=3,
    created_at=NOW,
    updated_at=NOW,
)


def merged(**patch: Any) -> dict[str, Any]:
    """Only the fields that differ from those of `SHIRT`, written as JSON."""
    change = merge(SHIRT, msgspec.convert(patch, PatchProduct))
    assert change is not None
    whole: dict[str, Any] = msgspec.to_builtins(change)
    same = msgspec.to_builtins(merge(SHIRT, PatchProduct(name="Other")))
    return {name: value for name, value in whole.items() if value != (same | {"name": "Shirt"})[name]}


def test_every_field_that_put_takes_can_be_patched() -> None:
    assert set(PatchProduct.__struct_fields__) == set(UpdateProduct.__struct_fields__)


def test_a_field_that_the_merge_has_never_heard_of_stays() -> None:
    change = merge(SHIRT, PatchProduct(name="Other"))
    assert change is not None
    for field in set(UpdateProduct.__struct_fields__) - {"name", "sku", "price", "variants"}:
        assert msgspec.to_builtins(getattr(change, field)) == msgspec.to_builtins(getattr(SHIRT, field)), field
    assert [(one.id, one.sku, one.options, one.price.amount) for one in change.variants or []] == [
        (one.id, one.sku, one.options, one.price.amount) for one in SHIRT.variants
    ]


def test_only_what_is_given_differs() -> None:
    assert merged(description="") == {"description": ""}
    assert merged(category=None) == {"category": None}
    assert merged(attributes={"fit": "slim"}) == {"attributes": {"material": "linen", "fit": "slim"}}
    assert merged(attributes={"material": None}) == {"attributes": {}}


@pytest.mark.parametrize(
    "patch", [{}, {"name": "Shirt"}, {"attributes": {}}, {"attributes": {"fit": None}}, {"status": "draft"}]
)
def test_there_is_nothing_to_write_when_nothing_differs(patch: dict[str, Any]) -> None:
    assert merge(SHIRT, msgspec.convert(patch, PatchProduct)) is None


def test_what_does_not_fit_after_merging_is_refused_by_its_path() -> None:
    with pytest.raises(Invalid) as refused:
        merged(variants=[{"id": str(SMALL)}, {"sku": "NEW"}])
    assert [error["field"] for error in refused.value.errors] == ["variants.1.price"]
    with pytest.raises(Invalid) as refused:
        merged(attributes={f"a{at}": "b" for at in range(50)})
    assert [error["field"] for error in refused.value.errors] == ["attributes"]
