"""Pictures of products: sent, shown, put in order, removed, and swept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from serai.chassis.data.database import Database
from serai.contracts.product.media import MAX_IMAGES
from serai.product.media import pictures, store
from serai.product.media.actions import sweep_pictures
from serai.product.media.files import Disk, MediaFiles, MediaUnavailable
from tests.product.images import encoded, halves, opened, plain
from tests.product.shop import Json, Shop, draft, problem, sku, usd, wrong_fields

pytestmark = pytest.mark.slow

AT_ONCE = timedelta(0)


async def test_a_picture_is_shown_in_three_widths_of_known_size(empty_shop: Shop) -> None:
    desk = await empty_shop.create()
    answer = await empty_shop.send(desk, encoded(plain(2000, 1000), "JPEG"), alt="A desk from the front")
    assert answer.status_code == 201
    image = answer.json()
    assert (image["width"], image["height"], image["alt"]) == (1280, 640, "A desk from the front")
    assert [source["width"] for source in image["sources"]] == [320, 640, 1280]
    assert image["url"] == image["sources"][-1]["url"] == answer.headers["location"]
    for source in image["sources"]:
        file = await empty_shop.get(source["url"])
        assert file.status_code == 200
        assert file.headers["content-type"] == "image/webp"
        assert file.headers["x-content-type-options"] == "nosniff"
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        shown = opened(file.content)
        assert (shown.format, shown.size) == ("WEBP", (source["width"], source["width"] // 2))
        for known in (file.headers["etag"], "*", f'"other", W/{file.headers["etag"]}'):
            same = await empty_shop.get(source["url"], headers={"if-none-match": known})
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["cache-control"] == file.headers["cache-control"]
        other = await empty_shop.get(source["url"], headers={"if-none-match": '"other"'})
        assert (other.status_code, other.content) == (200, file.content)
    product = (await empty_shop.get(f"/api/products/{desk['id']}")).json()
    assert product["images"] == [image]
    assert product["version"] == desk["version"] + 1
    assert (await empty_shop.items())[0]["images"] == [image]
    # A cart shows it small.
    facts = (await empty_shop.internal("POST", "variants", {"variant_ids": [desk["variants"][0]["id"]]})).json()[
        "items"
    ][0]
    assert facts["image"] == image["sources"][0]["url"]


async def test_a_small_picture_is_not_blown_up(shop: Shop) -> None:
    desk = await shop.create()
    for (width, height), widths in (((500, 300), [320, 500]), ((100, 40), [100]), ((1, 1), [1])):
        image = await shop.add_image(desk, encoded(plain(width, height)))
        assert (image["width"], image["height"]) == (width, height)
        assert [source["width"] for source in image["sources"]] == widths
    tower = await shop.add_image(desk, encoded(plain(500, 5000)))
    assert (tower["width"], tower["height"]) == (256, 2560)


async def test_the_same_request_again_adds_nothing(shop: Shop) -> None:
    desk = await shop.create()
    file = encoded(halves())
    key = str(uuid4())
    sent = await asyncio.gather(*(shop.send(desk, file, alt="A", idempotency_key=key) for _ in range(3)))
    accepted = [answer for answer in sent if answer.status_code == 201]
    assert {problem(answer) for answer in sent if answer not in accepted} <= {(409, "idempotency_in_progress")}
    # Its boundary is another one, what it says is not.
    again = await shop.send(desk, file, alt="A", idempotency_key=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert {answer.json()["id"] for answer in [*accepted, again]} == {again.json()["id"]}
    assert problem(await shop.send(desk, file, alt="B", idempotency_key=key)) == (422, "idempotency_key_reused")
    images = (await shop.get(f"/api/products/{desk['id']}")).json()["images"]
    assert images == [again.json()]
    await shop.http.delete(f"/api/products/{desk['id']}/images/{images[0]['id']}", headers=shop.admin)
    assert problem(await shop.send(desk, file, alt="A", idempotency_key=key)) == (404, "not_found")


async def test_pictures_sent_at_once_are_all_kept(shop: Shop) -> None:
    desk = await shop.create()
    sent = await asyncio.gather(*(shop.add_image(desk, encoded(plain(50 + at, 50))) for at in range(5)))
    images = (await shop.get(f"/api/products/{desk['id']}")).json()["images"]
    assert sorted(image["id"] for image in images) == sorted(image["id"] for image in sent)


async def test_an_admin_orders_describes_and_drops_pictures(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    a, b, c = [await shop.add_image(desk, encoded(plain(400, at))) for at in (100, 200, 300)]
    body: Json = {"name": "Walnut desk", "sku": sku(), "price": usd(1)}
    # As it was told, by what is needed of it, and by any of its files.
    given = [c | {"alt": "from behind"}, {"url": a["sources"][0]["url"], "alt": "from the front", "id": a["id"]}]
    images = (await shop.put(path, body | {"images": given})).json()["images"]
    assert images == [c | {"alt": "from behind"}, a | {"alt": "from the front"}]
    answer = await shop.http.delete(f"{path}/images/{c['id']}", headers=shop.admin)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await shop.get(path)).json()["images"] == [a | {"alt": "from the front"}]
    for gone in (b["id"], c["id"], str(uuid4()), "no-id", "..%2f.."):
        assert problem(await shop.http.delete(f"{path}/images/{gone}", headers=shop.admin)) == (404, "not_found")
    # What is told of a picture is not taken from whoever sends it.
    lie = a | {"width": 1, "height": 1, "sources": [{"url": "https://elsewhere.example/x.webp", "width": 5}]}
    assert (await shop.put(path, body | {"images": [lie]})).json()["images"] == [a]
    other = await shop.create(images=[{"url": a["url"], "alt": "Twice"}])
    assert other["images"] == [a | {"alt": "Twice", "id": other["images"][0]["id"]}]
    assert other["images"][0]["id"] != a["id"]


async def test_the_picture_that_is_put_first_stands_for_the_product(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    a, b = [await shop.add_image(desk, encoded(plain(400, at))) for at in (100, 200)]
    body: Json = {"name": "Walnut desk", "sku": sku(), "price": usd(1)}
    etag = (await shop.get(path)).headers["etag"]
    await shop.put(path, body | {"images": [b, a]}, **{"if-match": etag})
    listed = (await shop.get("/api/products?limit=100")).json()["items"]
    assert next(item["images"] for item in listed if item["id"] == desk["id"]) == [b, a]
    # Whoever arranged them by what they were before is told so, and undoes nothing.
    stale = await shop.put(path, body | {"images": [a]}, **{"if-match": etag})
    assert problem(stale) == (412, "precondition_failed")
    assert (await shop.get(path)).json()["images"] == [b, a]


async def test_refuses_pictures_that_are_not_there(shop: Shop) -> None:
    desk = await shop.create()
    a = await shop.add_image(desk, encoded(plain(100, 100)))
    body: Json = {"name": "Walnut desk", "sku": sku(), "price": usd(1)}
    for images, field in (
        ([{"url": f"/media/{'0' * 32}-320.webp"}], "images.0.url"),
        ([a, {"url": a["url"], "id": str(uuid4())}], "images.1.id"),
        ([a, a], "images.1.id"),
        ([a | {"size": 5}], "images.0.size"),
        ([{"url": "/media/../x"}], "images.0.url"),
    ):
        assert wrong_fields(await shop.put(f"/api/products/{desk['id']}", body | {"images": images})) == {field}
    assert wrong_fields(await shop.post("/api/products", draft(images=[a]))) == {"images.0.id"}
    assert (await shop.get(f"/api/products/{desk['id']}")).json()["images"] == [a]


async def test_a_product_has_a_bounded_number_of_pictures(shop: Shop) -> None:
    known = [{"url": f"https://pictures.example/{at}.jpg"} for at in range(MAX_IMAGES)]
    desk = await shop.create(images=known)
    answer = await shop.send(desk, encoded(plain()))
    assert problem(answer) == (409, "too_many_images")
    assert answer.json()["most"] == MAX_IMAGES
    assert wrong_fields(await shop.post("/api/products", draft(images=[*known, known[0]]))) == {"images"}


async def test_a_stale_version_changes_no_pictures(shop: Shop) -> None:
    desk = await shop.create()
    image = await shop.add_image(desk, encoded(plain(100, 100)))
    path = f"/api/products/{desk['id']}"
    stale, fresh = '"1"', (await shop.get(path)).headers["etag"]
    assert problem(await shop.send(desk, encoded(plain(90, 90)), if_match=stale)) == (412, "precondition_failed")
    drop = f"{path}/images/{image['id']}"
    refused = await shop.http.delete(drop, headers=shop.admin | {"if-match": stale})
    assert problem(refused) == (412, "precondition_failed")
    assert (await shop.http.delete(drop, headers=shop.admin | {"if-match": fresh})).status_code == 204


async def test_no_other_path_leads_to_a_file(empty_shop: Shop, tmp_path: Path) -> None:
    desk = await empty_shop.create()
    image = await empty_shop.add_image(desk, encoded(plain(100, 100)))
    (tmp_path / "media" / "secret.webp").write_text("secret")
    name = image["url"].removeprefix("/media/")
    for path in (
        "secret.webp",
        "..%2fsecret.webp",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        f"{name[:2]}%2f{name}",
        f"{name[:2]}/{name}",
        f"{name}%00",
        f"{name}%0a",
        name.upper(),
        name.replace("-100", "-0100"),
        name.replace("-100", "-640"),
        f"{'0' * 32}-320.webp",
        "unfinished",
        "index.json",
        "é-320.webp",
    ):
        assert problem(await empty_shop.get(f"/media/{path}")) == (404, "not_found"), path
    assert (await empty_shop.get(image["url"])).status_code == 200
    assert problem(await empty_shop.get(f"{image['url']}?width=5")) == (422, "invalid")


async def test_only_what_nothing_shows_is_swept(empty_shop: Shop, database_url: str, tmp_path: Path) -> None:
    desk, chair = await empty_shop.create(), await empty_shop.create(name="Chair")
    alone, shared = encoded(plain(90, 90)), encoded(plain(80, 80))
    a, b = await empty_shop.add_image(desk, alone), await empty_shop.add_image(desk, shared)
    c = await empty_shop.add_image(chair, shared)
    assert b["url"] == c["url"]
    for image in (a, b):
        await empty_shop.http.delete(f"/api/products/{desk['id']}/images/{image['id']}", headers=empty_shop.admin)
    async with swept_by(database_url, tmp_path / "media") as (db, media):
        assert await sweep_pictures(db, media) == 0
        assert {path.name for path in (tmp_path / "media").glob("*/*.webp")} == {of(a), of(b)}
        assert await sweep_pictures(db, media, AT_ONCE) == 1
        assert {path.name for path in (tmp_path / "media").glob("*/*.webp")} == {of(b)}
        # It can come back, and what came back stays.
        assert (await empty_shop.add_image(desk, alone))["url"] == a["url"]
        assert await sweep_pictures(db, media, AT_ONCE) == 0
    assert {path.name for path in (tmp_path / "media").glob("*/*.webp")} == {of(a), of(b)}


async def test_an_upload_that_was_cut_short_leaves_nothing(empty_shop: Shop, database_url: str, tmp_path: Path) -> None:
    """A process may die after each of an upload's three steps: the note, the files, the product that shows them."""
    noted, written = (pictures.named([(at, at, b"x" * at)]) for at in (320, 640))
    async with swept_by(database_url, tmp_path / "media") as (db, media):
        async with db.connection() as conn:
            assert await store.note(conn, noted.picture)
            assert await store.note(conn, written.picture)
        await media.put(written.files)
        assert (await empty_shop.get(written.picture.url)).status_code == 200
        # Both may still be under way.
        assert await sweep_pictures(db, media) == 0
        assert await sweep_pictures(db, media, AT_ONCE) == 2
    assert list((tmp_path / "media").glob("*/*.webp")) == []
    assert await db_names(database_url) == []


