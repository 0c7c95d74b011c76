"""The products of the demo shop, one module per category."""

from __future__ import annotations

from serai.demo.products.audio import AUDIO
from serai.demo.products.clothing import CLOTHING
from serai.demo.products.furniture import FURNITURE
from serai.demo.products.home_textiles import HOME_TEXTILES
from serai.demo.products.kitchen import KITCHEN
from serai.demo.products.lighting import LIGHTING
from serai.demo.products.outdoor import OUTDOOR
from serai.demo.products.product import DemoProduct
from serai.demo.products.stationery import STATIONERY

#: The products that have no stock, by name.
SOLD_OUT = frozenset({"Hand-knotted wool rug", "Bentwood armchair", "Metronome", "Titanium camp mug"})

#: By category, in display order.
PRODUCTS: dict[str, list[DemoProduct]] = {
    "furniture": FURNITURE,
    "lighting": LIGHTING,
    "kitchen": KITCHEN,
    "home-textiles": HOME_TEXTILES,
    "clothing": CLOTHING,
    "outdoor": OUTDOOR,
    "stationery": STATIONERY,
    "audio": AUDIO,
}

__all__ = ["PRODUCTS", "SOLD_OUT", "DemoProduct"]
