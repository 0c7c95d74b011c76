"""Stores and sends the files of pictures.

They are stored on the local disk or in an S3 bucket. The content of a file never changes, so caches need no
invalidation: browsers and proxies may store it for a year, and recently requested files are cached in memory. Files of
an archive that belongs to the installation are served as well, and never deleted.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Protocol

from litestar.types import ASGIApp, HTTPScope

from serai.chassis.errors import NotFound, Unavailable
from serai.chassis.settings import Env, Settings, SettingsError
from serai.commerce.currency import CURRENCIES, Currency
from serai.product.bounded_cache import BoundedCache
from serai.product.media.archive import Archive
from serai.product.media.pictures import is_file_name
from serai.product.response_cache import CachedResponse, RawResponse

MEDIA_ROUTE = "/media/{file}"
_MEDIA_PATH = "/media/"
_KEPT_BYTES = 16 * 1024 * 1024
READ_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 15.0
#: Concurrent reads of files that are not in memory.
READS_AT_ONCE = 16
#: The age at which an incomplete file, left by a process that was killed, is deleted.
_LEFT_BEHIND_S = 3600.0

_FILE_HEADERS = [
    (b"content-type", b"image/webp"),
    (b"cache-control", b"public, max-age=31536000, immutable"),
    (b"x-content-type-options", b"nosniff"),
]


class MediaUnavailable(Unavailable):
    code, detail = "media_unavailable", "The store of pictures is briefly not available; try again."


class ProductSettings(Settings, frozen=True, kw_only=True):
    currency: Annotated[Currency, Env("SERAI_CURRENCY")] = CURRENCIES["USD"]
    #: The folder of pictures; SERAI_HOME/media by default.
    media_dir: Annotated[Path | None, Env("SERAI_MEDIA_DIR")] = None
    #: A zip file of additional pictures; every replica needs it.
    media_archive: Annotated[Path | None, Env("SERAI_MEDIA_ARCHIVE")] = None
    #: An S3 bucket in place of the folder.
    media_bucket: Annotated[str, Env("SERAI_MEDIA_BUCKET")] = ""
    #: The URL of an S3 service other than Amazon's; may be plain http.
    media_endpoint: Annotated[str, Env("SERAI_MEDIA_ENDPOINT")] = ""
    media_region: Annotated[str, Env("SERAI_MEDIA_REGION")] = "us-east-1"
    media_access_key: Annotated[str | None, Env("SERAI_MEDIA_ACCESS_KEY", secret=True)] = None
    media_secret_key: Annotated[str | None, Env("SERAI_MEDIA_SECRET_KEY", secret=True)] = None

    def check(self) -> ProductSettings:
        """Raises `SettingsError`."""
        problems = []
        if self.media_bucket and not (self.media_access_key and self.media_secret_key):
            problems.append("SERAI_MEDIA_BUCKET needs SERAI_MEDIA_ACCESS_KEY and SERAI_MEDIA_SECRET_KEY")
        if self.media_endpoint and not self.media_endpoint.startswith(("http://", "https://")):
            problems.append("SERAI_MEDIA_ENDPOINT is not an http or https URL")
        if self.media_bucket and self.media_dir:
            problems.append("SERAI_MEDIA_BUCKET and SERAI_MEDIA_DIR: give one of them")
        if self.media_archive and not self.media_archive.is_file():
            problems.append(f"SERAI_MEDIA_ARCHIVE: there is no file {self.media_archive}")
        if problems:
            raise SettingsError(problems)
        return self


class Files(Protocol):
    """A storage of files. Methods raise the errors of the storage; `MediaFiles` turns them into `MediaUnavailable`."""

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Store all files durably before it returns. Each file is complete or missing."""

    async def get(self, name: str) -> bytes | None: ...

    async def delete(self, names: Iterable[str]) -> None: ...

    async def tidy(self) -> None:
        """Delete incomplete files of writers that were killed."""


def files_of(settings: ProductSettings) -> Files:
    if not settings.media_bucket:
        return Disk(settings.media_dir or settings.home / "media")
    # Imported only if there is a bucket: it takes memory and time at the start.
    from serai.product.media.bucket import Bucket

    return Bucket(
        settings.media_bucket,
        endpoint=settings.media_endpoint,
        region=settings.media_region,
        access_key=settings.media_access_key or "",
        secret_key=settings.media_secret_key or "",
    )


