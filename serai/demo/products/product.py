"""A product of the demo catalogue. Prices are in minor units."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DemoProduct:
    name: str
    price: int
    description: str
    attributes: dict[str, str] = field(default_factory=dict)
    #: Option names with their values. Every combination is a variant.
    options: dict[str, list[str]] = field(default_factory=dict)
    #: The price difference between consecutive values of the first option.
    step: int = 0


SIZES = {"size": ["S", "M", "L", "XL"]}
SHOES = {"size": ["38", "39", "40", "41", "42", "43", "44", "45"]}


def coloured(*colours: str) -> dict[str, list[str]]:
    return {"colour": list(colours)}
