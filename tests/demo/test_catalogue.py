"""The demo catalogue."""

from __future__ import annotations

import asyncio
from pathlib import Path

from serai.demo import PICTURES
from serai.demo.catalogue import add_products
from serai.demo.pictures import pictures
from serai.demo.products import PRODUCTS
from serai.product.media.archive import Archive
from tests.demo.conftest import WITH_PICTURES
from tests.product.conftest import replica
from tests.product.images import opened
from tests.product.shop import Shop
from tests.product.users import Users


async def test_demo_products_are_added_once(shop: Shop, database_url: str) -> None:
    counts = await asyncio.gather(add_products(database_url), add_products(database_url))
    assert sorted(counts) == [0, 120]
    assert await add_products(database_url) == 0
    categories = (await shop.get("/api/categories")).json()["items"]
    assert len(categories) == 8
    assert sum(category["count"] for category in categories) == 120


async def test_the_demo_catalogue_has_variety(shop: Shop, database_url: str) -> None:
    await add_products(database_url)
    items = await shop.items(limit=100)
    assert len({item["category"] for item in items[:8]}) == 8
    assert len(await shop.items(in_stock="false")) == 4
    assert sum(item["variant_count"] > 1 for item in items) > 40
    desk = (await shop.get("/api/products/walnut-writing-desk")).json()
    assert [variant["price"]["amount"] for variant in desk["variants"]] == [64900, 72900, 80900]
    assert "Walnut writing desk" in (await shop.names(q="walnt desk"))[:2]
    assert "Wireless headphones" in await shop.names(q="hedphones")


async def test_every_product_of_the_demo_shop_has_a_picture(
    shop: Shop, database_url: str, users: Users, tmp_path: Path
) -> None:
    await add_products(database_url)
    first = (await shop.get("/api/products", limit=100)).json()
    rest = await shop.items(limit=100, cursor=first["next_cursor"])
    items = [*first["items"], *rest]
    images = {item["name"]: item["images"][0] for item in items}
    assert len(images) == 120
    assert len({image["url"] for image in images.values()}) == 120
    for name, image in images.items():
        assert (image["alt"], len(image["sources"])) == (name, 3)
    for name in ("Turntable", "Walnut writing desk"):
        for source in images[name]["sources"]:
            file = await shop.get(source["url"])
            assert file.headers["content-type"] == "image/webp"
            assert opened(file.content).size == (source["width"], source["width"])
    # The pictures are part of the package: every replica serves them, and no cleanup deletes them.
    async with replica(users, database_url, tmp_path / "elsewhere", **WITH_PICTURES) as second:
        assert (await second.get(images["Turntable"]["url"])).status_code == 200
        assert not (tmp_path / "elsewhere" / "media").exists()


async def test_every_product_has_one_small_picture() -> None:
    product_pictures = pictures()
    assert product_pictures.keys() == {product.name for products in PRODUCTS.values() for product in products}
    files = [file for picture in product_pictures.values() for file in picture.files]
    archive = Archive(PICTURES)
    contents = [archive.read(file) for file in files]
    assert all(content is not None and content[8:12] == b"WEBP" for content in contents)
    assert sum(len(content or b"") for content in contents) < 1_600_000


async def test_a_shop_with_a_product_is_left_alone(shop: Shop, database_url: str) -> None:
    await shop.create()
    assert await add_products(database_url) == 0
    assert len(await shop.items()) == 1
