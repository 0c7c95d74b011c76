"""The products of the demo shop, one module per category."""

from __future__ import annotations

from serai.demo.goods.audio import AUDIO
from serai.demo.goods.clothing import CLOTHING
from serai.demo.goods.furniture import FURNITURE
from serai.demo.goods.good import Good
from serai.demo.goods.home_textiles import HOME_TEXTILES
from serai.demo.goods.kitchen import KITCHEN
from serai.demo.goods.lighting import LIGHTING
from serai.demo.goods.outdoor import OUTDOOR
from serai.demo.goods.stationery import STATIONERY

#: The products that have no stock, by name.
SOLD_OUT = frozenset({"Hand-knotted wool rug", "Bentwood armchair", "Metronome", "Titanium camp mug"})

#: By category, in display order.
GOODS: dict[str, list[Good]] = {
    "furniture": FURNITURE,
    "lighting": LIGHTING,
    "kitchen": KITCHEN,
    "home-textiles": HOME_TEXTILES,
    "clothing": CLOTHING,
    "outdoor": OUTDOOR,
    "stationery": STATIONERY,
    "audio": AUDIO,
}

__all__ = ["GOODS", "SOLD_OUT", "Good"]
