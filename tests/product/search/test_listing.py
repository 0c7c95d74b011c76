"""Walking through the catalogue: filters, sorts, pages, search."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.product.shop import Json, Shop, problem, sized, usd, variant_id, wrong_fields


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    return empty_shop


async def furnish(shop: Shop) -> dict[str, Json]:
    """A small catalogue, oldest first."""
    goods: list[tuple[str, Json]] = [
        ("Walnut desk", {"category": "furniture", "price": usd(24900), "stock": 3, "description": "A place to write."}),
        ("Oak chair", {"category": "furniture", "price": usd(9900), "stock": 0}),
        ("Brass lamp", {"category": "lighting", "price": usd(4500), "stock": 40, "description": "Lights your desk."}),
        ("Linen shirt", {"category": "clothing", **sized("S", "M", price=3900, stock=8)}),
        ("Émile's mug", {"price": usd(900), "stock": 20, "attributes": {"material": "stoneware"}}),
    ]
    return {name: await shop.create(name=name, **fields) for name, fields in goods}


async def walk(shop: Shop, limit: int = 2, **query: Any) -> list[str]:
    """The names on all pages."""
    names: list[str] = []
    while True:
        answer = await shop.get("/api/products", limit=limit, **query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) == limit or page["next_cursor"] is None
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            return names
        query["cursor"] = page["next_cursor"]


async def test_a_list_item_tells_what_a_list_needs(shop: Shop) -> None:
    goods = await furnish(shop)
    items = {item["name"]: item for item in await shop.items()}
    desk, shirt = goods["Walnut desk"], goods["Linen shirt"]
    assert items["Walnut desk"] == {
        key: desk[key]
        for key in (
            "id", "slug", "name", "status", "category", "images", "price", "in_stock", "version", "created_at",
            "updated_at",
        )
    } | {"variant_count": 1, "default_variant_id": variant_id(desk)}  # fmt: skip
    assert items["Linen shirt"]["variant_count"] == 2
    assert "default_variant_id" not in items["Linen shirt"]
    assert items["Linen shirt"]["price"] == shirt["price"] == usd(3900)


async def test_every_sort_is_walked_page_by_page(shop: Shop) -> None:
    await furnish(shop)
    newest = ["Émile's mug", "Linen shirt", "Brass lamp", "Oak chair", "Walnut desk"]
    by_price = ["Émile's mug", "Linen shirt", "Brass lamp", "Oak chair", "Walnut desk"]
    assert await walk(shop) == newest
    assert await walk(shop, sort="newest") == newest
    assert await walk(shop, sort="relevance") == newest
    assert await walk(shop, sort="price") == by_price
    assert await walk(shop, sort="-price") == by_price[::-1]
    assert await walk(shop, sort="name") == ["Brass lamp", "Émile's mug", "Linen shirt", "Oak chair", "Walnut desk"]
    assert set(await walk(shop, limit=1, q="desk")) == {"Walnut desk", "Brass lamp"}


async def test_products_that_sort_alike_are_each_shown_once(shop: Shop) -> None:
    for _ in range(7):
        await shop.create(name="Same", price=usd(100))
    for sort in ("newest", "price", "-price", "name"):
        assert await walk(shop, sort=sort, limit=3) == ["Same"] * 7
    seen = [item["id"] for item in await shop.items(sort="price")]
    assert len(set(seen)) == 7


async def test_filters_narrow_the_list(shop: Shop) -> None:
    await furnish(shop)
    assert await shop.names(category="furniture", sort="name") == ["Oak chair", "Walnut desk"]
    assert await shop.names(category="nothing-of-ours") == []
    assert await shop.names(min_price=4500, max_price=9900, sort="price") == ["Brass lamp", "Oak chair"]
    assert await shop.names(in_stock="true", category="furniture") == ["Walnut desk"]
    assert await shop.names(in_stock="false") == ["Oak chair"]
    assert await shop.names(q="desk", category="lighting") == ["Brass lamp"]
    assert await shop.names(q="", category="", sort="price", limit=1) == ["Émile's mug"]


async def test_admins_also_list_drafts_archived_products_and_what_runs_out(shop: Shop) -> None:
    goods = await furnish(shop)
    await shop.create(name="Sketch", status="draft")
    await shop.http.delete(f"/api/products/{goods['Brass lamp']['id']}", headers=shop.admin)
    everything = await shop.names(status="all", headers=shop.admin)
    assert len(everything) == 6
    assert await shop.names(status="draft", headers=shop.admin) == ["Sketch"]
    assert await shop.names(status="archived", headers=shop.admin) == ["Brass lamp"]
    assert await shop.names(low_stock="true", sort="name", headers=shop.admin) == ["Oak chair", "Walnut desk"]
    assert len(await shop.names(headers=shop.admin)) == 4


async def test_pages_stay_stable_while_products_are_added(shop: Shop) -> None:
    for at in range(6):
        await shop.create(name=f"Old {at}", price=usd(1000 + at))
    for sort in ("newest", "price", "-price", "name"):
        before = await shop.names(sort=sort)
        first = (await shop.get("/api/products", sort=sort, limit=3)).json()
        await shop.create(name="A new one", price=usd(1))
        await shop.create(name="Zany new one", price=usd(999_999))
        rest = (await shop.get("/api/products", sort=sort, limit=100, cursor=first["next_cursor"])).json()
        names = [item["name"] for item in first["items"] + rest["items"]]
        assert [name for name in names if name in before] == before
        for item in await shop.items(limit=100):
            if "new one" in item["name"]:
                await shop.http.delete(f"/api/products/{item['id']}", headers=shop.admin)


async def test_facets_count_what_was_found_in_every_category(shop: Shop) -> None:
    await furnish(shop)
    page = (await shop.get("/api/products", facets="true", category="lighting", in_stock="true")).json()
    assert [item["name"] for item in page["items"]] == ["Brass lamp"]
    assert page["facets"]["category"] == [
        {"value": "clothing", "count": 1},
        {"value": "furniture", "count": 1},
        {"value": "lighting", "count": 1},
    ]
    assert "facets" not in (await shop.get("/api/products")).json()
    found = (await shop.get("/api/products", facets="true", q="desk")).json()["facets"]["category"]
    assert {value["value"] for value in found} == {"furniture", "lighting"}


async def test_price_facets_are_ranges_that_the_list_takes(shop: Shop) -> None:
    await furnish(shop)
    for query in ({}, {"category": "furniture"}, {"in_stock": "true"}, {"q": "desk"}, {"min_price": 4000}):
        listed: dict[str, Any] = {name: value for name, value in query.items() if name != "min_price"}
        ranges = (await shop.get("/api/products", facets="true", **query)).json()["facets"]["price"]
        assert ranges[0]["min_price"] == 0
        assert ranges[-1]["max_price"] is None
        for one in ranges:
            most = {} if one["max_price"] is None else {"max_price": one["max_price"]}
            assert one["value"] == f"{one['min_price']}-{one['max_price'] or ''}"
            assert len(await shop.names(min_price=one["min_price"], **most, **listed)) == one["count"] > 0
        assert sum(one["count"] for one in ranges) == len(await shop.names(**listed))
    assert (await shop.get("/api/products", facets="true", q="xylophone")).json()["facets"]["price"] == []


async def test_categories_are_those_of_what_is_for_sale(shop: Shop) -> None:
    await furnish(shop)
    await shop.create(name="Trowel", category="garden-tools")
    await shop.create(name="Sketch", category="secret", status="draft")
    answer = await shop.get("/api/categories")
    assert answer.json() == {
        "items": [
            {"slug": "clothing", "name": "Clothing", "count": 1},
            {"slug": "furniture", "name": "Furniture", "count": 2},
            {"slug": "garden-tools", "name": "Garden tools", "count": 1},
            {"slug": "lighting", "name": "Lighting", "count": 1},
        ],
        "next_cursor": None,
    }


async def test_search_ranks_names_first_and_knows_word_forms_and_accents(shop: Shop) -> None:
    goods = await furnish(shop)
    assert await shop.names(q="desk") == ["Walnut desk", "Brass lamp"]
    assert await shop.names(q="DESKS") == ["Walnut desk", "Brass lamp"]
    assert await shop.names(q="emile mug") == ["Émile's mug"]
    assert await shop.names(q="stoneware") == ["Émile's mug"]
    assert await shop.names(q=goods["Oak chair"]["variants"][0]["sku"]) == ["Oak chair"]
    assert await shop.names(q="desk -walnut") == ["Brass lamp"]
    assert await shop.names(q="desk", sort="price") == ["Brass lamp", "Walnut desk"]


async def test_search_forgives_misspelling(shop: Shop) -> None:
    await furnish(shop)
    for typed, meant in (
        ("walnt desk", "Walnut desk"),
        ("wlanut", "Walnut desk"),
        ("chiar", "Oak chair"),
        ("linnen shrit", "Linen shirt"),
        ("bras", "Brass lamp"),
        ("wal", "Walnut desk"),
    ):
        for sort in ("relevance", "price"):
            assert meant in await shop.names(q=typed, sort=sort), typed
        assert (await shop.names(q=typed))[0] == meant, typed
    assert await shop.names(q="xylophone") == []
    assert await shop.names(q="the") == []


async def test_a_misspelt_search_has_pages_too(shop: Shop) -> None:
    for at in range(5):
        await shop.create(name=f"Walnut box {at}")
    for sort in ("relevance", "price", "name", "newest"):
        assert len(set(await walk(shop, limit=2, q="walnt bxo", sort=sort))) == 5


async def test_nothing_that_is_typed_breaks_the_search(shop: Shop) -> None:
    await furnish(shop)
    for typed in (
        "'",
        '"',
        "a & b | !",
        ":*",
        "%",
        "_",
        "\\",
        "()",
        "-",
        "' or 1=1 --",
        "<script>",
        "🪑",
        "a" * 200,
        "ﬁ",
    ):
        assert (await shop.get("/api/products", q=typed, facets="true")).status_code == 200, typed


async def test_refuses_queries_it_does_not_understand(shop: Shop) -> None:
    queries: list[Json] = [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"limit": ""},
        {"min_price": -1},
        {"min_price": 10**20},
        {"max_price": "1.5"},
        {"in_stock": "perhaps"},
        {"sort": "random"},
        {"facets": "2"},
        {"q": "x" * 201},
        {"colour": "red"},
        {"q": "a\x00"},
        {"cursor": "nonsense"},
        {"cursor": ""},
        {"cursor": "x" * 2000},
    ]
    for query in queries:
        answer = await shop.get("/api/products", **query)
        assert problem(answer) == (422, "invalid"), query
        assert wrong_fields(answer) == set(query), query
    assert wrong_fields(await shop.get("/api/products?q=a&q=b")) == {"q"}
    answer = await shop.get("/api/products", headers=shop.admin, status="gone")
    assert wrong_fields(answer) == {"status"}
    assert wrong_fields(await shop.get("/api/categories?limit=3")) == {"limit"}


async def test_a_cursor_is_of_its_own_list_only(shop: Shop) -> None:
    await furnish(shop)
    cursors = {
        sort: (await shop.get("/api/products", sort=sort, limit=1)).json()["next_cursor"]
        for sort in ("newest", "price", "-price", "name")
    }
    for made, cursor in cursors.items():
        for used in cursors:
            answer = await shop.get("/api/products", sort=used, cursor=cursor)
            assert answer.status_code == (200 if made == used else 422)
    for forged in (
        ["products price", 10**30, str(uuid4())],
        ["products price", 1.5, str(uuid4())],
        ["products price", True, str(uuid4())],
        ["products price", 1, "not an id"],
        ["products price", 1],
        ["products price"],
        [],
    ):
        cursor = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
        assert wrong_fields(await shop.get("/api/products", sort="price", cursor=cursor)) == {"cursor"}
