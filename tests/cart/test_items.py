from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.cart.conftest import Carts
from tests.cart.visitor import COOKIE, Visitor
from tests.product.shop import problem, sized, usd, variant_id, wrong_fields


async def test_nothing_is_stored_for_a_visitor_who_only_looks(carts: Carts) -> None:
    for visitor in (carts.guest(), carts.guest(""), carts.guest("x" * 43), carts.guest("not ours"), carts.customer()):
        assert await visitor.cart() == {
            "id": None,
            "version": 0,
            "currency": "USD",
            "items": [],
            "subtotal": usd(0),
            "updated_at": None,
        }
    connection = await asyncpg.connect(carts.database_url)
    assert await connection.fetchval("select count(*) from cart") == 0
    await connection.close()


@pytest.mark.parametrize("kind", ["guest", "customer"])
async def test_shows_the_items_with_current_facts(carts: Carts, kind: str) -> None:
    visitor: Visitor = getattr(carts, kind)()
    desk = await carts.product(name="Desk", price=usd(24900), stock=12)
    shirt = await carts.product(name="Shirt", **sized("S", "M", price=1999))
    await visitor.add(desk, 2)
    answer = await visitor.add(shirt, 3, variant=1)
    cart = answer.json()
    assert answer.status_code == 200
    assert cart == await visitor.cart()
    first, second = cart["items"]
    assert {key: first[key] for key in ("product_id", "variant_id", "name", "quantity", "available")} == {
        "product_id": desk["id"],
        "variant_id": variant_id(desk),
        "name": "Desk",
        "quantity": 2,
        "available": 12,
    }
    assert (first["unit_price"], first["total"]) == (usd(24900), usd(49800))
    assert (second["options"], second["unit_price"], second["total"]) == ({"size": "M"}, usd(2099), usd(6297))
    assert cart["subtotal"] == usd(49800 + 6297)
    assert (cart["version"], cart["currency"]) == (2, "USD")
    assert cart["updated_at"].endswith("Z")
    assert answer.headers["cache-control"] == "no-store"


async def test_adding_the_same_again_adds_up(carts: Carts) -> None:
    visitor = carts.customer()
    desk = await carts.product(stock=10)
    first = (await visitor.add(desk, 2)).json()
    second = (await visitor.add(desk, 3, variant=0)).json()
    assert [item["quantity"] for item in second["items"]] == [5]
    assert second["items"][0]["id"] == first["items"][0]["id"]
    assert second["version"] == first["version"] + 1


async def test_refuses_more_than_there_is_and_says_how_many_there_are(carts: Carts) -> None:
    visitor = carts.guest()
    desk = await carts.product(stock=3)
    answer = await visitor.add(desk, 4)
    assert problem(answer) == (409, "out_of_stock")
    assert answer.json()["available"] == 3
    assert "set-cookie" not in answer.headers
    assert (await visitor.add(desk, 3)).status_code == 200
    answer = await visitor.add(desk, 1)
    assert (problem(answer), answer.json()["available"]) == ((409, "out_of_stock"), 3)
    answer = await visitor.set((await visitor.cart())["items"][0]["id"], 4)
    assert (problem(answer), answer.json()["available"]) == ((409, "out_of_stock"), 3)
    assert list((await visitor.quantities()).values()) == [3]


async def test_asks_which_variant_where_there_are_several(carts: Carts) -> None:
    shirt = await carts.product(**sized("S", "M"))
    desk = await carts.product()
    visitor = carts.customer()
    for _ in range(2):
        assert problem(await visitor.add(shirt)) == (422, "variant_required")
        await visitor.add(desk)


async def test_what_is_not_for_sale_is_not_there(carts: Carts) -> None:
    visitor = carts.customer()
    desk, chair = await carts.product(), await carts.product()
    draft = await carts.product(status="draft")
    await visitor.add(chair)
    nothing = {"id": str(uuid4()), "variants": [{"id": str(uuid4())}]}
    for product, variant in ((draft, None), (draft, 0), (nothing, None), (nothing, 0)):
        assert problem(await visitor.add(product, variant=variant)) == (404, "not_found")
    mixed = {"id": desk["id"], "variants": chair["variants"]}
    assert problem(await visitor.add(mixed, variant=0)) == (404, "not_found")
    assert await visitor.quantities() == {variant_id(chair): 1}