async def test_a_sweep_that_failed_half_way_is_finished_by_a_later_one(
    empty_shop: Shop, database_url: str, tmp_path: Path
) -> None:
    desk = await empty_shop.create()
    file = encoded(plain(70, 70))
    image = await empty_shop.add_image(desk, file)
    await empty_shop.http.delete(f"/api/products/{desk['id']}/images/{image['id']}", headers=empty_shop.admin)

    class Stuck(Disk):
        async def delete(self, names: Any) -> None:
            raise OSError("read-only file system")

    async with swept_by(database_url, tmp_path / "media") as (db, media):
        with pytest.raises(MediaUnavailable):
            await sweep_pictures(db, MediaFiles(Stuck(tmp_path / "media")), AT_ONCE)
        # Nobody uses it again while its files may go at any moment.
        assert problem(await empty_shop.send(desk, file)) == (503, "unavailable")
        refused = await empty_shop.post("/api/products", draft(images=[{"url": image["url"]}]))
        assert wrong_fields(refused) == {"images.0.url"}
        assert await sweep_pictures(db, media, AT_ONCE) == 0
        await age(database_url)
        assert await sweep_pictures(db, media, AT_ONCE) == 1
    assert await db_names(database_url) == []
    assert (await empty_shop.send(desk, file)).status_code == 201


