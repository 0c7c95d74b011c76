"""Offers, as cart and order ask for them."""

from __future__ import annotations

from uuid import uuid4

from tests.product.images import encoded, plain
from tests.product.shop import Shop, problem, sized, usd, variant_id


async def test_an_offer_tells_what_a_variant_is_sold_as(shop: Shop) -> None:
    shirt = await shop.create(name="Linen shirt", **sized("S", "M"))
    image = await shop.add_image(shirt, encoded(plain(700, 700)))
    other = await shop.create(name="Lamp", images=[{"url": "https://pictures.example/lamp.jpg"}], stock=1)
    bare = await shop.create(stock=0)
    ids = [variant_id(shirt, 1), variant_id(other), variant_id(bare), str(uuid4())]
    answer = await shop.internal("POST", "variants", {"variant_ids": ids}, caller="cart")
    facts = {one["variant_id"]: one for one in answer.json()["items"]}
    assert facts.keys() == set(ids[:3])
    assert facts[ids[0]] == {
        "variant_id": ids[0],
        "product_id": shirt["id"],
        "sku": shirt["variants"][1]["sku"],
        "name": "Linen shirt",
        "options": {"size": "M"},
        "unit_price": usd(1600),
        # The smallest file there is.
        "image": image["sources"][0]["url"],
        "compare_at": None,
        "tax_class": None,
        "weight_g": None,
        "available": 5,
    }
    assert (facts[ids[1]]["image"], facts[ids[1]]["available"]) == ("https://pictures.example/lamp.jpg", 1)
    assert (facts[ids[2]]["image"], facts[ids[2]]["available"]) == (None, 0)


async def test_what_is_not_for_sale_is_offered_with_nothing_available(shop: Shop) -> None:
    gone, hidden = await shop.create(), await shop.create(status="draft")
    await shop.http.delete(f"/api/products/{gone['id']}", headers=shop.admin)
    ids = [variant_id(gone), variant_id(hidden)]
    answer = await shop.internal("POST", "variants", {"variant_ids": ids})
    assert [one["available"] for one in answer.json()["items"]] == [0, 0]
    for product in (gone, hidden):
        chosen = await shop.internal("POST", "choices", {"product_id": product["id"]})
        assert problem(chosen) == (404, "not_found")


async def test_a_product_with_one_variant_needs_no_choice(shop: Shop) -> None:
    desk = await shop.create()
    shirt = await shop.create(name="Linen shirt", **sized("S", "M"))
    only = await shop.internal("POST", "choices", {"product_id": desk["id"]})
    assert only.json()["variant_id"] == variant_id(desk)
    which = await shop.internal("POST", "choices", {"product_id": shirt["id"]})
    assert problem(which) == (422, "variant_required")
    chosen = {"product_id": shirt["id"], "variant_id": variant_id(shirt, 1)}
    assert (await shop.internal("POST", "choices", chosen)).json()["variant_id"] == variant_id(shirt, 1)
    foreign = {"product_id": shirt["id"], "variant_id": variant_id(desk)}
    assert problem(await shop.internal("POST", "choices", foreign)) == (404, "not_found")
