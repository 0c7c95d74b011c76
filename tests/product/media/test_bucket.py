"""Pictures in a bucket: against moto, a server that speaks S3, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serai.product.media.actions import sweep_pictures
from serai.product.media.bucket import Bucket
from serai.product.media.files import MediaFiles, MediaUnavailable
from tests.product.conftest import replica
from tests.product.images import encoded, opened, plain
from tests.product.media.test_pictures import AT_ONCE, swept_by
from tests.product.shop import problem
from tests.product.users import Users

pytestmark = pytest.mark.slow

KEY, SECRET = "access-key-of-tests", "secret-key-of-tests"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    # Takes as long to import as a tenth of all tests, which every test process collects.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> dict[str, str]:
    """The settings that lead to an empty one."""
    httpx.post(f"{endpoint}/moto-api/reset", trust_env=False, timeout=30).raise_for_status()
    httpx.put(f"{endpoint}/pictures", trust_env=False, timeout=30).raise_for_status()
    return {
        "SERAI_MEDIA_BUCKET": "pictures",
        "SERAI_MEDIA_ENDPOINT": endpoint,
        "SERAI_MEDIA_ACCESS_KEY": KEY,
        "SERAI_MEDIA_SECRET_KEY": SECRET,
    }


def of(settings: dict[str, str], **other: str) -> Bucket:
    return Bucket(
        other.get("name", settings["SERAI_MEDIA_BUCKET"]),
        endpoint=other.get("endpoint", settings["SERAI_MEDIA_ENDPOINT"]),
        region="us-east-1",
        access_key=KEY,
        secret_key=SECRET,
    )


async def test_every_replica_shows_what_one_has_put_into_the_bucket(
    users: Users, database_url: str, tmp_path: Path, bucket: dict[str, str]
) -> None:
    async with (
        replica(users, database_url, tmp_path / "a", **bucket) as shop,
        replica(users, database_url, tmp_path / "b", **bucket) as second,
    ):
        desk = await shop.create()
        image = await shop.add_image(desk, encoded(plain(700, 350)))
        for source in image["sources"]:
            file = await second.get(source["url"])
            assert file.headers["content-type"] == "image/webp"
            assert opened(file.content).size == (source["width"], source["width"] // 2)
        assert problem(await second.get(f"/media/{'0' * 32}-320.webp")) == (404, "not_found")
        assert not (tmp_path / "a" / "media").exists()

        await shop.http.delete(f"/api/products/{desk['id']}/images/{image['id']}", headers=shop.admin)
        async with swept_by(database_url, tmp_path / "nothing") as (db, _):
            assert await sweep_pictures(db, MediaFiles(of(bucket)), AT_ONCE) == 1
        assert await of(bucket).get(image["url"].removeprefix("/media/")) is None


async def test_what_cannot_be_reached_is_told_as_unavailable(bucket: dict[str, str]) -> None:
    for other in (of(bucket, name="no-such-bucket"), of(bucket, endpoint="http://127.0.0.1:9")):
        with pytest.raises(MediaUnavailable):
            await MediaFiles(other).put({"a-1.webp": b"x"})


async def test_deleting_what_is_gone_is_no_error(bucket: dict[str, str]) -> None:
    files = of(bucket)
    await files.put({"a-1.webp": b"one", "a-2.webp": b"two"})
    assert await files.get("a-2.webp") == b"two"
    await files.delete(["a-1.webp", "a-2.webp"])
    await files.delete(["a-1.webp", "a-2.webp"])
    assert await files.get("a-1.webp") is None
