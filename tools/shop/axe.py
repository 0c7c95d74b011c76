"""Asks axe-core, which the client application's packages hold, what on a page bars whom."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: WCAG 2.2, levels A and AA.
STANDARD = {"type": "tag", "values": _WCAG_22_AA}
#: And what axe's authors think good beyond it.
_EVERYTHING = {"type": "tag", "values": [*_WCAG_22_AA, "best-practice"]}
#: All that depends on the theme.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
_RUN = """async (runOnly) => {
  const { violations } = await axe.run(document, { runOnly, resultTypes: ["violations"] });
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, failureSummary }) => ({ id, impact, html: html.slice(0, 200), why: failureSummary })));
}"""


async def barriers(page: Page, rules: dict[str, Any] = _EVERYTHING) -> list[str]:
    """What is wrong with the page as it stands, a line each."""
    if not await page.evaluate("'axe' in window"):
        # Not as a script of the page, which its policy would refuse.
        await page.evaluate(_source())
    found = await page.evaluate(_RUN, rules)
    return [f"{each['impact']} {each['id']}: {each['html']}: {' '.join(each['why'].split())}" for each in found]


@cache
def _source() -> str:
    return _AXE.read_text() + ";undefined"