async def test_files_that_cannot_be_stored_leave_no_picture(empty_shop: Shop, tmp_path: Path) -> None:
    desk = await empty_shop.create()
    (tmp_path / "media").write_text("in the way")
    answer = await empty_shop.send(desk, encoded(plain(70, 70)))
    assert problem(answer) == (503, "media_unavailable")
    assert answer.headers["retry-after"]
    assert (await empty_shop.get(f"/api/products/{desk['id']}")).json()["images"] == []


class swept_by:  # used as a function would be
    """The database and the folder of pictures, as the sweep is given them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._db = Database(database_url, size=1)
        self._media = MediaFiles(Disk(folder))

    async def __aenter__(self) -> tuple[Database, MediaFiles]:
        await self._db.open()
        return self._db, self._media

    async def __aexit__(self, *_: object) -> None:
        await self._db.close()


def of(image: Mapping[str, Any]) -> str:
    """The name of its file."""
    name: str = image["url"].removeprefix("/media/")
    return name


async def db_names(database_url: str) -> list[str]:
    conn = await asyncpg.connect(database_url)
    try:
        return [row["name"] for row in await conn.fetch("select name from picture")]
    finally:
        await conn.close()


async def age(database_url: str) -> None:
    """As if whoever began to delete had been gone for a while."""
    conn = await asyncpg.connect(database_url)
    try:
        await conn.execute("update picture set doomed_at = doomed_at - interval '1 hour' where doomed_at is not null")
    finally:
        await conn.close()
