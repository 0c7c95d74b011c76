"""What the build left: each file in the encodings it was made in, with its type and what tells its versions apart."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec

#: What a build of this application may hold. Anything else was not made by it, and nobody has said what it is.
TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".jpg": b"image/jpeg",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".webp": b"image/webp",
    ".woff2": b"font/woff2",
}
#: By the suffix that the build gives them.
ENCODINGS = {".br": b"br", ".gz": b"gzip"}
INDEX = "/index.html"

MAX_FILES = 4_000
#: All of it stays in memory.
MAX_BYTES = 32 * 1024 * 1024


#: Beside the files, hidden like everything that nobody may ask for: what each page needs.
PAGES = Path(".vite") / "pages.json"


#: A path of ours, in characters that mean nothing in a header.
Need = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9._/?=&-]{1,300}$(?!\n)")]


class Unusable(Exception):
    """The folder is no build of the client application; the message says why."""


class Version(msgspec.Struct, frozen=True):
    """A file in one encoding; b"" is the file itself."""

    encoding: bytes
    body: bytes
    tag: bytes


class File(msgspec.Struct, frozen=True):
    path: str
    type: bytes
    #: By encoding; the file itself is always there.
    versions: dict[bytes, Version]


def read(folder: Path) -> dict[str, File]:
    """The files by the path they are served at. Raises `Unusable`."""
    contents: dict[str, bytes] = {}
    room = MAX_BYTES
    for path in _files(folder):
        if len(contents) == MAX_FILES:
            raise Unusable(f"{folder} holds more than {MAX_FILES} files")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Unusable(f"{path} cannot be read: {error.strerror}") from error
        room -= len(content)
        if room < 0:
            raise Unusable(f"{folder} holds more than {MAX_BYTES} bytes")
        contents["/" + path.relative_to(folder).as_posix()] = content
    if INDEX not in contents:
        raise Unusable(f"{folder} has no index.html")
    plain = [path for path in contents if Path(path).suffix not in ENCODINGS]
    return {path: _file(path, contents) for path in plain}


def needs(folder: Path) -> dict[str, list[str]]:
    """What each page needs beside what index.html names, by the page's address. A build that does not tell is one whose
    pages find out by themselves, later. Raises `Unusable`."""
    path = folder / PAGES
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[Need]]) if path.is_file() else {}
    except (OSError, msgspec.MsgspecError) as error:
        raise Unusable(f"{path}: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    """In order, without what is hidden, and nothing from outside the folder."""
    if not folder.is_dir():
        raise Unusable(f"there is no {folder}")
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            yield path


def _file(path: str, contents: dict[str, bytes]) -> File:
    kind = TYPES.get(Path(path).suffix)
    if kind is None:
        raise Unusable(f"{path}: no type is known for it")
    tag = sha256(contents[path]).hexdigest()[:32]
    versions = {b"": Version(b"", contents[path], f'"{tag}"'.encode())}
    for suffix, encoding in ENCODINGS.items():
        small = contents.get(path + suffix)
        if small is not None and len(small) < len(contents[path]):
            # A strong tag names bytes, so each encoding has its own.
            versions[encoding] = Version(encoding, small, f'"{tag}{suffix}"'.encode())
    return File(path, kind, versions)
