"""A picture's way through the gateway: from the admin who sends it to the browser that keeps it."""

from __future__ import annotations

import io
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from serai.product.media.pictures import MAX_UPLOAD_BYTES
from tools.shop.shopper import AdminClient
from tools.shop.system import System


@pytest.fixture(scope="module")
def visitor(system: System) -> httpx.Client:
    return httpx.Client(base_url=system.url, timeout=30.0, trust_env=False)


def photo() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((1600, 1200), 40).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def test_an_admin_sends_a_picture_and_everybody_sees_it(system: System, visitor: httpx.Client) -> None:
    office = AdminClient(system)
    lamp = office.product(stock=3)
    url = f"/api/products/{lamp['id']}/images"
    sent = photo()
    assert len(sent) > 1024 * 1024 // 4
    headers = {"Idempotency-Key": str(uuid4())}
    answers = [office.http.post(url, files={"file": ("a.jpg", sent)}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    image = answers[0].json()
    assert answers[1].json() == image
    assert (image["width"], image["height"]) == (1280, 960)
    assert visitor.get(f"/api/products/{lamp['id']}").json()["images"] == [image]
    for source in image["sources"]:
        file = visitor.get(source["url"])
        assert file.status_code == 200
        assert file.headers["content-type"] == "image/webp"
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert file.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in file.headers
        assert Image.open(io.BytesIO(file.content)).size == (source["width"], source["width"] * 3 // 4)
        again = visitor.get(source["url"], headers={"If-None-Match": file.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    gone = office.http.delete(f"{url}/{image['id']}")
    assert gone.status_code == 204
    # Pages that were read before still ask for it.
    assert visitor.get(image["url"]).status_code == 200
    office.http.close()


def test_the_gateway_lets_no_more_through_than_a_picture(system: System, visitor: httpx.Client) -> None:
    office = AdminClient(system)
    lamp = office.product(stock=3)
    url = f"/api/products/{lamp['id']}/images"
    too_large = office.http.post(url, files={"file": ("a.jpg", b"\xff" * (MAX_UPLOAD_BYTES + 1))})
    assert (too_large.status_code, too_large.json()["code"]) == (413, "too_large")
    no_picture = office.http.post(url, files={"file": ("a.jpg", b"<svg/>")})
    assert (no_picture.status_code, no_picture.json()["code"]) == (422, "image_refused")
    assert visitor.post(url, files={"file": ("a.jpg", photo())}).status_code == 401
    office.http.close()


def test_nothing_but_pictures_is_under_media(system: System, visitor: httpx.Client) -> None:
    for path in ("/media/", "/media", "/media/../api/users", "/media/%2e%2e/%2e%2e/etc/passwd", "/media/a/b.webp"):
        assert visitor.get(path).status_code in (400, 401, 404), path
    name = "0" * 32
    answer = visitor.get(f"/media/{name}-320.webp")
    assert (answer.status_code, answer.json()["code"], answer.headers["cache-control"]) == (
        404,
        "not_found",
        "no-store",
    )


def test_the_demo_shop_s_pictures_are_there(system: System, visitor: httpx.Client) -> None:
    items = visitor.get("/api/products", params={"category": "audio", "facets": "true"}).json()["items"]
    for item in items[:3]:
        for source in item["images"][0]["sources"] if item["images"] else []:
            assert visitor.get(source["url"]).headers["content-type"] == "image/webp"
    assert any(item["images"] for item in items)
