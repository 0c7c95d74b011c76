"""Takes a screenshot of every page, in two widths and both themes, of a shop with the demo data: `make screenshots`.

They are written to docs/screenshots/<look>-<width>-<theme>.webp, where the looks are those of tools/shop/pages.py. A
screenshot is as high as its page, up to a maximum.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, expect

from tools.shop.browser import DESKTOP, PHONE, TIMEOUT_S, chromium
from tools.shop.pages import LOOKS, PEOPLE, Look, Stage, Who, set_stage, settled
from tools.shop.shopper import AdminClient
from tools.shop.system import running_system

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
#: Device pixels per CSS pixel. With 1, the text of the phone width is illegible.
SHARPNESS = {DESKTOP[0]: 1.0, PHONE[0]: 1.5}
HIGHEST = {DESKTOP[0]: 2000, PHONE[0]: 2400}
QUALITY = 80


async def photograph(stage: Stage, looks: list[Look], folder: Path) -> None:
    async with chromium() as browser:
        for size in (DESKTOP, PHONE):
            for who in PEOPLE:
                theirs = [look for look in looks if look.who == who]
                if theirs:
                    await _as_seen_by(who, browser, stage, theirs, size, folder)


async def _as_seen_by(
    who: Who, browser: Browser, stage: Stage, looks: list[Look], size: tuple[int, int], folder: Path
) -> None:
    width, height = size
    phone = size == PHONE
    context = await browser.new_context(
        base_url=f"http://localhost:{stage.system.port}",
        viewport={"width": width, "height": height},
        device_scale_factor=SHARPNESS[width],
        has_touch=phone,
        is_mobile=phone,
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_S * 1000)
    await stage.enter(context, who)
    page = await context.new_page()
    for look in looks:
        await page.goto(look.address(stage.facts))
        await settled(page, look.heading.format(**stage.facts))
        # The viewport is as high as the page, so that lazy images are loaded.
        needed = int(await page.evaluate("document.documentElement.scrollHeight"))
        await page.set_viewport_size({"width": width, "height": min(max(needed, height), HIGHEST[width])})
        await settled(page, look.heading.format(**stage.facts))
        for theme in ("light", "dark"):
            await _keep(page, theme, folder / f"{look.name}-{width}-{theme}.webp")
        await page.set_viewport_size({"width": width, "height": height})
    await context.close()


async def _keep(page: Page, theme: str, path: Path) -> None:
    await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await expect(page.locator(f'html[data-mantine-color-scheme="{theme}"]')).to_be_attached()
    shot = await page.screenshot(animations="disabled", caret="hide")
    with Image.open(io.BytesIO(shot)) as picture:
        picture.convert("RGB").save(path, "WEBP", quality=QUALITY)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("looks", nargs="*", help="names of looks (default: all)")
    parser.add_argument("--to", type=Path, default=FOLDER, help="output folder")
    options = parser.parse_args()
    looks = [look for look in LOOKS if not options.looks or look.name in options.looks]
    expect.set_options(timeout=TIMEOUT_S * 1000)
    options.to.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    past = {"SERAI_DEMO_ORDERS": "on"}
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder), past) as system:
        stage = set_stage(system, AdminClient(system), "ada.quill@example.com")
        asyncio.run(photograph(stage, looks, options.to))
    size_mb = sum(path.stat().st_size for path in options.to.glob("*.webp")) / 1e6
    print(f"{len(looks) * 4} pictures in {time.monotonic() - began:.0f} s; {options.to} has {size_mb:.1f} MB")


if __name__ == "__main__":
    main()