@pytest.mark.parametrize("quantity", [0, -1, 1000, 10**9, 10**30, 1.5, 1.0, "2", True, None])
async def test_refuses_an_invalid_quantity(carts: Carts, quantity: Any) -> None:
    visitor = carts.guest()
    body = {"product_id": str(uuid4()), "quantity": quantity}
    assert wrong_fields(await visitor.ask("POST", "/api/cart/items", body)) == {"quantity"}


@pytest.mark.parametrize("extra", [{"price": 1}, {"unit_price": usd(1)}, {"user_id": "x"}, {"id": "x"}, {"total": 0}])
async def test_refuses_fields_that_a_cart_item_request_does_not_have(carts: Carts, extra: dict[str, Any]) -> None:
    desk = await carts.product()
    body = {"product_id": desk["id"], "quantity": 1, **extra}
    assert wrong_fields(await carts.guest().ask("POST", "/api/cart/items", body)) == set(extra)


async def test_changes_and_removes_an_item(carts: Carts) -> None:
    visitor = carts.customer()
    desk, chair = await carts.product(stock=9), await carts.product()
    await visitor.add(desk, 2)
    item = (await visitor.add(chair)).json()["items"][0]["id"]
    changed = await visitor.set(item, 7)
    assert changed.status_code == 200
    assert [one["quantity"] for one in changed.json()["items"]] == [7, 1]
    removed = (await visitor.set(item, 0)).json()
    assert [one["product_id"] for one in removed["items"]] == [chair["id"]]
    empty = await visitor.remove(removed["items"][0]["id"])
    assert (empty.status_code, empty.json()["items"], empty.json()["subtotal"]) == (200, [], usd(0))
    assert (await visitor.cart())["version"] == 5
    for gone in (item, str(uuid4()), "nonsense"):
        assert problem(await visitor.set(gone, 1)) == (404, "not_found")
        assert problem(await visitor.remove(gone)) == (404, "not_found")


async def test_the_items_of_another_cart_are_not_found(carts: Carts) -> None:
    ada, grace, guest = carts.customer(), carts.customer(), carts.guest()
    desk = await carts.product()
    item = (await ada.add(desk)).json()["items"][0]["id"]
    await grace.add(desk)
    await guest.add(desk)
    for stranger in (grace, guest, carts.guest()):
        assert problem(await stranger.set(item, 5)) == (404, "not_found")
        assert problem(await stranger.remove(item)) == (404, "not_found")
    assert list((await ada.quantities()).values()) == [1]


async def test_a_cart_holds_a_hundred_lines_and_no_more(carts: Carts) -> None:
    visitor = carts.customer()
    sizes = [f"{number}" for number in range(1, 51)]
    products = [await carts.product(**sized(*sizes)) for _ in range(2)]
    more = await carts.product()
    for product in products:
        for start in range(0, 50, 10):
            # A few at a time: a hundred at once wait longer for a connection than a busy machine grants.
            await asyncio.gather(*(visitor.add(product, 1, at) for at in range(start, start + 10)))
    assert len((await visitor.cart())["items"]) == 100
    assert problem(await visitor.add(more)) == (409, "cart_full")
    assert (await visitor.add(products[0], 1, 0)).status_code == 200


async def test_a_line_holds_999_and_no_more(carts: Carts) -> None:
    visitor = carts.customer()
    screw = await carts.product(stock=5000)
    assert (await visitor.add(screw, 999)).status_code == 200
    assert wrong_fields(await visitor.add(screw, 1)) == {"quantity"}
    assert list((await visitor.quantities()).values()) == [999]


async def test_prices_and_stock_are_those_of_now(carts: Carts) -> None:
    visitor = carts.guest()
    desk = await carts.product(price=usd(1000), stock=5)
    await visitor.add(desk, 2)
    await carts.shop.stock(desk, -4)
    current = (await carts.shop.get(f"/api/products/{desk['id']}", carts.shop.admin)).json()
    variant = current["variants"][0]
    body = {
        "name": "Desk, oiled",
        "status": "active",
        "options": [],
        "variants": [{"id": variant["id"], "sku": variant["sku"], "options": {}, "price": usd(1500)}],
    }
    replaced = await carts.shop.put(f"/api/products/{desk['id']}", body)
    assert replaced.status_code == 200, replaced.text
    (item,) = (await visitor.cart())["items"]
    assert (item["name"], item["unit_price"], item["total"], item["available"]) == (
        "Desk, oiled",
        usd(1500),
        usd(3000),
        1,
    )


