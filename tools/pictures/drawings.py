"""The drawing of each product."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tools.pictures.canvas import Canvas

Drawing: TypeAlias = Callable[[Canvas], None]

DRAWINGS: dict[str, Drawing] = {}


def product(name: str) -> Callable[[Drawing], Drawing]:
    def register(drawing: Drawing) -> Drawing:
        assert name not in DRAWINGS, name
        DRAWINGS[name] = drawing
        return drawing

    return register
