"""How a file that somebody sent becomes a picture of ours: opened in a process of its own, named by what came out."""

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

#: What one request may send, and what its other parts may take beside the file.
MAX_FILE_BYTES = 10 * 1024 * 1024
MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 64 * 1024
#: Files being opened, and uploads in hand at all: each holds its file in memory.
OPEN_AT_ONCE = 2
MAX_UPLOADS = 6
#: From when a file is whole until it is a picture, waiting for others included.
OPEN_TIMEOUT_S = 20.0
#: All widths of one picture together, as the program writes them.
MAX_OUTPUT_BYTES = 16 * 1024 * 1024

FILE_PATTERN = r"([0-9a-f]{32})-[1-9][0-9]{0,3}\.webp"
_FILE = re.compile(FILE_PATTERN)
_URL = "/media/"


class Picture(msgspec.Struct, frozen=True):
    """One picture in several widths, narrowest first. The same picture has the same name wherever it is used."""

    name: str
    width: int
    height: int
    widths: list[int]

    @property
    def url(self) -> str:
        """Its widest file."""
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
    """The name of the picture that `url` is a file of, if it is one of ours."""
    match = _FILE.fullmatch(url.removeprefix(_URL)) if url.startswith(_URL) else None
    return match[1] if match else None


def named(sizes: Sequence[tuple[int, int, bytes]]) -> OpenedImage:
    """`sizes` are (width, height, file), the narrowest first. Named by their content, which is why whoever has a file
    need never ask for it again."""
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
    """Opens a few files at once, and has room for a few more that wait; beyond that it says so at once."""

    def __init__(self) -> None:
        self._uploads = 0
        self._opening = asyncio.Semaphore(OPEN_AT_ONCE)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Taken before an upload is read. Raises `Unavailable`."""
        if self._uploads >= MAX_UPLOADS:
            raise Unavailable("Too many pictures are being sent at once; try again.")
        self._uploads += 1
        try:
            yield
        finally:
            self._uploads -= 1

    async def open(self, sent: bytes) -> OpenedImage:
        """Raises `ImageRefused`, and `Unavailable` when it takes too long."""
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
    """The output of `transcode`; nothing where it was ended by one of its limits, or wrote more than is taken."""
    # Without our environment, which holds secrets.
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
    """What the program writes until it ends; nothing where that is more than `MAX_OUTPUT_BYTES`."""
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
    # A program that refuses a file may end before it has read all of it.
    with suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(sent)
        await stdin.drain()
    stdin.close()
