"""Runs Lighthouse on its own shop through the gateway: `make lighthouse` prints one table and stores the reports.

Every page is visited as the user it is for, on desktop. The pages with which most visits begin are also visited on a
phone with a simulated slow network and CPU. A visit whose speed counts is repeated, and its median is reported.
ARGS="--only '/admin/*'" selects pages by path, ARGS="--runs 1" is quick.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import msgspec

from tools.shop.browser import program_path
from tools.shop.shopper import PASSWORD, AdminClient, Shopper, pay, until
from tools.shop.system import System, running_system

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / ".lighthouse"
RUNS = 3
TIMEOUT_S = 3600.0

#: The minimum scores, out of 100.
ACCESSIBILITY, BEST_PRACTICES = 95, 95
PERFORMANCE = {"desktop": 95, "mobile": 85}


class Result(msgspec.Struct, frozen=True):
    person: str
    path: str
    form: str
    #: Whether the speed limits apply.
    fast: bool
    ended_at: str
    performance: int
    accessibility: int
    best_practices: int
    fcp_ms: int
    lcp_ms: int
    tbt_ms: int
    cls: float
    lost: list[str]
    error: str | None


class Page(msgspec.Struct, frozen=True):
    path: str
    #: Whether the speed limits apply.
    fast: bool = False


def people(system: System) -> dict[str, tuple[dict[str, Any], list[Page]]]:
    """The users and the pages that they visit, by name."""
    shopper, admin = Shopper(system), AdminClient(system)
    with contextlib.closing(shopper.http), contextlib.closing(admin.http):
        found = shopper.http.get("/api/products", params={"in_stock": "true", "limit": 100}).json()["items"]
        product = next(one for one in found if one.get("default_variant_id"))
        shopper.add(product).raise_for_status()
        order = shopper.placed()
        pay(order)
        shopper.order_when(order["id"], "paid")
        until("the cart to be emptied", lambda: not shopper.cart()["items"])
        shopper.add(product).raise_for_status()
    admin_login = {name: value for name, value in system.login("admin").items() if name != "role"}
    puts = {"product_id": product["id"], "quantity": 1}
    shown = f"/products/{product['slug']}"
    start = [Page("/", fast=True), Page("/products"), Page(shown, fast=True), Page("/cart", fast=True)]
    guest = [*start, *map(Page, ("/checkout", "/sign-in", "/register", "/forgot"))]
    customer_s = [*map(Page, ("/", "/cart", "/checkout", "/orders", f"/orders/{order['id']}", "/settings"))]
    rooms = (
        "orders",
        f"orders/{order['id']}",
        "products",
        "products/new",
        f"products/{product['id']}",
        "users",
        "mails",
        "system",
    )
    admin_s = [Page("/"), *(Page(f"/admin/{one}") for one in rooms)]
    return {
        "guest": ({"login": None, "puts": puts}, guest),
        "customer": ({"login": {"email": shopper.email, "password": PASSWORD}, "puts": None}, customer_s),
        "admin": ({"login": admin_login, "puts": None}, admin_s),
    }


def visits(pages: Iterable[Page], runs: int, only: str) -> list[dict[str, Any]]:
    wanted = [page for page in pages if fnmatch(page.path, only)]
    return [
        {"path": page.path, "form": form, "fast": page.fast, "runs": runs if page.fast else 1}
        for form in ("desktop", "mobile")
        for page in wanted
        if form == "desktop" or page.fast
    ]


def measure(system: System, runs: int, only: str) -> Iterator[Result]:
    """Yields the results as they come."""
    job = {
        "url": system.url,
        "chromium": program_path(),
        "reports": str(REPORTS),
        "people": [
            {"name": name, **about, "visits": found}
            for name, (about, pages) in people(system).items()
            if (found := visits(pages, runs, only))
        ],
    }
    node = shutil.which("node")
    if node is None:
        raise SystemExit("node is not installed: `make lighthouse` installs it")
    with subprocess.Popen(
        [node, "run.js"], cwd=ROOT / "web" / "lighthouse", stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
        for line in process.stdout:
            yield msgspec.json.decode(line, type=Result)
        if process.wait(TIMEOUT_S) != 0:
            raise SystemExit("Lighthouse failed; see its output above")


def medians(results: Iterable[Result]) -> list[Result]:
    """The median run of each visit, by performance."""
    by_visit: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        by_visit.setdefault((result.person, result.form, result.path), []).append(result)
    return [sorted(runs, key=lambda run: run.performance)[len(runs) // 2] for runs in by_visit.values()]


def shortcomings(result: Result) -> list[str]:
    found = [result.error] if result.error else []
    if result.accessibility < ACCESSIBILITY:
        found.append(f"accessibility below {ACCESSIBILITY}")
    if result.best_practices < BEST_PRACTICES:
        found.append(f"best practices below {BEST_PRACTICES}")
    if result.fast and result.performance < PERFORMANCE[result.form]:
        found.append(f"performance below {PERFORMANCE[result.form]}")
    if result.ended_at != result.path:
        found.append(f"redirected to {result.ended_at}")
    return found


def table(results: Iterable[Result]) -> tuple[str, bool]:
    """The table, and whether all results are within the limits."""
    head = f"{'':<9}{'page':<46}{'':<8}{'perf':>5}{'a11y':>5}{'best':>5}{'FCP s':>7}{'LCP s':>7}{'TBT ms':>7}{'CLS':>6}"
    lines, well = [head], True
    for one in results:
        wrong = shortcomings(one)
        well = well and not wrong
        lines.append(
            f"{one.person:<9}{one.path[:45]:<46}{one.form:<8}{one.performance:>5}{one.accessibility:>5}"
            f"{one.best_practices:>5}{one.fcp_ms / 1000:>7.1f}{one.lcp_ms / 1000:>7.1f}{one.tbt_ms:>7}{one.cls:>6.2f}"
            f"  {'; '.join([*wrong, *one.lost])}".rstrip()
        )
    return "\n".join(lines), well


def main() -> int:
    parser = argparse.ArgumentParser(prog="make lighthouse", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", default="*", metavar="ADDRESS")
    options = parser.parse_args()
    shutil.rmtree(REPORTS, ignore_errors=True)
    results = []
    with tempfile.TemporaryDirectory(prefix="serai-lighthouse-") as folder, running_system(Path(folder)) as system:
        for result in measure(system, options.runs, options.only):
            print(f"  {result.person} {result.path} {result.form}: {result.performance}", file=sys.stderr, flush=True)
            results.append(result)
    middle = medians(results)
    text, well = table(middle)
    (REPORTS / "table.json").write_bytes(msgspec.json.format(msgspec.json.encode(middle)))
    print(text)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
