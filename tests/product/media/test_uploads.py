"""What is sent as a picture and is none, or more than one, or not what it seems."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image, ImageCms

from serai.product.media import pictures
from tests.product.images import animated, encoded, halves, opened, plain, png_that_says
from tests.product.shop import Json, Shop, problem

pytestmark = pytest.mark.slow

JPEG = encoded(plain(), "JPEG")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """These tests look at nothing but the products they create."""
    return shop


async def kept(shop: Shop, product: Json, file: bytes) -> tuple[Json, Image.Image, bytes]:
    image = await shop.add_image(product, file)
    content = (await shop.get(image["url"])).content
    return image, opened(content), content


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "not a JPEG, PNG or WebP"),
        (b"\x00" * 5000, "not a JPEG, PNG or WebP"),
        (b"<html><script>alert(1)</script></html>", "not a JPEG, PNG or WebP"),
        (SVG, "not a JPEG, PNG or WebP"),
        (b"%PDF-1.7 ...", "not a JPEG, PNG or WebP"),
        (encoded(plain(), "TIFF"), "not a JPEG, PNG or WebP"),
        (encoded(plain(), "BMP"), "not a JPEG, PNG or WebP"),
        (encoded(plain(), "AVIF"), "not a JPEG, PNG or WebP"),
        (animated("GIF"), "not a JPEG, PNG or WebP"),
        (animated("WEBP"), "animated"),
        (animated("PNG"), "animated"),
        (JPEG[:100], ""),
        (JPEG[: len(JPEG) // 2], "damaged"),
        (encoded(halves())[:-40], "damaged"),
        (encoded(plain(), "WEBP")[:-40], ""),
        (png_that_says(50_000, 50_000), "too many pixels"),
        (png_that_says(60_000, 1), "too many pixels"),
        (png_that_says(0, 10), ""),
        (png_that_says(7000, 7000), "damaged"),
    ],
)
async def test_refuses_in_words_what_is_no_picture(shop: Shop, file: bytes, words: str) -> None:
    desk = await shop.create()
    answer = await shop.send(desk, file, name="photo.jpg")
    assert problem(answer) == (422, "image_refused")
    (error,) = answer.json()["errors"]
    assert error["field"] == "file"
    assert words in error["message"]
    assert (await shop.get(f"/api/products/{desk['id']}")).json()["images"] == []


async def test_a_picture_stands_upright_and_tells_nothing_of_who_took_it(shop: Shop) -> None:
    desk = await shop.create()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Maker of the secret camera"
    exif.get_ifd(0x8825)[2] = (48.0, 12.0, 30.0)  # where it was taken
    for kind in ("JPEG", "PNG", "WEBP"):
        image, shown, content = await kept(shop, desk, encoded(halves(400, 200), kind, exif=exif))
        assert (image["width"], image["height"], *shown.size) == (200, 400, 200, 400)
        assert not shown.getexif()
        assert b"secret" not in content
        assert {"exif", "xmp", "icc_profile"}.isdisjoint(shown.info)
        above, below = (shown.convert("RGB").crop((100, y, 101, y + 1)).tobytes() for y in (50, 350))
        assert (above[0] > 150, below[2] > 150) == (True, True), kind


async def test_what_hides_in_a_picture_is_gone(shop: Shop) -> None:
    desk = await shop.create()
    comment = b"<script>alert(1)</script>"
    hidden = encoded(plain(), "JPEG", comment=comment) + b"<html><?php system($_GET['x']); ?></html>PK\x03\x04"
    _, shown, content = await kept(shop, desk, hidden)
    assert shown.format == "WEBP"
    assert not any(word in content for word in (b"script", b"php", b"<html", b"PK\x03\x04"))


async def test_every_kind_of_pixel_becomes_what_it_looks_like(shop: Shop) -> None:
    desk = await shop.create()
    palette = plain(100, 100, (200, 80, 40, 0), "RGBA")
    palette.paste((200, 80, 40, 255), (50, 0, 100, 100))
    grey_16 = Image.new("I;16", (100, 100), 40_000)
    for file, mode, colour in (
        (encoded(plain().convert("CMYK"), "JPEG"), "RGB", (200, 80, 40)),
        (encoded(grey_16), "RGB", (156, 156, 156)),
        (encoded(plain(mode="L", colour=90)), "RGB", (90, 90, 90)),
        (encoded(plain(mode="1", colour=1)), "RGB", (255, 255, 255)),
        (encoded(plain(mode="LA", colour=(90, 255))), "RGB", (90, 90, 90)),
        (encoded(plain().quantize(16)), "RGB", (200, 80, 40)),
        (encoded(palette.quantize(16)), "RGBA", (200, 80, 40)),
        (encoded(palette), "RGBA", (200, 80, 40)),
    ):
        _, shown, _ = await kept(shop, desk, file)
        assert shown.mode == mode
        pixel = shown.convert("RGBA").getpixel((shown.width - 10, shown.height // 2))
        assert isinstance(pixel, tuple)
        assert all(abs(got - expected) < 12 for got, expected in zip(pixel[:3], colour, strict=True)), (pixel, colour)
        if mode == "RGBA":
            clear = shown.getpixel((5, 5))
            assert isinstance(clear, tuple)
            assert clear[3] == 0
        images = (await shop.get(f"/api/products/{desk['id']}")).json()["images"]
        await shop.http.delete(f"/api/products/{desk['id']}/images/{images[0]['id']}", headers=shop.admin)


async def test_colours_of_another_space_are_brought_into_the_web_s(shop: Shop) -> None:
    desk = await shop.create()
    # What this profile calls 100 is another colour in sRGB; a broken one counts as none.
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    for profile in (ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), lab, b"broken" * 50):
        _, shown, _ = await kept(shop, desk, encoded(plain(60, 60), "JPEG", icc_profile=profile))
        assert "icc_profile" not in shown.info
    pixel = shown.getpixel((30, 30))
    assert isinstance(pixel, tuple)
    assert abs(pixel[0] - 200) < 12


async def test_refuses_what_is_not_one_file(shop: Shop) -> None:
    desk = await shop.create()
    url = f"/api/products/{desk['id']}/images"

    async def answer(body: bytes, kind: str = "multipart/form-data; boundary=x") -> tuple[int, str]:
        return problem(await shop.http.post(url, content=body, headers=shop.admin | {"content-type": kind}))

    def part(head: str, content: bytes) -> bytes:
        return b"--x\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"

    file = part('name="file"; filename="a.jpg"', JPEG)
    alt = part('name="alt"', b"A desk")
    end = b"--x--\r\n"
    assert await answer(b"{}", "application/json") == (415, "unsupported_media_type")
    assert await answer(JPEG, "image/jpeg") == (415, "unsupported_media_type")
    assert await answer(file + end, "multipart/form-data") == (415, "unsupported_media_type")
    assert await answer(b"") == (400, "malformed_multipart")
    assert await answer(b"nothing of the kind") == (400, "malformed_multipart")
    assert await answer(file) == (400, "malformed_multipart")
    assert await answer(file + alt * 20 + end) == (400, "malformed_multipart")
    assert await answer(b"--x\r\nNo-Name: 1\r\n\r\nx\r\n" + end) == (400, "malformed_multipart")
    for body in (
        end,
        alt + end,
        file + file + end,
        file + alt + alt + end,
        file + part('name="price"', b"1") + end,
        file + part('name="alt"', b"\xff\xfe") + end,
        file + part('name="alt"', b"a\x00b") + end,
        file + part('name="alt"', b"x" * 301) + end,
        file + part('name="alt"', b"x" * 9000) + end,
    ):
        status, code = await answer(body)
        assert (status, code) in ((422, "invalid"), (400, "malformed_multipart")), body[-200:]
    assert (await shop.get(f"/api/products/{desk['id']}")).json()["images"] == []
    for good in (file + end, file + alt + end, alt + part('name="photo"; filename="../../x.svg"', JPEG) + end):
        assert (await shop.http.post(url, content=good, headers=shop.admin | MULTIPART)).status_code == 201


MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


async def test_refuses_a_file_that_is_too_large(shop: Shop) -> None:
    desk = await shop.create()
    just = JPEG + b"\x00" * (pictures.MAX_FILE_BYTES - len(JPEG))
    assert (await shop.send(desk, just)).status_code == 201
    assert problem(await shop.send(desk, just + b"\x00")) == (413, "too_large")
    assert problem(await shop.send(desk, just + b"\x00" * 1024 * 1024)) == (413, "too_large")


async def test_a_product_that_is_not_there_takes_no_picture(shop: Shop) -> None:
    for product_id in ("01890000-0000-7000-8000-000000000001", "nonsense"):
        assert problem(await shop.send({"id": product_id}, JPEG)) == (404, "not_found")


async def test_no_more_uploads_are_taken_in_than_fit(shop: Shop) -> None:
    desk = await shop.create()
    file = encoded(plain(600, 600), "JPEG")
    answers = await asyncio.gather(*(shop.send(desk, file) for _ in range(pictures.MAX_UPLOADS + 4)))
    taken = [answer.status_code for answer in answers].count(201)
    assert taken >= pictures.MAX_UPLOADS
    for answer in answers:
        if answer.status_code != 201:
            assert problem(answer) == (503, "unavailable")
            assert answer.headers["retry-after"]
    assert len((await shop.get(f"/api/products/{desk['id']}")).json()["images"]) == taken
    # And there is room again.
    assert (await shop.send(desk, JPEG)).status_code == 201


async def test_opening_a_file_that_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    desk = await shop.create()
    monkeypatch.setattr(pictures, "OPEN_TIMEOUT_S", 0.001)
    assert problem(await shop.send(desk, JPEG)) == (503, "unavailable")
    monkeypatch.undo()
    assert (await shop.send(desk, JPEG)).status_code == 201


async def test_a_picture_that_becomes_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    desk = await shop.create()
    monkeypatch.setattr(pictures, "MAX_OUTPUT_BYTES", 100)
    answer = await shop.send(desk, JPEG)
    assert problem(answer) == (422, "image_refused")
    assert (await shop.get(f"/api/products/{desk['id']}")).json()["images"] == []
    monkeypatch.undo()
    assert (await shop.send(desk, JPEG)).status_code == 201


def test_the_bytes_are_where_they_were_said_to_be() -> None:
    opened_ = pictures.named([(320, 200, b"narrow"), (640, 400, b"wide")])
    assert opened_.picture.files == list(opened_.files)
    assert pictures.picture_of(opened_.picture.url) == opened_.picture.name
    assert pictures.picture_of(f"https://elsewhere.example{opened_.picture.url}") is None
    assert pictures.named([(320, 200, b"narrow"), (640, 400, b"other")]).picture.name != opened_.picture.name
    assert io.BytesIO(opened_.files[opened_.picture.files[0]]).read() == b"narrow"
