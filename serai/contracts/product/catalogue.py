"""Products and their variants: what an admin writes and what everybody reads."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from serai.chassis.errors import Conflict
from serai.commerce.money import Money, MoneyIn
from serai.contracts.product.inventory import Stock
from serai.contracts.product.media import Image, Images

MAX_VARIANTS = 100


class SkuTaken(Conflict):
    code, detail = "sku_taken", "Another variant has this SKU."


Status = Literal["draft", "active", "archived"]
# A pattern's `$` would let a final line break pass.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Category = Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)")]
Sku = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[!-~]([ -~]*[!-~])?$(?!\n)")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"\S")]
Attributes = Annotated[
    dict[Label, Annotated[str, msgspec.Meta(min_length=1, max_length=500)]], msgspec.Meta(max_length=50)
]
Chosen = Annotated[dict[Label, Label], msgspec.Meta(max_length=5)]
Description = Annotated[str, msgspec.Meta(max_length=20_000)]


class Option(msgspec.Struct, frozen=True):
    """Something a buyer chooses, such as a size, and the values to choose from."""

    name: str
    values: list[str]


class OptionIn(Option, frozen=True, forbid_unknown_fields=True):
    """An option as a client may send it."""

    name: Label
    values: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=50)]


Options = Annotated[list[OptionIn], msgspec.Meta(max_length=5)]


class CreateVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: Sku
    price: MoneyIn
    stock: Stock
    options: Chosen = {}


class CreateProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new product: either with `variants`, or with `sku`, `price` and `stock` of the only one."""

    name: Name
    description: Description = ""
    category: Category | None = None
    attributes: Attributes = {}
    images: Images = []
    status: Status = "active"
    sku: Sku | None = None
    price: MoneyIn | None = None
    stock: Stock | None = None
    options: Options = []
    variants: Annotated[list[CreateVariant], msgspec.Meta(min_length=1, max_length=MAX_VARIANTS)] | None = None


class UpdateVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An existing variant by its `id`, or a new one without; only a new one may bring `stock`."""

    sku: Sku
    price: MoneyIn
    options: Chosen = {}
    id: UUID | None = None
    stock: Stock | None = None


class UpdateProduct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a product is from now on: what is left out becomes empty, and a variant that is missing is archived. Only
    `status` stays as it was when left out. Without `variants`, `sku` and `price` are those of the only one."""

    name: Name
    description: Description = ""
    category: Category | None = None
    attributes: Attributes = {}
    images: Images = []
    status: Status | None = None
    sku: Sku | None = None
    price: MoneyIn | None = None
    options: Options = []
    variants: Annotated[list[UpdateVariant], msgspec.Meta(min_length=1, max_length=MAX_VARIANTS)] | None = None


class VariantStock(msgspec.Struct, frozen=True):
    available: int


class Variant(msgspec.Struct, frozen=True):
    id: UUID
    sku: str
    options: dict[str, str]
    price: Money
    stock: VariantStock


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """`price` is that of the cheapest variant."""

    id: UUID
    slug: str
    name: str
    description: str
    status: Status
    category: str | None
    attributes: dict[str, str]
    images: list[Image]
    options: list[Option]
    variants: list[Variant]
    price: Money
    in_stock: bool
    version: int
    created_at: datetime
    updated_at: datetime
