"""Files that somebody might send as a picture."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def plain(width: int = 800, height: int = 600, colour: Any = (200, 80, 40), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), colour)


def halves(width: int = 400, height: int = 200) -> Image.Image:
    """Red on the left and blue on the right."""
    image = plain(width, height, (220, 30, 30))
    image.paste((30, 30, 220), (width // 2, 0, width, height))
    return image


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def png_that_says(width: int, height: int) -> bytes:
    """A few hundred bytes that claim to be that large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def animated(kind: str) -> bytes:
    frames = [plain(60, 60, (step * 80, 0, 0)) for step in range(3)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
