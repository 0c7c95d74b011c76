"""Converts an uploaded file to a picture, in a process of its own. Its name is a digest of the result."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from serai.chassis.errors import Unavailable
from serai.contracts.product.media import ImageRefused, ImageSource

#: The largest file, and the largest request: the other parts of the multipart body may take 64 KiB.
MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 64 * 1024
#: Concurrent conversions, and concurrent uploads, each of which holds its file in memory.
OPEN_AT_ONCE = 2
MAX_UPLOADS = 6
#: From the complete upload to the converted picture, including the wait for other conversions.
OPEN_TIMEOUT_S = 20.0
#: The output of the conversion: all widths of one picture.
MAX_OUTPUT_BYTES = 16 * 1024 * 1024

FILE_PATTERN = r"([0-9a-f]{32})-[1-9][0-9]{0,3}\.webp"
_FILE = re.compile(FILE_PATTERN)
_URL = "/media/"


class Picture(msgspec.Struct, frozen=True):
    """A picture in several widths, narrowest first. Equal pictures have the same name."""

    name: str
    width: int
    height: int
    widths: list[int]

    @property
    def url(self) -> str:
        """The URL of the widest file."""
        return _URL + file_name(self.name, self.widths[-1])

    @property
    def sources(self) -> list[ImageSource]:
        return [ImageSource(_URL + file_name(self.name, width), width) for width in self.widths]

    @property
    def files(self) -> list[str]:
        return [file_name(self.name, width) for width in self.widths]


class OpenedImage(msgspec.Struct, frozen=True):
    picture: Picture
    #: By file name.
    files: dict[str, bytes]


def file_name(picture: str, width: int) -> str:
    return f"{picture}-{width}.webp"


def is_file_name(text: str) -> bool:
    return _FILE.fullmatch(text) is not None


def picture_of(url: str) -> str | None:
    """The name of the picture to which the file at `url` belongs; None if it is not a file of this service."""
    match = _FILE.fullmatch(url.removeprefix(_URL)) if url.startswith(_URL) else None
    return match[1] if match else None


def named(sizes: Sequence[tuple[int, int, bytes]]) -> OpenedImage:
    """`sizes` are (width, height, file), narrowest first. The name is a digest of the files, so the content of a name
    never changes and can be cached."""
    digest = hashlib.blake2b(digest_size=16)
    for _, _, file in sizes:
        digest.update(len(file).to_bytes(8, "big") + file)
    name = digest.hexdigest()
    width, height, _ = sizes[-1]
    picture = Picture(name, width, height, [one for one, _, _ in sizes])
    return OpenedImage(picture, {file_name(name, one): file for one, _, file in sizes})


class _Size(msgspec.Struct):
    width: int
    height: int
    bytes: int


class _Told(msgspec.Struct):
    sizes: list[_Size] = []
    refused: str | None = None


class ImageOpener:
    """Converts a few files concurrently, queues a few more, and refuses the rest at once."""

    def __init__(self) -> None:
        self._uploads = 0
        self._opening = asyncio.Semaphore(OPEN_AT_ONCE)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Reserve a place before the upload is read. Raises `Unavailable` if there is none."""
        if self._uploads >= MAX_UPLOADS:
            raise Unavailable("Too many pictures are being sent at once; try again.")
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    async def open(self, sent: bytes) -> OpenedImage:
        """Convert a file. Raises `ImageRefused`, and `Unavailable` if it takes too long."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S), self._opening:
                told = await _transcode(sent)
        except TimeoutError:
            raise Unavailable("This picture took too long to open; try again.") from None
        line, _, files = told.partition(b"\n")
        answer = msgspec.json.decode(line, type=_Told) if line else _Told(refused="cannot be opened")
        if answer.refused is not None or not answer.sizes:
            raise ImageRefused(errors=[{"field": "file", "message": answer.refused or "cannot be opened"}])
        sizes, start = [], 0
        for size in answer.sizes:
            sizes.append((size.width, size.height, files[start : start + size.bytes]))
            start += size.bytes
        return named(sizes)


async def _transcode(sent: bytes) -> bytes:
    """The output of `transcode`; empty if it exceeded one of its limits or `MAX_OUTPUT_BYTES`."""
    # Without the environment of this process, which contains secrets.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai.product.media.transcode"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        output = await _output(process, sent)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return output if process.returncode == 0 else b""


async def _output(process: asyncio.subprocess.Process, sent: bytes) -> bytes:
    """The complete output of the process; empty if it is larger than `MAX_OUTPUT_BYTES`."""
    assert process.stdin is not None, "it is a pipe"
    assert process.stdout is not None, "it is a pipe"
    feeding = asyncio.create_task(_feed(process.stdin, sent))
    try:
        await process.stdout.readexactly(MAX_OUTPUT_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        await process.wait()
        return whole.partial
    finally:
        feeding.cancel()
    return b""


async def _feed(stdin: asyncio.StreamWriter, sent: bytes) -> None:
    # A process that refuses a file may exit before it has read all of it.
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(sent)
        await stdin.drain()
    stdin.close()
