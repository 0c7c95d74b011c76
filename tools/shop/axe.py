"""Finds accessibility problems with axe-core, which is among the web client's packages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: WCAG 2.2, levels A and AA.
STANDARD = {"type": "tag", "values": _WCAG_22_AA}
#: With axe's own best practices.
_EVERYTHING = {"type": "tag", "values": [*_WCAG_22_AA, "best-practice"]}
#: The rules that depend on the theme.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_RUN = """async (runOnly) => {
  const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"] });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ id, impact, html: html.slice(0, 200), why: failureSummary })));
}"""


async def barriers(page: Page, rules: dict[str, Any] = _EVERYTHING) -> list[str]:
    """The accessibility problems of the page in its current state, one per line."""
    if not await page.evaluate("'axe' in window"):
        # Evaluated, because the page's content security policy refuses a script element.
        await page.evaluate(_source())
    found = await page.evaluate(_RUN, rules)
    return [f"{each['impact']} {each['id']}: {each['html']}: {' '.join(each['why'].split())}" for each in found]


@cache
def _source() -> str:
    return _AXE.read_text() + ";undefined"
