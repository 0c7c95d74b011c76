"""The size of the scripts that a browser loads before a page is complete, after gzip: `make web-sizes` prints it for
all pages.

It is computed from the build's manifest: the entry, the page's own module, their imports, and what they load by
themselves when they are rendered. Modules that are loaded only on user interaction are listed here and not counted.
Everything else that is loaded lazily counts.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

WEB = Path(__file__).parents[1] / "web"
LIMIT_KB = 200.0
#: The pages with which most visits begin.
SHOPPING = ("/", "/products", "/products/{slug}", "/cart")
SHOPPING_LIMIT_KB = 170.0

#: Loaded on user interaction, or when the session ends.
ON_DEMAND = frozenset(
    {
        "src/app/MenuDrawer.tsx",
        "src/features/catalog/FilterDrawer.tsx",
        "src/session/SignInAgain.tsx",
        "src/ui/ConfirmDialog.tsx",
    }
)
_ENTRY = "index.html"
_ROUTE = re.compile(r'path: "(?P<path>[^"]+)",.*?import\("@/(?P<module>[^"]+)"\)', re.DOTALL)


class FirstLoad(msgspec.Struct, frozen=True):
    page: str
    files: int
    size_kb: float
    limit_kb: float


class Build:
    """The last build of the web client."""

    def __init__(self, web: Path = WEB) -> None:
        self._dist = web / "dist"
        self._manifest: dict[str, Any] = json.loads((self._dist / ".vite" / "manifest.json").read_text())
        found = _ROUTE.finditer((web / "src" / "app" / "router.tsx").read_text())
        #: The module of each page, by the page's path as the gateway writes it.
        self.pages = {re.sub(r"\$(\w+)", r"{\1}", one["path"]): f"src/{one['module']}.tsx" for one in found}
        self.every_lazy = {module for chunk in self._manifest.values() for module in chunk.get("dynamicImports", [])}
        self._sizes: dict[str, int] = {}

    def first_load(self, page: str) -> FirstLoad:
        chunks = self._loaded_chunks([_ENTRY, self.pages[page]])
        files = {str(self._manifest[chunk]["file"]) for chunk in chunks} | {"scheme.js"}
        limit_kb = SHOPPING_LIMIT_KB if page in SHOPPING else LIMIT_KB
        scripts = [file for file in files if file.endswith(".js")]
        return FirstLoad(page, len(scripts), sum(map(self._size, scripts)) / 1000, limit_kb)

    def _loaded_chunks(self, start: Iterable[str]) -> set[str]:
        excluded = ON_DEMAND | set(self.pages.values())
        reached, ahead = set[str](), list(start)
        while ahead:
            chunk = ahead.pop()
            if chunk not in reached:
                reached.add(chunk)
                entry = self._manifest[chunk]
                ahead += entry.get("imports", [])
                ahead += [module for module in entry.get("dynamicImports", []) if module not in excluded]
        return reached

    def _size(self, file: str) -> int:
        if file not in self._sizes:
            self._sizes[file] = len(gzip.compress((self._dist / file).read_bytes(), 9))
        return self._sizes[file]


def main() -> int:
    build = Build()
    loads = sorted(map(build.first_load, build.pages), key=lambda load: -load.size_kb)
    print(f"{'page':<26}{'scripts':>8}{'kB gzip':>9}{'limit':>9}")
    for load in loads:
        print(f"{load.page:<26}{load.files:>8}{load.size_kb:>9.1f}{load.limit_kb:>9.0f}")
    return 1 if any(load.size_kb > load.limit_kb for load in loads) else 0


if __name__ == "__main__":
    sys.exit(main())
