"""The program that converts an uploaded image on standard input to WebP files on standard output.

Image decoders have vulnerabilities, and a file of a few bytes can require gigabytes of memory. So decoding does not
happen in the process that serves the shop: `pictures` starts this program for each upload, without the service's
environment, and it limits its memory, processor time, file access and priority before it reads any input. The output is
encoded from pixels, so it contains nothing else of the upload, such as metadata.

The output is a line of JSON with the sizes, followed by the files, narrowest first; or a line of JSON with the reason
why the file is refused, in words for the person who sent it.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import warnings
from typing import BinaryIO

# The last three are imported to register their formats. For a format that is not registered Pillow imports all of its
# plugins, which takes longer than converting most pictures.
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401

WIDTHS = (320, 640, 1280)
#: The cameras of phones have up to 50 megapixels.
MAX_PIXELS = 51_000_000
MAX_SIDE = 16_000
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 82
#: 51 megapixels take 204 MB, and twice as much during a conversion from one mode to another.
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_S = 15


class Refused(Exception):
    """The message says why, in words for the person who sent the file."""


def main() -> None:
    _confine()
    out = sys.stdout.buffer
    try:
        sizes = encoded_sizes(sys.stdin.buffer.read())
    except Refused as refusal:
        out.write(json.dumps({"refused": str(refusal)}).encode() + b"\n")
        return
    told = [{"width": width, "height": height, "bytes": len(file)} for width, height, file in sizes]
    out.write(json.dumps({"sizes": told}).encode() + b"\n")
    for _, _, file in sizes:
        out.write(file)


def encoded_sizes(sent: bytes) -> list[tuple[int, int, bytes]]:
    """(width, height, WebP file) for each of `WIDTHS` up to the width of the image; only its own width if it is
    narrower than all of them. Raises `Refused`."""
    image = _opened(io.BytesIO(sent))
    try:
        # A JPEG can be decoded at a half of its size or less, which saves most of the work. Both sides are compared,
        # because it may have to be rotated.
        by = min(1.0, 2 * WIDTHS[-1] / max(image.size))
        image.draft(None, (int(image.width * by), int(image.height * by)))
        image.load()
        # Scaled down first, which makes the other steps cheap.
        image = _scaled(_plain(image), 2 * WIDTHS[-1], 2 * WIDTHS[-1])
        image = _in_srgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError) as error:
        raise Refused("is damaged: only a part of it can be read") from error
    except MemoryError as error:
        raise Refused("takes too much memory to open") from error
    made: list[tuple[int, int, bytes]] = []
    for width in WIDTHS:
        # Limits the height of very tall images.
        scaled = _scaled(image, width, 2 * width)
        if not made or scaled.width > made[-1][0]:
            made.append((scaled.width, scaled.height, _webp(scaled)))
    return made


def _opened(file: BinaryIO) -> Image.Image:
    """Read the header of the image. Raises `Refused` for a format or size that is not accepted."""
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
    """Convert to 8 bits per channel in L, RGB, RGBA or CMYK. `info` (profile, orientation) is kept."""
    if image.mode.startswith("I"):
        # 16-bit grayscale, whose values `convert` would clip at 255.
        return image.convert("I").point(lambda level: level / 256, "L")
    if image.mode in ("1", "L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image if image.mode != "1" else image.convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image) -> Image.Image:
    """Convert to RGB or RGBA in sRGB, which browsers assume without a profile. Phones use other color spaces, such as
    Display P3, and embed their profile."""
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
    """Scale down to at most this width and height; never up."""
    by = min(1.0, width / image.width, height / image.height)
    if by == 1.0:
        return image
    size = (max(1, round(image.width * by)), max(1, round(image.height * by)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    # Otherwise Pillow would write the metadata in `info` to the new file.
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
