"""Pictures that come with an installation in a zip file."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from serai.chassis.settings import SettingsError, load
from serai.product.media.archive import Archive
from serai.product.media.files import ProductSettings
from tests import tokens
from tests.product.conftest import replica
from tests.product.users import Users

NAME = f"{'a' * 32}-320.webp"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pictures.zip"
    with ZipFile(path, "w") as file:
        file.writestr(NAME, b"a picture")
    return path


def test_a_file_is_read_and_another_is_none(archive: Path) -> None:
    pictures = Archive(archive)
    assert pictures.read(NAME) == b"a picture"
    assert pictures.read(f"{'b' * 32}-320.webp") is None


async def test_the_service_serves_it_only_where_it_is_told_to(
    users: Users, database_url: str, archive: Path, tmp_path: Path
) -> None:
    async with replica(users, database_url, tmp_path / "with", SERAI_MEDIA_ARCHIVE=str(archive)) as shop:
        assert (await shop.get(f"/media/{NAME}")).content == b"a picture"
    async with replica(users, database_url, tmp_path / "without") as shop:
        assert (await shop.get(f"/media/{NAME}")).status_code == 404


def test_the_service_does_not_start_with_an_archive_that_is_not_there(tmp_path: Path) -> None:
    environ = tokens.environ("product", "postgresql://nowhere", SERAI_MEDIA_ARCHIVE=str(tmp_path / "none.zip"))
    with pytest.raises(SettingsError, match="SERAI_MEDIA_ARCHIVE"):
        load(ProductSettings, environ).check()
