"""`python -m tools.pictures [--sheet FILE] [--only WORD]`: draw all pictures and write them into the package; with
--only draw some of them without writing."""

from __future__ import annotations

import argparse
import io
import itertools
import zipfile
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path

import msgspec
import resvg_py
from PIL import Image

from serai.demo import PICTURES
from serai.demo.pictures import INDEX
from serai.demo.products import PRODUCTS
from serai.product.media.pictures import OpenedImage, named
from tools.pictures.canvas import Canvas
from tools.pictures.drawings import DRAWINGS
from tools.pictures.scenes import SCENES

#: WebP quality by width. Larger pictures need less quality, and all of them are in the repository.
QUALITY = {320: 55, 560: 40, 800: 30}
WIDTHS = tuple(QUALITY)
#: A fixed date of the files in the archive, so that the same drawings produce the same archive.
LONG_AGO = (1980, 1, 1, 0, 0, 0)

for _name in ("furniture", "lighting", "kitchen", "textiles", "clothing", "outdoor", "stationery", "audio"):
    import_module(f"tools.pictures.{_name}")


def svg_of(category: str, name: str, turn: int) -> str:
    canvas = Canvas()
    SCENES[category](canvas, turn)
    DRAWINGS[name](canvas)
    return canvas.svg()


def drawn(svg: str, width: int) -> Image.Image:
    return Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=svg, width=width, skip_system_fonts=True))).convert(
        "RGB"
    )


def opened(svg: str) -> OpenedImage:
    large = drawn(svg, WIDTHS[-1])
    sizes = []
    for width in WIDTHS:
        file = io.BytesIO()
        scaled = large.resize((width, width), Image.Resampling.LANCZOS) if width < large.width else large
        scaled.save(file, "WEBP", quality=QUALITY[width], method=6)
        sizes.append((width, width, file.getvalue()))
    return named(sizes)


def chosen(only: str) -> list[tuple[str, str, int]]:
    """(category, good, which colouring of the scene)."""
    return [
        (category, product.name, at % 3)
        for category, products in PRODUCTS.items()
        for at, product in enumerate(products)
        if only in category or only in product.name
    ]


def write(pictures: dict[str, OpenedImage], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        index = msgspec.json.encode({name: one.picture for name, one in sorted(pictures.items())})
        archive.writestr(zipfile.ZipInfo(INDEX, LONG_AGO), index, zipfile.ZIP_DEFLATED)
        for name, content in itertools.chain.from_iterable(one.files.items() for one in pictures.values()):
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content)


def sheet(svgs: list[str], path: Path, side: int = 300, columns: int = 8) -> None:
    rows = -(-len(svgs) // columns)
    whole = Image.new("RGB", (columns * (side + 12) + 12, rows * (side + 12) + 12), "#ffffff")
    for at, svg in enumerate(svgs):
        picture = drawn(svg, 2 * side).resize((side, side), Image.Resampling.LANCZOS)
        whole.paste(picture, (12 + at % columns * (side + 12), 12 + at // columns * (side + 12)))
    whole.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=__doc__)
    parser.add_argument("--sheet", type=Path, help="draw all side by side into this PNG")
    parser.add_argument("--only", default="", help="a category or a part of a good's name; writes no archive")
    parser.add_argument("--columns", type=int, default=8)
    options = parser.parse_args()
    products = [one for one in chosen(options.only) if one[1] in DRAWINGS or not options.only]
    svgs = {name: svg_of(category, name, turn) for category, name, turn in products}
    if options.sheet:
        sheet(list(svgs.values()), options.sheet, columns=options.columns)
    if not options.only:
        with ProcessPoolExecutor(2) as pool:
            made = list(pool.map(opened, svgs.values()))
        write(dict(zip(svgs, made, strict=True)), PICTURES)
        print(f"{len(made)} pictures, {PICTURES.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
