"""A folder is served when it is a build, and refused in words when it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serai.chassis.settings import SettingsError
from serai.web import dist
from serai.web.app import create
from serai.web.dist import PAGES, Unusable, needs, read
from tests.web.serving import BUILD, build


def test_a_build_is_read_without_what_is_hidden(tmp_path: Path) -> None:
    assert set(read(build(tmp_path))) == {f"/{name}" for name in BUILD if not name.startswith(".")}


def test_what_grew_by_compression_is_sent_as_it_was(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "favicon.svg.br").write_bytes(b"x" * 1000)
    assert set(read(tmp_path)["/favicon.svg"].versions) == {b""}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = build(tmp_path / "dist")
    (folder / "assets" / "secret.txt").symlink_to(tmp_path / "secret.txt")
    assert "/assets/secret.txt" not in read(folder)


def test_a_file_of_no_known_type_is_refused(tmp_path: Path) -> None:
    (build(tmp_path) / "assets" / "program.exe").write_bytes(b"MZ")
    with pytest.raises(Unusable, match=r"/assets/program.exe: no type"):
        read(tmp_path)


def test_a_folder_without_an_index_is_no_build(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"has no index\.html"):
        read(tmp_path)


def test_a_folder_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"there is no .*nowhere"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(("bound", "size"), [("MAX_FILES", 3), ("MAX_BYTES", 1000)])
def test_what_does_not_fit_into_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, size: int
) -> None:
    monkeypatch.setattr(dist, bound, size)
    with pytest.raises(Unusable, match=f"more than {size}"):
        read(build(tmp_path))


def test_a_process_without_a_build_does_not_start_and_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        create({"SERAI_MODE": "local", "SERAI_WEB_DIST": str(tmp_path / "nowhere")})
    assert caught.value.problems == [f"SERAI_WEB_DIST: there is no {tmp_path / 'nowhere'}; `make web` builds it"]


def test_a_build_that_does_not_tell_what_pages_need_is_one(tmp_path: Path) -> None:
    (build(tmp_path) / PAGES).unlink()
    assert needs(tmp_path) == {}


@pytest.mark.parametrize(
    "path", ["https://elsewhere.example/x.js", "/x>; rel=preload", "/x\r\nset-cookie: a=b", "x.js"]
)
def test_what_could_become_more_than_a_path_in_a_header_is_refused(tmp_path: Path, path: str) -> None:
    (build(tmp_path) / PAGES).write_text(json.dumps({"/": [path]}))
    with pytest.raises(Unusable, match=r"pages\.json"):
        needs(tmp_path)
