"""Where files of pictures are stored, and which of them are sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import pytest
from litestar.types import HTTPScope

from serai.chassis.errors import NotFound
from serai.chassis.settings import SettingsError, load
from serai.product.app import create
from serai.product.media.archive import Archive
from serai.product.media.files import Disk, MediaFiles, ProductSettings
from serai.product.response_cache import RawResponse
from tests import tokens

KEY = "secret-key-of-tests"
NAME = f"{'0' * 32}-320.webp"


def get(path: str, query: bytes = b"") -> HTTPScope:
    return cast(HTTPScope, {"method": "GET", "path": path, "query_string": query, "headers": []})


async def body_of(answer: RawResponse, scope: HTTPScope) -> bytes:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    await answer(scope, cast(Any, None), send)
    body: bytes = messages[1]["body"]
    return body


async def test_a_file_half_written_is_never_seen(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    await disk.put({"aa.webp": b"one"})
    left = tmp_path / "unfinished" / "ab.webp.1"
    left.write_bytes(b"half")
    await disk.tidy()
    assert left.exists()
    os.utime(left, (0, 0))
    await disk.tidy()
    assert not left.exists()
    assert await disk.get("ab.webp") is None
    assert await disk.get("aa.webp") == b"one"
    await disk.delete(["aa.webp", "ab.webp"])
    assert await disk.get("aa.webp") is None


async def test_a_file_of_the_program_is_sent_before_one_that_was_stored(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    await disk.put({NAME: b"stored"})
    scope = get(f"/media/{NAME}")
    with ZipFile(tmp_path / "pictures.zip", "w") as packed:
        packed.writestr(NAME, b"packaged")
    for archive, expected in ((None, b"stored"), (Archive(tmp_path / "pictures.zip"), b"packaged")):
        files = MediaFiles(disk, archive)
        assert files.kept(scope) is None
        assert await body_of(await files.file(scope, NAME), scope) == expected
        # From memory next time, but for a query that no file has.
        assert files.kept(scope) is not None
        assert files.kept(get(f"/media/{NAME}", b"x=1")) is None


async def test_only_names_of_pictures_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "se").mkdir()
    (tmp_path / "se" / "secret").write_bytes(b"secret")
    files = MediaFiles(Disk(tmp_path))
    for name in ("secret", "../se/secret", NAME):
        with pytest.raises(NotFound):
            await files.file(get(f"/media/{name}"), name)


@pytest.mark.parametrize(
    "more",
    [
        {"SERAI_MEDIA_BUCKET": "pictures"},
        {"SERAI_MEDIA_BUCKET": "pictures", "SERAI_MEDIA_ACCESS_KEY": KEY},
        {"SERAI_MEDIA_ENDPOINT": "pictures.example"},
        {
            "SERAI_MEDIA_DIR": "/x",
            "SERAI_MEDIA_BUCKET": "b",
            "SERAI_MEDIA_ACCESS_KEY": KEY,
            "SERAI_MEDIA_SECRET_KEY": KEY,
        },
        {"SERAI_MODE": "production", "SERAI_MEDIA_ACCESS_KEY": "changeme"},
    ],
)
def test_settings_that_lead_nowhere_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load(ProductSettings, tokens.environ("product", **more)).check()


def test_pictures_lie_where_it_is_said(tmp_path: Path) -> None:
    create(tokens.environ("product", SERAI_HOME=str(tmp_path), SERAI_MEDIA_DIR=str(tmp_path / "elsewhere")))
    # Assembling a service writes nothing.
    assert list(tmp_path.iterdir()) == []
