"""Who may do what: every route, by everybody."""

from __future__ import annotations

from uuid import uuid4

from tests import tokens
from tests.product.shop import Shop, draft, problem
from tests.security.operations import OPERATIONS

ID = str(uuid4())
#: Operations that need a permission, and filters of the public list that do.
ADMIN_ONLY = [
    *((one.method.upper(), one.path(ID)) for one in OPERATIONS if one.service == "product" and one.needs is not None),
    ("GET", "/api/products?status=draft"),
    ("GET", "/api/products?status=active"),
    ("GET", "/api/products?low_stock=true"),
    ("GET", "/api/products?low_stock=false"),
]
READS = ["/api/products", "/api/categories"]
INTERNAL = [
    ("POST", "/internal/variants"),
    ("POST", "/internal/choices"),
    ("PUT", f"/internal/holds/{ID}"),
    ("POST", f"/internal/holds/{ID}/commit"),
    ("POST", f"/internal/holds/{ID}/release"),
    ("POST", f"/internal/holds/{ID}/return"),
]


async def test_only_an_admin_keeps_the_catalogue(shop: Shop) -> None:
    for method, path in ADMIN_ONLY:
        assert problem(await shop.http.request(method, path)) == (401, "unauthenticated")
        customer = shop.users.sign_in("customer")
        assert problem(await shop.http.request(method, path, headers=customer)) == (403, "forbidden")
        service = tokens.as_service("order", "product")
        assert problem(await shop.http.request(method, path, headers=service)) == (403, "forbidden")
        expired = tokens.as_user(uuid4(), "admin", exp=1)
        assert problem(await shop.http.request(method, path, headers=expired)) == (401, "unauthenticated")


async def test_anybody_reads_but_nobody_with_a_bad_token(shop: Shop) -> None:
    for path in READS:
        for headers in ({}, shop.admin, shop.users.sign_in("customer")):
            assert (await shop.get(path, headers=headers)).status_code == 200
        assert problem(await shop.get(path, headers={"authorization": "Bearer x"})) == (401, "unauthenticated")
        assert problem(await shop.get(path, headers=tokens.as_service("order", "product")))[0] == 403


async def test_only_cart_and_order_come_in_at_the_back(shop: Shop) -> None:
    for method, path in INTERNAL:
        assert problem(await shop.http.request(method, path)) == (403, "forbidden")
        assert problem(await shop.http.request(method, path, headers=shop.admin)) == (403, "forbidden")
        stranger = tokens.as_service("payment", "product")
        assert problem(await shop.http.request(method, path, headers=stranger)) == (401, "unauthenticated")
        elsewhere = tokens.as_service("order", "cart")
        assert problem(await shop.http.request(method, path, headers=elsewhere)) == (401, "wrong_audience")


async def test_an_admin_who_signed_out_writes_no_more(shop: Shop) -> None:
    await shop.create()
    shop.admin = shop.users.sign_in("admin")
    shop.users.sign_out_all()
    assert problem(await shop.post("/api/products", draft())) == (401, "session_ended")
