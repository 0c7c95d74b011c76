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
    """A product in a list. It has a `default_variant_id` if it has only one variant."""

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
    """The number of products that cost from `min_price` to `max_price`, inclusive and in minor units. The list's query
    parameters have the same names. The highest range has no `max_price`."""

    value: str
    min_price: int
    max_price: int | None
    count: int


class Facets(msgspec.Struct, frozen=True):
    """The numbers of found products by category and by price. The category filter does not affect the categories, nor
    the price filter the prices.
    """

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
