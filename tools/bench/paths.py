"""The paths that visitors request, with as much variety as in a shop of that size."""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import msgspec

from tools.bench.figures import LoadFailed
from tools.bench.products import generate_product
from tools.bench.searches import searches
from tools.bench.vocabulary import CATEGORIES
from tools.bench.wrk import MAX_PATHS

SEARCHES = 4_000
POPULAR_VIEWS = 50_000
DEEP_PAGES = 20
#: Checked before the run: wrk would count an empty page or a redirect as success.
LOOKED_AT = 20


def front_page(client: httpx.Client, size: int) -> list[str]:
    return _looked_at(client, ["/api/products"], "items")


def pages(client: httpx.Client, size: int) -> list[str]:
    """Every category in every sort order, some with filters, and the first pages of the newest products."""
    orders = ("newest", "price", "-price", "name")
    found = [_list(category=category, sort=order) for category in CATEGORIES for order in orders]
    found += [_list(category=category, in_stock="true") for category in CATEGORIES]
    found += [_list(min_price=at, max_price=at + 2500) for at in range(1000, 20_000, 1000)]
    cursor = None
    for _ in range(DEEP_PAGES):
        found.append(_list(cursor=cursor) if cursor else _list())
        cursor = client.get(found[-1]).raise_for_status().json()["next_cursor"]
        if cursor is None:
            break
    random.Random(1).shuffle(found)
    return _looked_at(client, found, "items")


def details(client: httpx.Client, size: int) -> list[str]:
    """Each product equally often: the largest working set."""
    chosen = random.Random(1).sample(range(size), min(size, MAX_PATHS))
    return _looked_at(client, [f"/api/products/{generate_product(number).id}" for number in chosen], "id")


def popular(client: httpx.Client, size: int) -> list[str]:
    """Popularity by Zipf's law: the second product is requested half as often as the first, the third a third as
    often."""
    ranked = random.Random(1).sample(range(size), size)
    views = random.Random(2).choices(ranked, weights=[1 / rank for rank in range(1, size + 1)], k=POPULAR_VIEWS)
    paths = {number: f"/api/products/{generate_product(number).id}" for number in set(views)}
    return _looked_at(client, [paths[number] for number in views], "id")


def words(client: httpx.Client, size: int) -> list[str]:
    return _looked_at(client, [_list(q=typed) for typed in searches(SEARCHES)], "items")


class Visit(msgspec.Struct, frozen=True):
    """The paths, and the Accept-Encoding that is sent."""

    paths: Callable[[httpx.Client, int], list[str]]
    accepts: str = ""


#: What browsers send without TLS.
_BROWSER = "gzip, deflate"
#: By target name.
VISITS = {
    "list": Visit(front_page),
    "list-gzip": Visit(front_page, _BROWSER),
    "pages": Visit(pages),
    "detail": Visit(details),
    "detail-gzip": Visit(details, _BROWSER),
    "popular": Visit(popular),
    "search": Visit(words),
}


def _list(**query: str | int) -> str:
    return "/api/products" + (f"?{urlencode(query)}" if query else "")


def _looked_at(client: httpx.Client, paths: list[str], field: str) -> list[str]:
    """Raises `LoadFailed` unless the first paths return 200 and most of them have a non-empty `field`."""
    filled = 0
    looked_at = paths[:LOOKED_AT]
    for path in looked_at:
        answer = client.get(path)
        if answer.status_code != 200:
            raise LoadFailed(f"{path} answered {answer.status_code}: {answer.text[:300]}")
        filled += bool(answer.json()[field])
    if 2 * filled < len(looked_at):
        raise LoadFailed(f"only {filled} of {len(looked_at)} responses have content, for example {looked_at[0]}")
    return paths
