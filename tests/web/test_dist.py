"""Reading a build, and the errors for a folder that is not one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serai.chassis.settings import SettingsError
from serai.web import dist
from serai.web.app import create
from serai.web.dist import PRELOADS_FILE, InvalidBuild, read_build, read_preloads
from tests.web.web_process import BUILD, write_build


def test_hidden_files_of_a_build_are_ignored(tmp_path: Path) -> None:
    assert set(read_build(write_build(tmp_path))) == {f"/{name}" for name in BUILD if not name.startswith(".")}


def test_a_compressed_variant_that_is_larger_is_ignored(tmp_path: Path) -> None:
    write_build(tmp_path)
    (tmp_path / "favicon.svg.br").write_bytes(b"x" * 1000)
    assert set(read_build(tmp_path)["/favicon.svg"].encodings) == {b""}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = write_build(tmp_path / "dist")
    (folder / "assets" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    assert "/assets/secret.txt" not in read_build(folder)


def test_a_file_of_an_unknown_type_is_refused(tmp_path: Path) -> None:
    (write_build(tmp_path) / "assets" / "program.exe").write_bytes(b"MZ")
    with pytest.raises(InvalidBuild, match=r"/assets/program.exe: no type"):
        read_build(tmp_path)


def test_a_folder_without_an_index_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(InvalidBuild, match=r"has no index\.html"):
        read_build(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidBuild, match=r"there is no .*nowhere"):
        read_build(tmp_path / "nowhere")


@pytest.mark.parametrize(("bound", "size"), [("MAX_FILES", 3), ("MAX_BYTES", 1000)])
def test_a_build_beyond_the_limits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, size: int
) -> None:
    monkeypatch.setattr(dist, bound, size)
    with pytest.raises(InvalidBuild, match=f"more than {size}"):
        read_build(write_build(tmp_path))


def test_without_a_build_the_process_does_not_start_and_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        create({"SERAI_MODE": "local", "SERAI_WEB_DIST": str(tmp_path / "nowhere")})
    assert caught.value.problems == [f"SERAI_WEB_DIST: there is no {tmp_path / 'nowhere'}; `make web` builds it"]


def test_the_list_of_preloads_is_optional(tmp_path: Path) -> None:
    (write_build(tmp_path) / PRELOADS_FILE).unlink()
    assert read_preloads(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example/x.js", "/x>; rel=preload", "/x\r\nset-cookie: a=b", "x.js"]
)
def test_a_preload_that_is_no_plain_path_is_refused(tmp_path: Path, path: str) -> None:
    (write_build(tmp_path) / PRELOADS_FILE).write_text(json.dumps({"/": [path]}))
    with pytest.raises(InvalidBuild, match=r"pages\.json"):
        read_preloads(tmp_path)
