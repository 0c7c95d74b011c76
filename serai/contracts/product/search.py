"""Lists of products: pages, facets and categories."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from serai.chassis.http.page import Page
from serai.commerce.money import Money
from serai.contracts.product.catalogue import Status
from serai.contracts.product.media import Image

Sort = Literal["relevance", "newest", "price", "-price", "name"]


class ProductItem(msgspec.Struct, frozen=True, kw_only=True):
    """A product in a list. `default_variant_id` is there when there is just one variant."""

    id: UUID
    slug: str
    name: str
    status: Status
    category: str | None
    images: list[Image]
    price: Money
    in_stock: bool
    variant_count: int
    default_variant_id: UUID | msgspec.UnsetType = msgspec.UNSET
    version: int
    created_at: datetime
    updated_at: datetime


class FacetValue(msgspec.Struct, frozen=True):
    value: str
    count: int


class PriceFacet(msgspec.Struct, frozen=True):
    """How many products cost from `min_price` to `max_price`, both included and in minor units: what the list takes
    under these names. The dearest range has no `max_price`."""

    value: str
    min_price: int
    max_price: int | None
    count: int


class Facets(msgspec.Struct, frozen=True):
    """How the products found spread: over all categories, whichever was asked for, and likewise over all prices."""

    category: list[FacetValue]
    price: list[PriceFacet]


class ProductPage(msgspec.Struct, frozen=True):
    items: list[ProductItem]
    next_cursor: str | None
    facets: Facets | msgspec.UnsetType = msgspec.UNSET


class CategoryItem(msgspec.Struct, frozen=True):
    slug: str
    name: str
    count: int


CategoryPage = Page[CategoryItem]
