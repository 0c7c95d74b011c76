"""A canvas of 640 by 640 for shapes. The light comes from the upper left: every colour is a gradient from a lighter to
a darker tone, and shadows fall to the lower right."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from contextlib import contextmanager

SIDE = 640


def tone(colour: str, by: float) -> str:
    """Lighter (by > 0) or darker; darker ones turn a little cooler, as shadows do."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, strength = colorsys.rgb_to_hls(red, green, blue)
    light = light + (1 - light) * by if by > 0 else light * (1 + by)
    rgb = colorsys.hls_to_rgb(hue, min(1.0, light), strength * (1 - 0.15 * abs(by)))
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


class Canvas:
    def __init__(self) -> None:
        self._defs: dict[str, str] = {}
        self._body: list[str] = []
        self._blur(6)
        self._defs["lift"] = (
            '<filter id="lift" x="-30%" y="-30%" width="170%" height="170%">'
            '<feDropShadow dx="9" dy="14" stdDeviation="11" flood-color="#2a2320" flood-opacity="0.30"/></filter>'
        )
        self._defs["near"] = (
            '<filter id="near" x="-30%" y="-30%" width="170%" height="170%">'
            '<feDropShadow dx="3" dy="5" stdDeviation="4" flood-color="#2a2320" flood-opacity="0.26"/></filter>'
        )

    # Shapes. A colour is shaded by the light unless `flat`.

    def rect(
        self, x: float, y: float, w: float, h: float, colour: str, r: float = 0, *, rot: float = 0, flat: bool = False
    ) -> None:
        turn = f' transform="rotate({rot} {x + w / 2} {y + h / 2})"' if rot else ""
        self._add(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{r}"{turn} fill="{self._fill(colour, flat)}"/>')

    def oval(
        self, x: float, y: float, rx: float, ry: float, colour: str, *, flat: bool = False, rot: float = 0
    ) -> None:
        turn = f' transform="rotate({rot} {x} {y})"' if rot else ""
        self._add(f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}"{turn} fill="{self._fill(colour, flat)}"/>')

    def shape(self, path: str, colour: str, *, flat: bool = False, opacity: float = 1) -> None:
        self._add(f'<path d="{path}" fill="{self._fill(colour, flat)}" opacity="{opacity}"/>')

    def line(self, path: str, colour: str, width: float, *, cap: str = "round", opacity: float = 1) -> None:
        self._add(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="{cap}" '
            f'stroke-linejoin="round" opacity="{opacity}"/>'
        )

    def dashes(self, path: str, colour: str, width: float, dashes: str, *, opacity: float = 1) -> None:
        self._add(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes}" '
            f'opacity="{opacity}"/>'
        )

    # Light and shadow

    def ground(self, x: float, y: float, rx: float, ry: float = 16, dark: float = 0.30) -> None:
        """The shadow of what stands there."""
        self._add(
            f'<ellipse cx="{x + 14}" cy="{y}" rx="{rx}" ry="{ry}" fill="#2a2320" opacity="{dark}" '
            f'filter="url(#{self._blur(12)})"/>'
        )

    def glow(self, x: float, y: float, r: float, colour: str = "#ffe2a0", strength: float = 0.8) -> None:
        name = f"glow{colour[1:]}{round(strength * 100)}"
        self._defs[name] = (
            f'<radialGradient id="{name}"><stop stop-color="{colour}" stop-opacity="{strength}"/>'
            f'<stop offset="0.45" stop-color="{colour}" stop-opacity="{strength * 0.34:.2f}"/>'
            f'<stop offset="1" stop-color="{colour}" stop-opacity="0"/></radialGradient>'
        )
        self._add(f'<circle cx="{x}" cy="{y}" r="{r}" fill="url(#{name})"/>')

    def shine(self, path: str, width: float = 6, opacity: float = 0.45) -> None:
        """A bright edge."""
        self.line(path, "#ffffff", width, opacity=opacity)

    def shade(self, path: str, opacity: float = 0.14) -> None:
        """A part that the light does not reach."""
        self._add(f'<path d="{path}" fill="#2a2320" opacity="{opacity}"/>')

    @contextmanager
    def lifted(self, how: str = "lift", *, rot: float = 0, move: tuple[float, float] = (0, 0)) -> Iterator[None]:
        """What lies or hangs in front of something: all of it throws one shadow."""
        turn = f"translate({move[0]} {move[1]}) rotate({rot} 320 320)"
        self._add(f'<g filter="url(#{how})"><g transform="{turn}">')
        yield
        self._add("</g></g>")

    @contextmanager
    def inside(self, path: str) -> Iterator[None]:
        """Cut off at the edge of that shape."""
        name = f"cut{len(self._defs)}"
        self._defs[name] = f'<clipPath id="{name}"><path d="{path}"/></clipPath>'
        self._add(f'<g clip-path="url(#{name})">')
        yield
        self._add("</g>")

    @contextmanager
    def moved(self, x: float = 0, y: float = 0, scale: float = 1, rot: float = 0, flip: bool = False) -> Iterator[None]:
        mirror = " translate(640 0) scale(-1 1)" if flip else ""
        around = f"translate(320 320) scale({scale}) rotate({rot}) translate(-320 -320)"
        self._add(f'<g transform="translate({x} {y}) {around}{mirror}">')
        yield
        self._add("</g>")

    def svg(self) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">'
            f"<defs>{''.join(self._defs.values())}</defs>{''.join(self._body)}</svg>"
        )

    def _add(self, markup: str) -> None:
        self._body.append(markup)

    def _fill(self, colour: str, flat: bool) -> str:
        if flat:
            return colour
        name = f"c{colour[1:]}"
        if name not in self._defs:
            self._defs[name] = (
                f'<linearGradient id="{name}" x1="0" y1="0" x2="0.75" y2="1">'
                f'<stop stop-color="{tone(colour, 0.24)}"/><stop offset="0.5" stop-color="{colour}"/>'
                f'<stop offset="1" stop-color="{tone(colour, -0.20)}"/></linearGradient>'
            )
        return f"url(#{name})"

    def _blur(self, by: float) -> str:
        name = f"blur{by}"
        self._defs[name] = (
            f'<filter id="{name}" x="-60%" y="-200%" width="220%" height="500%">'
            f'<feGaussianBlur stdDeviation="{by}"/></filter>'
        )
        return name
