"""Changing some fields of a product, while others are changed by somebody else or are not known to the client."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.product.shop import Json, Shop, problem, sized, sku, usd, variant_id, wrong_fields


def lamp(**fields: Any) -> Json:
    """Every field that a client can write has a value."""
    return {
        "name": "Lamp",
        "description": "Warm light.",
        "category": "lighting",
        "attributes": {"material": "brass", "height": "40 cm"},
        "images": [{"url": "https://example.com/lamp.webp", "alt": "A lamp"}],
        "status": "draft",
        **sized("S", "M"),
    } | fields


async def current(shop: Shop, product: Json) -> Json:
    answer = await shop.get(f"/api/products/{product['id']}", headers=shop.admin)
    found: Json = answer.json()
    return found


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"name": "Brass lamp"}, {"name": "Brass lamp"}),
        ({"description": "Dim light."}, {"description": "Dim light."}),
        ({"description": ""}, {"description": ""}),
        ({"category": "outdoor"}, {"category": "outdoor"}),
        ({"category": None}, {"category": None}),
        ({"status": "active"}, {"status": "active"}),
        ({"images": []}, {"images": []}),
        ({"attributes": {"height": "50 cm"}}, {"attributes": {"material": "brass", "height": "50 cm"}}),
        ({"attributes": {"height": None, "width": "9 cm"}}, {"attributes": {"material": "brass", "width": "9 cm"}}),
        ({"attributes": {"height": None, "material": None}}, {"attributes": {}}),
    ],
)
async def test_a_field_that_is_left_out_stays_as_it_was(shop: Shop, patch: Json, expected: Json) -> None:
    before = await shop.create(**lamp())
    answer = await shop.patch(f"/api/products/{before['id']}", patch)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after == before | expected | {"version": 2, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert answer.headers["cache-control"] == "no-store"
    assert await current(shop, before) == after
    assert answer.headers["etag"] == (await shop.get(f"/api/products/{before['id']}", shop.admin)).headers["etag"]


async def test_a_client_that_does_not_know_a_field_does_not_erase_it(shop: Shop) -> None:
    """It reads a product, drops what it does not know, and sends the rest back with a new name."""
    before = await shop.create(**lamp())
    for unknown in ("description", "category", "attributes", "images", "status", "options", "variants"):
        read = await current(shop, before)
        known = {"name", "description", "category", "attributes", "images", "status", "options", "variants"} - {unknown}
        body = {name: read[name] for name in known} | {"name": f"A lamp without {unknown}"}
        if "variants" in body:
            body["variants"] = [{"id": variant["id"], "sku": variant["sku"]} for variant in body["variants"]]
        answer = await shop.patch(f"/api/products/{before['id']}", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()[unknown] == before[unknown]
        assert answer.json()["variants"] == before["variants"]


async def test_an_empty_patch_changes_nothing(shop: Shop) -> None:
    before = await shop.create(**lamp())
    same = {"name": "Lamp", "attributes": {"material": "brass", "weight": None}, "options": before["options"]}
    for body in ({}, same, {"variants": [{"id": variant["id"]} for variant in before["variants"]]}):
        answer = await shop.patch(f"/api/products/{before['id']}", body)
        assert (answer.status_code, answer.json()) == (200, before), body
    assert await current(shop, before) == before


async def test_patches_of_different_fields_at_once_all_hold(shop: Shop) -> None:
    before = await shop.create(**lamp())
    small, medium = (variant["id"] for variant in before["variants"])
    patches: list[Json] = [
        {"name": "Brass lamp"},
        {"description": "Dim light."},
        {"category": "outdoor"},
        {"status": "active"},
        {"attributes": {"height": "50 cm"}},
        {"attributes": {"weight": "1 kg"}},
        {"variants": [{"id": small, "price": usd(1)}, {"id": medium}]},
        {"variants": [{"id": small}, {"id": medium, "price": usd(2)}]},
    ]
    answers = await asyncio.gather(*(shop.patch(f"/api/products/{before['id']}", patch) for patch in patches))
    assert [answer.status_code for answer in answers] == [200] * len(patches)
    after = await current(shop, before)
    assert after["version"] == 1 + len(patches)
    assert {name: after[name] for name in ("name", "description", "category", "status", "attributes")} == {
        "name": "Brass lamp",
        "description": "Dim light.",
        "category": "outdoor",
        "status": "active",
        "attributes": {"material": "brass", "height": "50 cm", "weight": "1 kg"},
    }
    assert [variant["price"]["amount"] for variant in after["variants"]] == [1, 2]


async def test_of_two_patches_of_one_version_one_is_refused(shop: Shop) -> None:
    before = await shop.create(**lamp())
    path = f"/api/products/{before['id']}"
    tag = (await shop.get(path, shop.admin)).headers["etag"]
    answers = await asyncio.gather(
        *(shop.patch(path, {"attributes": {f"a{at}": "b"}}, **{"If-Match": tag}) for at in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    after = await current(shop, before)
    assert (after["version"], len(after["attributes"])) == (2, 3)
    # A patch that changes nothing is about that version too.
    assert problem(await shop.patch(path, {}, **{"If-Match": tag})) == (412, "precondition_failed")


async def test_the_sku_and_the_price_of_an_only_variant_change_one_by_one(shop: Shop) -> None:
    for fields in ({}, sized("S")):
        before = await shop.create(**fields)
        path, (variant,) = f"/api/products/{before['id']}", before["variants"]
        new = sku()
        renamed = (await shop.patch(path, {"sku": new})).json()
        assert renamed["variants"] == [variant | {"sku": new}]
        cheaper = (await shop.patch(path, {"price": usd(3)})).json()
        assert cheaper["variants"] == [variant | {"sku": new, "price": usd(3)}]
        assert cheaper["price"] == usd(3)


async def test_variants_are_matched_by_id_and_a_missing_one_is_archived(shop: Shop) -> None:
    before = await shop.create(**lamp())
    path, (small, medium) = f"/api/products/{before['id']}", before["variants"]
    fresh = {"sku": sku(), "price": usd(7), "options": {"size": "L"}, "stock": 3}
    patch = {
        "options": [{"name": "size", "values": ["S", "M", "L"]}],
        "variants": [fresh, {"id": small["id"], "price": usd(9)}],
    }
    after = (await shop.patch(path, patch)).json()
    large, still_small = after["variants"]
    assert large == fresh | {"id": large["id"], "stock": {"available": 3}}
    assert still_small == small | {"price": usd(9)}
    back = {"id": medium["id"], "sku": medium["sku"], "price": medium["price"], "options": medium["options"]}
    restored = (await shop.patch(path, {"variants": [{"id": large["id"]}, {"id": small["id"]}, back]})).json()
    assert restored["variants"] == [large, still_small, medium]


REFUSED: list[tuple[Json, set[str]]] = [
    ({"slug": "mine", "version": 7, "in_stock": True}, {"slug", "version", "in_stock"}),
    ({"name": None}, {"name"}),
    ({"name": " "}, {"name"}),
    ({"description": None}, {"description"}),
    ({"status": None}, {"status"}),
    ({"options": None}, {"options"}),
    ({"variants": None}, {"variants"}),
    ({"variants": []}, {"variants"}),
    ({"stock": 3}, {"stock"}),
    ({"attributes": {"material": 3}}, {"attributes"}),
    ({"attributes": {f"a{at}": "b" for at in range(49)}}, {"attributes"}),
    ({"images": [{"url": "http://elsewhere/a.png"}]}, {"images.0.url"}),
    # The product has two variants.
    ({"sku": "A"}, {"variants"}),
    ({"price": {"amount": 1, "currency": "USD"}}, {"variants"}),
    # Their sizes are declared, and these are not, or no more.
    ({"options": []}, {"variants.0.options.size", "variants.1.options.size"}),
    ({"options": [{"name": "size", "values": ["S"]}]}, {"variants.1.options.size"}),
    ({"variants": [{"sku": "A"}]}, {"variants.0.price"}),
    ({"variants": [{"sku": "A", "price": {"amount": 1, "currency": "USD"}}]}, {"variants.0.options.size"}),
    ({"variants": [{"id": str(uuid4())}]}, {"variants.0.sku", "variants.0.price"}),
]


async def test_a_patch_that_is_refused_changes_nothing(shop: Shop) -> None:
    before = await shop.create(**lamp())
    path, own = f"/api/products/{before['id']}", variant_id(before)
    refused = [
        *REFUSED,
        ({"sku": "A", "variants": [{"id": own}]}, {"sku"}),
        ({"variants": [{"id": own, "stock": 1}]}, {"variants.0.stock"}),
        ({"variants": [{"id": own}, {"id": own}]}, {"variants.1.id"}),
        ({"variants": [{"id": own, "price": {"amount": 1, "currency": "EUR"}}]}, {"variants.0.price.currency"}),
    ]
    for body, fields in refused:
        assert wrong_fields(await shop.patch(path, {"description": "Changed."} | body)) >= fields, body
        if "description" not in body:
            assert wrong_fields(await shop.patch(path, body)) == fields, body
    assert await current(shop, before) == before


async def test_a_price_in_another_currency_is_refused_under_the_name_it_was_sent_by(shop: Shop) -> None:
    for fields in ({}, sized("S")):
        desk = await shop.create(**fields)
        answer = await shop.patch(f"/api/products/{desk['id']}", {"price": {"amount": 1, "currency": "EUR"}})
        assert wrong_fields(answer) == {"price.currency"}
        assert await current(shop, desk) == desk


async def test_a_taken_sku_is_refused_and_changes_nothing(shop: Shop) -> None:
    desk, chair = await shop.create(), await shop.create(name="Chair")
    patch = {"name": "Stool", "sku": desk["variants"][0]["sku"]}
    assert problem(await shop.patch(f"/api/products/{chair['id']}", patch)) == (409, "sku_taken")
    assert await current(shop, chair) == chair


async def test_a_patch_is_json(shop: Shop) -> None:
    desk = await shop.create()
    path = f"/api/products/{desk['id']}"
    for kind, status in (
        ("application/json", 200),
        ("application/merge-patch+json", 200),
        ("application/json-patch+json", 415),
        ("text/plain", 415),
    ):
        headers = shop.admin | {"content-type": kind}
        answer = await shop.http.patch(path, content=b'{"name": "%s"}' % kind.encode(), headers=headers)
        assert answer.status_code == status, kind
        if status == 200:
            assert answer.json()["name"] == kind


async def test_a_changed_field_is_found_by_search_at_once(empty_shop: Shop) -> None:
    desk = await empty_shop.create(attributes={"material": "walnut"})
    assert await empty_shop.names(q="cherry") == []
    answer = await empty_shop.patch(f"/api/products/{desk['id']}", {"attributes": {"material": "cherry"}})
    assert answer.status_code == 200
    assert await empty_shop.names(q="cherry") == ["Walnut desk"]
