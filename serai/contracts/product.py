"""What the product service tells and does for others: fresh facts of variants, and holds on stock.

A hold moves units from `available` to `held` for one order, all lines or none, and never expires by itself. It ends
in exactly one of two ways: committed (the units are sold) or released. Both ends are remembered for good, so that a
late repetition of an earlier step is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from serai.chassis.calls.client import ServiceClient
from serai.chassis.errors import Conflict, Invalid
from serai.chassis.http.page import Page
from serai.commerce.money import Money

MAX_LINES = 100
MAX_QUANTITY = 999
MAX_VARIANTS = 100
#: Units of one variant, and the most that one movement of stock may bring or take.
MAX_STOCK = 1_000_000

Quantity = Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]


class OutOfStock(Conflict):
    """Facts: `items` [{variant_id, requested, available}], or `available` where it is about one variant."""

    code, detail = "out_of_stock", "There is not enough stock."


class HoldClosed(Conflict):
    """The hold was released or committed before; nothing can be done under its id any more."""

    code, detail = "hold_closed", "This hold has ended."


class VariantRequired(Invalid):
    code, detail = "variant_required", "This product has several variants; say which."


class SkuTaken(Conflict):
    code, detail = "sku_taken", "Another variant has this SKU."


class StockTooLow(Conflict):
    """Facts: `available`, `held`. What is held for orders cannot be taken away."""

    code, detail = "stock_too_low", "There are fewer units than this would take."


class RequestDiffers(Conflict):
    code, detail = "request_differs", "Something else was asked for under this id before."


class ImageRefused(Invalid):
    """Its `errors` say why, in words for whoever sent the file."""

    code, detail = "image_refused", "This file cannot be used as a picture."


class TooManyImages(Conflict):
    code, detail = "too_many_images", "This product has as many pictures as it can have."


Status = Literal["draft", "active", "archived"]
Sort = Literal["relevance", "newest", "price", "-price", "name"]

# A pattern's `$` would let a final line break pass.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Category = Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)")]
Sku = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[!-~]([ -~]*[!-~])?$(?!\n)")]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"\S")]
Attributes = Annotated[
    dict[Label, Annotated[str, msgspec.Meta(min_length=1, max_length=500)]], msgspec.Meta(max_length=50)
]
Chosen = Annotated[dict[Label, Label], msgspec.Meta(max_length=5)]
Stock = Annotated[int, msgspec.Meta(ge=0, le=MAX_STOCK)]
ImageUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2000, pattern=r"^(/media(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+|https://[^\s\"'<>\\`{}|^]+)$(?!\n)"
    ),
]


Alt = Annotated[str, msgspec.Meta(max_length=300)]


class ImageSource(msgspec.Struct, frozen=True):
    """One file of a picture, as it stands in `srcset`."""

    url: str
    width: int


class Image(msgspec.Struct, frozen=True):
    """A picture of ours under `/media/`, or one elsewhere over https. Of our own its size is told, so that a page can
    leave room for it, and the same picture in several widths, the narrowest first; `url` is the widest."""

    id: UUID
    url: str
    alt: str = ""
    width: int | None = None
    height: int | None = None
    sources: list[ImageSource] = []


class ImageDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture that was uploaded, or one elsewhere over https. With the `id` of one that the product has it stays that
    one. The other members are there so that a picture can be sent as it was told; they change nothing."""

    url: ImageUrl
    alt: Alt = ""
    id: UUID | None = None
    width: int | None = None
    height: int | None = None
    sources: Annotated[list[ImageSource], msgspec.Meta(max_length=10)] = []


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something a buyer chooses, such as a size, and what there is to choose from."""

    name: Label
    values: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=50)]


MAX_IMAGES = 20
Images = Annotated[list[ImageDraft], msgspec.Meta(max_length=MAX_IMAGES)]
Options = Annotated[list[Option], msgspec.Meta(max_length=5)]
Description = Annotated[str, msgspec.Meta(max_length=20_000)]


class VariantDraft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: Sku
    price: Money
    stock: Stock
    options: Chosen = {}


class ProductDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new product: either with `variants`, or with `sku`, `price` and `stock` of the only one."""

    name: Name
    description: Description = ""
    category: Category | None = None
    attributes: Attributes = {}
    images: Images = []
    status: Status = "active"
    sku: Sku | None = None
    price: Money | None = None
    stock: Stock | None = None
    options: Options = []
    variants: Annotated[list[VariantDraft], msgspec.Meta(min_length=1, max_length=MAX_VARIANTS)] | None = None


class VariantChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An existing variant by its `id`, or a new one without; only a new one may bring `stock`."""

    sku: Sku
    price: Money
    options: Chosen = {}
    id: UUID | None = None
    stock: Stock | None = None


class ProductChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a product is from now on: what is left out becomes empty, and a variant that is missing is archived. Only
    `status` stays as it was when left out. Without `variants`, `sku` and `price` are those of the only one."""

    name: Name
    description: Description = ""
    category: Category | None = None
    attributes: Attributes = {}
    images: Images = []
    status: Status | None = None
    sku: Sku | None = None
    price: Money | None = None
    options: Options = []
    variants: Annotated[list[VariantChange], msgspec.Meta(min_length=1, max_length=MAX_VARIANTS)] | None = None


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


class StockChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units that came (or, negative, went) otherwise than by an order, and why."""

    variant_id: UUID
    delta: Annotated[int, msgspec.Meta(ge=-MAX_STOCK, le=MAX_STOCK)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]


class StockLevel(msgspec.Struct, frozen=True):
    """`on_hand` is what lies on the shelf: `held` for orders, and `available`."""

    variant_id: UUID
    on_hand: int
    held: int
    available: int


class StockMovement(msgspec.Struct, frozen=True):
    """A change of what is on hand; `by` is the admin who made it, `order_id` the order that did."""

    variant_id: UUID
    delta: int
    reason: str
    order_id: UUID | None
    by: UUID | None
    at: datetime


StockLedger = Page[StockMovement]


class VariantFacts(msgspec.Struct, frozen=True):
    """A variant as it is now. `available` is 0 for one that can no longer be bought."""

    variant_id: UUID
    product_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    image: str | None
    unit_price: Money
    available: int


class VariantsAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_LINES)]


class Variants(msgspec.Struct, frozen=True):
    """Facts of the variants asked for, in any order; one that never existed is left out, an archived one is told."""

    items: list[VariantFacts]


class VariantChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    product_id: UUID
    variant_id: UUID | None = None


class HoldLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: Quantity


class HoldAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: Annotated[list[HoldLine], msgspec.Meta(min_length=1, max_length=MAX_LINES)]


class HeldLine(msgspec.Struct, frozen=True):
    """What was held, under the name and price that the order is made with."""

    variant_id: UUID
    product_id: UUID
    sku: str
    name: str
    options: dict[str, str]
    unit_price: Money
    quantity: int


class Held(msgspec.Struct, frozen=True):
    lines: list[HeldLine]


class ProductClient(ServiceClient):
    callee = "product"

    async def variants(self, variant_ids: list[UUID]) -> list[VariantFacts]:
        """Names, prices and availability as of now."""
        asked = VariantsAsked(variant_ids)
        answer = await self._call("variants", "POST", "/internal/variants", Variants, body=asked, retryable=True)
        return answer.items

    async def choose(self, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
        """The variant somebody puts into a cart. Raises `NotFound` (not for sale), `VariantRequired`."""
        asked = VariantChoice(product_id, variant_id)
        return await self._call("choose", "POST", "/internal/choices", VariantFacts, body=asked, retryable=True)

    async def hold(self, hold_id: str, lines: list[HoldLine]) -> list[HeldLine]:
        """Hold all lines or none; repeating it answers the first answer. Raises `OutOfStock`, `HoldClosed`."""
        path = f"/internal/holds/{hold_id}"
        answer = await self._call("hold", "PUT", path, Held, body=HoldAsked(lines), timeout_s=5.0, retryable=True)
        return answer.lines

    async def commit(self, hold_id: str) -> None:
        """Held becomes sold. Raises `HoldClosed` for a hold that was released, `NotFound` for one that never was."""
        await self._call("commit_hold", "POST", f"/internal/holds/{hold_id}/commit", type(None), retryable=True)

    async def release(self, hold_id: str) -> None:
        """Held becomes available again, and a late hold under this id is refused. Raises `HoldClosed` if committed."""
        await self._call("release_hold", "POST", f"/internal/holds/{hold_id}/release", type(None), retryable=True)

    async def put_back(self, hold_id: str) -> None:
        """Units sold under this hold return to stock, once. Raises `NotFound` for a hold that was not committed."""
        await self._call("return_hold", "POST", f"/internal/holds/{hold_id}/return", type(None), retryable=True)
