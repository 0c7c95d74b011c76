"""Reads the build of the client application: every file with its encodings, media type and entity tags."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec

#: The types of files in a build, by suffix. A build with any other file is refused.
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
#: Content encodings by the suffix of the precompressed files.
ENCODINGS = {".br": b"br", ".gz": b"gzip"}
INDEX = "/index.html"

MAX_FILES = 4_000
#: Limit of the total size: all files are kept in memory.
MAX_BYTES = 32 * 1024 * 1024

#: What each page needs, written by the build. Hidden files are not served.
PRELOADS_FILE = Path(".vite") / "pages.json"

#: A path on this origin, without characters that have a meaning in a header.
PreloadPath = Annotated[str, msgspec.Meta(pattern=r"^/[A-Za-z0-9._/?=&-]{1,300}$(?!\n)")]


class InvalidBuild(Exception):
    """The folder is not a build of the client application. The message has the reason."""


class EncodedFile(msgspec.Struct, frozen=True):
    """A file in one encoding; b"" is uncompressed."""

    encoding: bytes
    body: bytes
    tag: bytes


class File(msgspec.Struct, frozen=True):
    path: str
    type: bytes
    #: By encoding; always has the uncompressed file (b"").
    encodings: dict[bytes, EncodedFile]


def read_build(folder: Path) -> dict[str, File]:
    """The files of a build, by their URL paths. Raises `InvalidBuild`."""
    contents: dict[str, bytes] = {}
    remaining_bytes = MAX_BYTES
    for path in _files(folder):
        if len(contents) == MAX_FILES:
            raise InvalidBuild(f"{folder} holds more than {MAX_FILES} files")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidBuild(f"{path} cannot be read: {error.strerror}") from error
        remaining_bytes -= len(content)
        if remaining_bytes < 0:
            raise InvalidBuild(f"{folder} holds more than {MAX_BYTES} bytes")
        contents["/" + path.relative_to(folder).as_posix()] = content
    if INDEX not in contents:
        raise InvalidBuild(f"{folder} has no index.html")
    plain = [path for path in contents if Path(path).suffix not in ENCODINGS]
    return {path: _file(path, contents) for path in plain}


def read_preloads(folder: Path) -> dict[str, list[str]]:
    """The files and requests that each page needs beside those in index.html, by page.

    Empty if the build does not list them: the pages then load them later themselves. Raises `InvalidBuild`.
    """
    path = folder / PRELOADS_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, list[PreloadPath]]) if path.is_file() else {}
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidBuild(f"{path}: {error}") from error


def _files(folder: Path) -> Iterator[Path]:
    """All files, sorted, without hidden ones and without links out of the folder."""
    if not folder.is_dir():
        raise InvalidBuild(f"there is no {folder}")
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            yield path


def _file(path: str, contents: dict[str, bytes]) -> File:
    kind = TYPES.get(Path(path).suffix)
    if kind is None:
        raise InvalidBuild(f"{path}: no type is known for it")
    tag = sha256(contents[path]).hexdigest()[:32]
    encodings = {b"": EncodedFile(b"", contents[path], f'"{tag}"'.encode())}
    for suffix, encoding in ENCODINGS.items():
        compressed = contents.get(path + suffix)
        if compressed is not None and len(compressed) < len(contents[path]):
            # A strong entity tag identifies bytes, so each encoding has its own.
            encodings[encoding] = EncodedFile(encoding, compressed, f'"{tag}{suffix}"'.encode())
    return File(path, kind, encodings)