async def test_what_went_away_stays_visible(carts: Carts) -> None:
    visitor = carts.customer()
    desk, chair = await carts.product(name="Desk"), await carts.product()
    await visitor.add(desk, 2)
    archived = await carts.shop.http.delete(f"/api/products/{desk['id']}", headers=carts.shop.admin)
    assert archived.status_code in (200, 204)
    cart = (await visitor.add(chair)).json()
    first = cart["items"][0]
    assert (first["name"], first["available"], first["quantity"]) == ("Desk", 0, 2)
    assert problem(await visitor.add(desk, 1, 0)) == (404, "not_found")
    assert problem(await visitor.set(cart["items"][0]["id"], 1)) == (409, "out_of_stock")
    assert len((await visitor.remove(cart["items"][0]["id"])).json()["items"]) == 1


async def test_fifty_adds_at_once_are_all_there(carts: Carts) -> None:
    desk, chair = await carts.product(stock=500), await carts.product(stock=500)
    for visitor in (carts.customer(), carts.guest()):
        if visitor.user_id is None:
            await visitor.add(chair)
        answers = await asyncio.gather(*(visitor.add(desk, 1 + turn % 3) for turn in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert (await visitor.quantities())[variant_id(desk)] == sum(1 + turn % 3 for turn in range(50))
        assert len({answer.json()["version"] for answer in answers}) == 50


async def test_adds_at_once_never_pass_what_is_in_stock(carts: Carts) -> None:
    visitor = carts.customer()
    desk = await carts.product(stock=7)
    answers = await asyncio.gather(*(visitor.add(desk) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [409] * 13
    assert await visitor.quantities() == {variant_id(desk): 7}


async def test_a_key_adds_once(carts: Carts) -> None:
    for visitor in (carts.customer(), carts.guest()):
        desk, chair = await carts.product(), await carts.product()
        key = {"idempotency-key": "click-1"}
        first = await visitor.add(desk, 2, headers=key)
        await visitor.add(chair)
        again = await visitor.add(desk, 2, headers=key)
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert again.json() == await visitor.cart()
        assert await visitor.quantities() == {variant_id(desk): 2, variant_id(chair): 1}
        assert problem(await visitor.add(desk, 3, headers=key)) == (422, "idempotency_key_reused")


async def test_a_key_belongs_to_its_caller(carts: Carts) -> None:
    desk = await carts.product()
    for visitor in (carts.customer(), carts.customer(), carts.guest(), carts.guest()):
        answer = await visitor.add(desk, 1, headers={"idempotency-key": "same"})
        assert "idempotent-replayed" not in answer.headers
        assert await visitor.quantities() == {variant_id(desk): 1}


async def test_a_refusal_binds_no_key(carts: Carts) -> None:
    visitor = carts.customer()
    desk = await carts.product(stock=0)
    key = {"idempotency-key": "click-1"}
    assert problem(await visitor.add(desk, 1, headers=key)) == (409, "out_of_stock")
    await carts.shop.stock(desk, 5)
    assert (await visitor.add(desk, 1, headers=key)).status_code == 200
    await carts.shop.http.delete(f"/api/products/{desk['id']}", headers=carts.shop.admin)
    assert (await visitor.add(desk, 1, headers=key)).headers["idempotent-replayed"] == "true"


async def test_a_guests_cookie_is_kept_from_scripts_and_other_sites(carts: Carts) -> None:
    guest = carts.guest()
    desk = await carts.product()
    cookie = (await guest.add(desk)).headers["set-cookie"]
    attributes = cookie.split("; ")
    assert attributes[0].startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"} <= set(attributes)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert problem(await guest.add(desk, headers=headers)) == (403, "foreign_origin")
    assert (await guest.add(desk, headers={"origin": "http://localhost:8080"})).status_code == 200
    assert list((await guest.quantities()).values()) == [2]


async def test_a_planted_cookie_gets_no_cart(carts: Carts) -> None:
    planted = "P" * 43
    guest = carts.guest(planted)
    await guest.add(await carts.product())
    assert guest.cookie not in (None, planted)
    assert (await carts.guest(planted).cart())["id"] is None