class Disk:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unfinished = folder / "unfinished"

    async def put(self, files: Mapping[str, bytes]) -> None:
        await asyncio.to_thread(self._put, files)

    async def get(self, name: str) -> bytes | None:
        return await asyncio.to_thread(self._get, name)

    async def delete(self, names: Iterable[str]) -> None:
        await asyncio.to_thread(self._delete, names)

    async def tidy(self) -> None:
        await asyncio.to_thread(self._tidy)

    def _path(self, name: str) -> Path:
        # In 256 folders, since file systems are slow with a hundred thousand files in one.
        return self._folder / name[:2] / name

    def _put(self, files: Mapping[str, bytes]) -> None:
        self._unfinished.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = self._path(name)
            if not path.parent.exists():
                path.parent.mkdir(exist_ok=True)
                _sync(self._folder)
            unfinished = self._unfinished / f"{name}.{secrets.token_hex(8)}"
            with unfinished.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        for folder in {self._path(name).parent for name in files}:
            _sync(folder)

    def _get(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def _delete(self, names: Iterable[str]) -> None:
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _tidy(self) -> None:
        if self._unfinished.exists():
            for file in self._unfinished.iterdir():
                if time.time() - file.stat().st_mtime > _LEFT_BEHIND_S:
                    file.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """Write the folder itself to disk: without it a renamed file may be missing after a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class MediaFiles:
    def __init__(self, files: Files, archive: Archive | None = None) -> None:
        self._files = files
        self._archive = archive
        self._kept: BoundedCache[str] = BoundedCache(_KEPT_BYTES)
        self._reading = asyncio.Semaphore(READS_AT_ONCE)

    async def file(self, scope: HTTPScope, name: str) -> RawResponse:
        """The answer that is this file. Raises `NotFound`, `MediaUnavailable`."""
        if not is_file_name(name):
            raise NotFound
        found = self._kept.get(name)
        if found is None:
            content = await self._read(name)
            if content is None:
                raise NotFound
            found = CachedResponse(content, b'"%b"' % name.encode())
            self._kept.keep(name, found)
        return _sent(scope, found)

    def kept(self, scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        """The route and the answer of a request for a file that is in memory."""
        path = scope["path"]
        if scope["method"] != "GET" or not path.startswith(_MEDIA_PATH):
            return None
        found = self._kept.get(path[len(_MEDIA_PATH) :])
        return None if found is None or scope["query_string"] else (MEDIA_ROUTE, _sent(scope, found))

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Raises `MediaUnavailable`; some of them may be there then."""
        async with _reached(WRITE_TIMEOUT_S):
            await self._files.put(files)

    async def delete(self, names: Iterable[str]) -> None:
        """Raises `MediaUnavailable`; some of them may be gone then."""
        gone = list(names)
        for name in gone:
            self._kept.drop(name)
        async with _reached(WRITE_TIMEOUT_S):
            await self._files.delete(gone)

    async def tidy(self) -> None:
        async with _reached(WRITE_TIMEOUT_S):
            await self._files.tidy()

    async def _read(self, name: str) -> bytes | None:
        async with _reached(READ_TIMEOUT_S), self._reading:
            packed = None if self._archive is None else await asyncio.to_thread(self._archive.read, name)
            return packed if packed is not None else await self._files.get(name)


@asynccontextmanager
async def _reached(timeout_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except Unavailable:
        raise
    except Exception as error:
        # A disk's errors and a bucket's have nothing in common but that nobody can do anything about them here.
        raise MediaUnavailable from error


def _sent(scope: HTTPScope, file: CachedResponse) -> RawResponse:
    about = [*_FILE_HEADERS, (b"etag", file.tag)]
    if any(name == b"if-none-match" and file.is_named(value) for name, value in scope["headers"]):
        return RawResponse(304, about[1:], b"")
    return RawResponse(200, [*about, (b"content-length", b"%d" % len(file.body))], file.body)
