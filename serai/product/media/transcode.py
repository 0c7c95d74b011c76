"""The program that opens a file somebody sent: an image on standard input, the same picture as WebP on standard output.

Decoders have had holes and will have more, and a file of a few bytes can ask for gigabytes. So nothing of this happens
in the process that serves the shop: `pictures` starts one of these for each upload, without the service's environment,
and this one takes away from itself what it does not need (memory, processor time, files, the right of way) before it
looks at a single byte. What comes out is drawn anew from pixels, so nothing else of what was sent is in it.

The answer is a line of JSON and then the files it tells of, the narrowest first; or a line that says, in words for
whoever sent the file, why it is refused.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import warnings
from typing import BinaryIO

# The last three are imported for what they register: for a format that is not registered Pillow imports every one it
# has, which takes longer than the rest of the work on most pictures.
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

WIDTHS = (320, 640, 1280)
#: The largest cameras of telephones take 50 megapixels.
MAX_PIXELS = 51_000_000
MAX_SIDE = 16_000
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82
#: 51 megapixels are 204 MB in memory; they are there twice while one form of them is made from another.
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 15


class Refused(Exception):
    """Words for whoever sent the file."""


def main() -> None:
    _confine()
    out = sys.stdout.buffer
    try:
        sizes = reencoded(sys.stdin.buffer.read())
    except Refused as refusal:
        out.write(json.dumps({"refused": str(refusal)}).encode() + b"\n")
        return
    told = [{"width": width, "height": height, "bytes": len(file)} for width, height, file in sizes]
    out.write(json.dumps({"sizes": told}).encode() + b"\n")
    for _, _, file in sizes:
        out.write(file)


def reencoded(sent: bytes) -> list[tuple[int, int, bytes]]:
    """(width, height, WebP) of each width that the picture is wide enough for, its own if it is narrower than all.
    Raises `Refused`."""
    image = _opened(io.BytesIO(sent))
    try:
        # A JPEG can be read in half its size or less, which saves most of the work; it may yet have to be turned.
        by = min(1.0, 2 * WIDTHS[-1] / max(image.size))
        image.draft(None, (int(image.width * by), int(image.height * by)))
        image.load()
        # Once it is scaled down, the rest costs little.
        image = _scaled(_plain(image), 2 * WIDTHS[-1], 2 * WIDTHS[-1])
        image = _in_srgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError) as error:
        raise Refused("is damaged: only a part of it can be read") from error
    except MemoryError as error:
        raise Refused("takes too much memory to open") from error
    made: list[tuple[int, int, bytes]] = []
    for width in WIDTHS:
        # A tower is bounded by its height.
        scaled = _scaled(image, width, 2 * width)
        if not made or scaled.width > made[-1][0]:
            made.append((scaled.width, scaled.height, _webp(scaled)))
    return made


def _opened(file: BinaryIO) -> Image.Image:
    """The image, of which only the header has been read. Raises `Refused` for what we would not go on to decode."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Refused(_TOO_MANY) from error
    except Exception as error:
        raise Refused("is not a JPEG, PNG or WebP image") from error
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise Refused(_TOO_MANY)
    if getattr(image, "is_animated", False):
        raise Refused("is animated; send a still picture")
    return image


_TOO_MANY = f"has too many pixels: {MAX_PIXELS // 1_000_000} megapixels, and {MAX_SIDE} on a side, are the most"


def _plain(image: Image.Image) -> Image.Image:
    """Eight bits in each of grey, RGB, RGBA or CMYK; what else was told about the image stays with it."""
    if image.mode.startswith("I"):
        # Sixteen bits of grey, which would be cut off at 255.
        return image.convert("I").point(lambda level: level / 256, "L")
    if image.mode in ("1", "L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image if image.mode != "1" else image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image) -> Image.Image:
    """RGB or RGBA as a browser takes it when it is told nothing: telephones write other colours, and say so."""
    profile = image.info.get("icc_profile")
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return image.convert(mode)


def _scaled(image: Image.Image, width: int, height: int) -> Image.Image:
    """No wider and no higher than that; never larger than it is."""
    by = min(1.0, width / image.width, height / image.height)
    if by == 1.0:
        return image
    size = (max(1, round(image.width * by)), max(1, round(image.height * by)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    # What Pillow has read about the file travels in `info` and would be written again.
    image.info.clear()
    image.save(file, "WEBP", quality=QUALITY, method=4, exif=b"", icc_profile=None, xmp=b"")
    return file.getvalue()


def _confine() -> None:
    os.nice(10)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main()
