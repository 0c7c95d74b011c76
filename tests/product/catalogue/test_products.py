"""Keeping the catalogue: creating, replacing and archiving products."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from tests.product.shop import Json, Shop, draft, problem, shown, sized, sku, usd, variant_id, wrong_fields


async def test_a_product_without_variants_gets_one_of_its_own_sku_price_and_stock(empty_shop: Shop) -> None:
    body = draft(sku="DESK-120", description="Solid.", category="furniture", attributes={"material": "walnut"})
    answer = await empty_shop.post("/api/products", body | {"images": [{"url": "/media/desk.webp", "alt": "A desk"}]})
    assert answer.status_code == 201
    product = answer.json()
    assert answer.headers["location"] == f"/api/products/{product['id']}"
    assert answer.headers["cache-control"] == "no-store"
    (variant,) = product["variants"]
    assert variant == {
        "id": variant["id"],
        "sku": "DESK-120",
        "options": {},
        "price": usd(24900),
        "stock": {"available": 12},
    }
    assert UUID(product["id"]).version == UUID(variant["id"]).version == 7
    assert product == {
        "id": product["id"],
        "slug": "walnut-desk",
        "name": "Walnut desk",
        "description": "Solid.",
        "status": "active",
        "category": "furniture",
        "attributes": {"material": "walnut"},
        "images": [shown("/media/desk.webp", "A desk", product["images"][0]["id"])],
        "options": [],
        "variants": [variant],
        "price": usd(24900),
        "in_stock": True,
        "version": 1,
        "created_at": product["created_at"],
        "updated_at": product["created_at"],
    }
    assert product["created_at"].endswith("Z")
    assert (await empty_shop.get(f"/api/products/{product['id']}")).json() == product
    assert (await empty_shop.get("/api/products/walnut-desk")).json() == product


async def test_a_product_costs_what_its_cheapest_variant_costs(shop: Shop) -> None:
    shirt = await shop.create(name="Linen shirt", **sized("M", "S", price=2000, stock=0))
    assert [variant["options"]["size"] for variant in shirt["variants"]] == ["M", "S"]
    assert shirt["price"] == usd(2000)
    assert shirt["in_stock"] is False


async def test_products_of_one_name_have_slugs_of_their_own(shop: Shop) -> None:
    names = [
        "Café «Crème» No. 5",
        "Café Crème no 5!",
        "cafe creme no 5",
        "日本",
        "01890000-0000-7000-8000-000000000000",
    ]
    slugs = [(await shop.create(name=name))["slug"] for name in names]
    assert len(set(slugs)) == 5
    assert slugs[0] == "cafe-creme-no-5"
    assert all(slug.startswith("cafe-creme-no-5-") for slug in slugs[1:3])
    assert slugs[3:] == ["product", "product-01890000-0000-7000-8000-000000000000"]
    for slug in slugs:
        assert (await shop.get(f"/api/products/{slug}")).json()["slug"] == slug


async def test_a_renamed_product_keeps_its_slug(empty_shop: Shop) -> None:
    desk = await empty_shop.create()
    body = {"name": "Oak desk", "sku": sku(), "price": usd(1)}
    renamed = (await empty_shop.put(f"/api/products/{desk['id']}", body)).json()
    assert (renamed["name"], renamed["slug"]) == ("Oak desk", "walnut-desk")


NO_PRODUCTS: list[tuple[Json, set[str]]] = [
    ({"name": ""}, {"name"}),
    ({"name": "  "}, {"name"}),
    ({"name": "x" * 201}, {"name"}),
    ({"name": "a\x00b"}, {"name"}),
    ({"name": None}, {"name"}),
    ({"role": "admin", "slug": "mine"}, {"role", "slug"}),
    ({"sku": None}, {"sku"}),
    ({"sku": "a b\n"}, {"sku"}),
    ({"price": None, "stock": None}, {"price", "stock"}),
    ({"price": {"amount": -1, "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": 10**13, "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": 10**30, "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": 1.0, "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": "1", "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": True, "currency": "USD"}}, {"price.amount"}),
    ({"price": {"amount": 1, "currency": "XXX"}}, {"price"}),
    ({"price": {"amount": 1, "currency": "EUR"}}, {"price.currency"}),
    ({"stock": -1}, {"stock"}),
    ({"stock": 1_000_001}, {"stock"}),
    ({"stock": 1.5}, {"stock"}),
    ({"category": "Garden Tools"}, {"category"}),
    ({"category": "tools\n"}, {"category"}),
    ({"status": "gone"}, {"status"}),
    ({"attributes": {"material": 3}}, {"attributes"}),
    ({"attributes": {f"a{at}": "b" for at in range(51)}}, {"attributes"}),
    ({"images": [{"url": "javascript:alert(1)"}]}, {"images.0.url"}),
    ({"images": [{"url": "//elsewhere/a.png"}, {"url": "/media/../secret"}]}, {"images.0.url", "images.1.url"}),
    ({"images": [{"url": "http://elsewhere/a.png"}]}, {"images.0.url"}),
    ({"variants": []}, {"variants"}),
    ({"variants": [{"sku": "A"}]}, {"variants.0.price", "variants.0.stock"}),
]


async def test_refuses_what_a_product_cannot_be(empty_shop: Shop) -> None:
    for fields, wrong in NO_PRODUCTS:
        answer = await empty_shop.post("/api/products", draft(**fields))
        assert problem(answer) == (422, "invalid"), fields
        assert wrong_fields(answer) == wrong, fields
    assert await empty_shop.items(status="all", headers=empty_shop.admin) == []


def _variants(*options: Json, **more: Any) -> Json:
    return {"variants": [{"sku": sku(), "price": usd(1), "stock": 1, "options": chosen} for chosen in options]} | more


NO_VARIANTS: list[tuple[Json, set[str]]] = [
    (_variants({"size": "S"}), {"variants.0.options.size"}),
    (_variants({}, {}), {"variants.1.options"}),
    (_variants({}, options=[{"name": "size", "values": ["S"]}]), {"variants.0.options.size"}),
    (_variants({"size": "L"}, options=[{"name": "size", "values": ["S"]}]), {"variants.0.options.size"}),
    (
        _variants({"size": "S"}, {"size": "S"}, options=[{"name": "size", "values": ["S", "M"]}]),
        {"variants.1.options"},
    ),
    (_variants({"size": "S"}, options=[{"name": "size", "values": ["S", "S"]}]), {"options.0.values"}),
    (_variants({"a": "1"}, options=[{"name": "a", "values": ["1"]}] * 2), {"options.1.name"}),
    (_variants({}, options=[{"name": f"o{at}", "values": ["1"]} for at in range(6)]), {"options"}),
    (_variants({}, sku="A", price=usd(1), stock=1), {"sku", "price", "stock"}),
    (_variants(*[{"n": str(at)} for at in range(101)]), {"variants"}),
]


async def test_refuses_variants_that_do_not_fit_the_options(shop: Shop) -> None:
    for fields, wrong in NO_VARIANTS:
        assert wrong_fields(await shop.post("/api/products", {"name": "Shirt"} | fields)) == wrong, fields


NO_BODIES: list[tuple[bytes, tuple[int, str]]] = [
    (b'{"name": ', (400, "malformed_json")),
    (b'{"name": "\xff"}', (400, "malformed_json")),
    (b'{"name": "\\ud800"}', (400, "malformed_json")),
    (b'{"name": NaN}', (400, "malformed_json")),
    (b"[]", (422, "invalid")),
    (b'{"name": "a", "name": "b"}', (422, "invalid")),
]


async def test_refuses_a_body_it_cannot_read(shop: Shop) -> None:
    headers = shop.admin | {"content-type": "application/json"}
    plain = shop.admin | {"content-type": "text/plain"}
    for body, refusal in NO_BODIES:
        assert problem(await shop.http.post("/api/products", content=body, headers=headers)) == refusal, body
        assert problem(await shop.http.post("/api/products", content=body, headers=plain))[0] == 415, body


async def test_refuses_a_taken_sku(empty_shop: Shop) -> None:
    await empty_shop.create(sku="DESK-120")
    assert problem(await empty_shop.post("/api/products", draft(sku="DESK-120"))) == (409, "sku_taken")
    twice = sized("S", "M")
    twice["variants"][1]["sku"] = twice["variants"][0]["sku"]
    assert problem(await empty_shop.post("/api/products", {"name": "Shirt"} | twice)) == (409, "sku_taken")
    assert len(await empty_shop.items()) == 1


async def test_the_same_key_makes_one_product(empty_shop: Shop) -> None:
    body = draft(name="Lamp")
    headers = {"Idempotency-Key": "one"}
    first = await empty_shop.post("/api/products", body, **headers)
    second = await empty_shop.post("/api/products", body, **headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = await empty_shop.post("/api/products", body | {"name": "Other"}, **headers)
    assert problem(other) == (422, "idempotency_key_reused")
    assert await empty_shop.names() == ["Lamp"]


async def test_one_key_sent_many_times_at_once_makes_one_product(empty_shop: Shop) -> None:
    body = draft(name="Lamp")
    answers = await asyncio.gather(
        *(empty_shop.post("/api/products", body, **{"Idempotency-Key": "one"}) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {problem(one)[1] for one in answers if one.status_code == 409} <= {"idempotency_in_progress"}
    assert await empty_shop.names() == ["Lamp"]


async def test_putting_replaces_everything_but_status_and_stock(shop: Shop) -> None:
    desk = await shop.create(
        description="Solid.", category="furniture", attributes={"material": "walnut"}, status="draft"
    )
    answer = await shop.put(f"/api/products/{desk['id']}", {"name": "Oak desk", "sku": "OAK", "price": usd(5)})
    assert answer.status_code == 200
    oak = answer.json()
    assert oak == desk | {
        "name": "Oak desk",
        "description": "",
        "category": None,
        "attributes": {},
        "price": usd(5),
        "variants": [desk["variants"][0] | {"sku": "OAK", "price": usd(5)}],
        "version": 2,
        "updated_at": oak["updated_at"],
    }
    assert oak["updated_at"] > desk["updated_at"]


async def test_variants_are_matched_by_id_and_a_missing_one_is_archived(shop: Shop) -> None:
    shirt = await shop.create(name="Shirt", **sized("S", "M"))
    small, medium = shirt["variants"]
    options = [{"name": "size", "values": ["S", "L"]}]
    kept = {"id": small["id"], "sku": small["sku"], "options": {"size": "S"}, "price": usd(900)}
    fresh = {"sku": sku(), "options": {"size": "L"}, "price": usd(800), "stock": 7}
    body = {"name": "Shirt", "options": options, "variants": [fresh, kept]}
    changed = (await shop.put(f"/api/products/{shirt['id']}", body)).json()
    large, still_small = changed["variants"]
    assert large == fresh | {"id": large["id"], "stock": {"available": 7}}
    assert still_small == kept | {"stock": {"available": 5}}
    assert changed["price"] == usd(800)
    facts = (await shop.internal("POST", "variants", {"variant_ids": [medium["id"]]})).json()["items"]
    assert [(one["sku"], one["available"]) for one in facts] == [(medium["sku"], 0)]

    back = {"id": medium["id"], "sku": medium["sku"], "options": {"size": "M"}, "price": usd(1)}
    body = {"name": "Shirt", "options": [{"name": "size", "values": ["M"]}], "variants": [back]}
    restored = (await shop.put(f"/api/products/{shirt['id']}", body)).json()
    assert restored["variants"] == [back | {"stock": {"available": 5}}]


async def test_putting_moves_no_stock_and_knows_no_foreign_variant(shop: Shop) -> None:
    desk, lamp = await shop.create(), await shop.create(name="Lamp")
    path, own, foreign = f"/api/products/{desk['id']}", variant_id(desk), variant_id(lamp)
    line = {"sku": sku(), "price": usd(1)}
    assert wrong_fields(await shop.put(path, {"name": "a", "variants": [line | {"id": own, "stock": 1}]})) == {
        "variants.0.stock"
    }
    assert wrong_fields(await shop.put(path, {"name": "a", "variants": [line | {"id": foreign}]})) == {"variants.0.id"}
    assert wrong_fields(await shop.put(path, {"name": "a"} | line | {"stock": 1})) == {"stock"}
    assert wrong_fields(await shop.put(path, {"name": "a", "variants": []})) == {"variants"}
    assert wrong_fields(await shop.put(path, {"name": "a"})) == {"sku", "price"}
    shirt = await shop.create(name="Shirt", **sized("S", "M"))
    assert wrong_fields(await shop.put(f"/api/products/{shirt['id']}", {"name": "a"} | line)) == {"variants"}
    assert (await shop.get(path, headers=shop.admin)).json() == desk


async def test_a_variant_sent_again_without_its_id_is_a_taken_sku(empty_shop: Shop) -> None:
    desk = await empty_shop.create(sku="DESK-120")
    body = {"name": "Desk", "variants": [{"sku": "DESK-120", "price": usd(1)}]}
    assert problem(await empty_shop.put(f"/api/products/{desk['id']}", body)) == (409, "sku_taken")


async def test_if_match_compares_the_version_and_not_the_stock(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    tag = (await shop.get(path)).headers["etag"]
    await shop.stock(desk, 3)
    body = {"name": "Oak desk", "sku": sku(), "price": usd(1)}
    changed = await shop.put(path, body, **{"If-Match": tag})
    assert changed.status_code == 200
    assert problem(await shop.put(path, body, **{"If-Match": tag})) == (412, "precondition_failed")
    assert problem(await shop.put(path, body, **{"If-Match": "nonsense"})) == (412, "precondition_failed")
    headers = shop.admin | {"If-Match": tag}
    assert problem(await shop.http.delete(path, headers=headers)) == (412, "precondition_failed")
    for good in (changed.headers["etag"], '"2"', '"9", "3"', "*"):
        if good == '"2"':
            assert problem(await shop.put(path, body | {"stock": 1}, **{"If-Match": good}))[0] == 422
        else:
            assert (await shop.put(path, body, **{"If-Match": good})).status_code == 200


async def test_two_edits_of_one_version_have_one_winner(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    tag = (await shop.get(path)).headers["etag"]
    answers = await asyncio.gather(
        *(
            shop.put(path, {"name": f"Desk {at}", "sku": sku(), "price": usd(at)}, **{"If-Match": tag})
            for at in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_a_deleted_product_leaves_the_catalogue_and_stays_for_admins(empty_shop: Shop) -> None:
    desk = await empty_shop.create(category="furniture")
    path = f"/api/products/{desk['id']}"
    for _ in range(2):
        answer = await empty_shop.http.delete(path, headers=empty_shop.admin)
        assert (answer.status_code, answer.content) == (204, b"")
    assert problem(await empty_shop.get(path)) == (404, "not_found")
    assert problem(await empty_shop.get(f"/api/products/{desk['slug']}")) == (404, "not_found")
    assert await empty_shop.items() == []
    assert (await empty_shop.get("/api/categories")).json()["items"] == []
    assert (await empty_shop.get(path, headers=empty_shop.admin)).json()["status"] == "archived"
    facts = (await empty_shop.internal("POST", "variants", {"variant_ids": [variant_id(desk)]})).json()["items"]
    assert [(one["name"], one["available"]) for one in facts] == [("Walnut desk", 0)]


async def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    body = {"name": "a", "sku": sku(), "price": usd(1)}
    for missing in (str(uuid4()), "nothing", "01890000-0000-7000-8000-00000000000G", "%00", "%ff", "x" * 999):
        path = f"/api/products/{missing}"
        assert problem(await shop.get(path)) == (404, "not_found")
        assert problem(await shop.put(path, body)) == (404, "not_found")
        assert problem(await shop.http.delete(path, headers=shop.admin)) == (404, "not_found")
        assert problem(await shop.get(f"{path}/stock", headers=shop.admin)) == (404, "not_found")
        change = {"variant_id": str(uuid4()), "delta": 1, "reason": "count"}
        assert problem(await shop.post(f"{path}/stock", change)) == (404, "not_found")
    assert problem(await shop.http.patch(f"/api/products/{uuid4()}", headers=shop.admin))[0] == 405


async def test_a_draft_is_for_admins(shop: Shop) -> None:
    sketch = await shop.create(name="Sketch", status="draft")
    assert problem(await shop.get(f"/api/products/{sketch['id']}")) == (404, "not_found")
    customer = shop.users.sign_in("customer")
    assert problem(await shop.get("/api/products/sketch", headers=customer)) == (404, "not_found")
    assert (await shop.get("/api/products/sketch", headers=shop.admin)).json()["id"] == sketch["id"]
    assert problem(await shop.internal("POST", "choices", {"product_id": sketch["id"]})) == (404, "not_found")
