"""Every page of the web client, and how to see it: as which user, at which address, with which data.

Tests of all pages and the screenshots under docs/ use this list, so a page that is missing here fails
tests/tools/shop/test_pages.py. A page that differs between users, or that can be empty, is listed several times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import httpx
from playwright.async_api import BrowserContext, Page, expect

from tools.shop.browser import until_true
from tools.shop.shopper import PASSWORD, AdminClient, Shopper, pay, until
from tools.shop.system import System

#: A guest is a visitor with a cart. Only the customer has placed orders.
Who = Literal["visitor", "guest", "customer", "admin"]
PEOPLE: tuple[Who, ...] = ("visitor", "guest", "customer", "admin")


@dataclass(frozen=True, slots=True)
class Look:
    """`name` is part of the screenshot's name. `page` is one of topology.WEB_PAGES, `path` the address if that differs;
    names in braces are facts of the `Stage`. `heading` is part of the page's first heading once it is loaded."""

    name: str
    page: str
    who: Who
    heading: str
    path: str = ""

    def address(self, facts: Mapping[str, str]) -> str:
        return (self.path or self.page).format(**facts)


LOOKS: tuple[Look, ...] = (
    Look("home", "/", "visitor", "Things you will still use"),
    Look("home-customer", "/", "customer", "Welcome"),
    Look("home-admin", "/", "admin", "Overview"),
    Look("products", "/products", "visitor", "All products"),
    Look(
        "products-filtered",
        "/products",
        "visitor",
        "Lighting",
        "/products?category=lighting&max_price=20000&in_stock=true",
    ),
    Look("products-none", "/products", "visitor", "Results for", "/products?q=zeppelin"),
    Look("product", "/products/{slug}", "visitor", "{product}"),
    Look("cart", "/cart", "guest", "Cart"),
    Look("cart-empty", "/cart", "visitor", "Cart"),
    Look("checkout", "/checkout", "customer", "Checkout"),
    Look("checkout-guest", "/checkout", "guest", "Checkout"),
    Look("orders", "/orders", "customer", "Your orders"),
    Look("orders-none", "/orders", "admin", "Your orders"),
    Look("orders-visitor", "/orders", "visitor", "Sign in"),
    Look("order", "/orders/{id}", "customer", "Order {number}"),
    Look("settings", "/settings", "customer", "Settings"),
    Look("sign-in", "/sign-in", "visitor", "Welcome back"),
    Look("register", "/register", "visitor", "Create your account"),
    Look("forgot", "/forgot", "visitor", "Forgot your password?"),
    Look("reset", "/reset", "visitor", "Choose a new password", "/reset?token=from-a-mail"),
    Look("verify", "/verify", "visitor", "Confirm your email address", "/verify?token=from-a-mail"),
    Look("admin-orders", "/admin/orders", "admin", "Orders"),
    Look("admin-order", "/admin/orders/{id}", "admin", "Order {number}"),
    Look("admin-products", "/admin/products", "admin", "Products"),
    Look("admin-product-new", "/admin/products/new", "admin", "New product"),
    Look("admin-product", "/admin/products/{id}", "admin", "{product}", "/admin/products/{product_id}"),
    Look("admin-customers", "/admin/users", "admin", "Customers"),
    Look("admin-emails", "/admin/mails", "admin", "Emails"),
    Look("admin-system", "/admin/system", "admin", "System"),
    Look("admin-refused", "/admin/orders", "customer", "You don’t have access"),
)

#: The demo products in the orders and carts.
_PRODUCT = "linen-shirt"
_GOODS = ("brass-desk-lamp", "chefs-knife", _PRODUCT)


@dataclass(frozen=True, slots=True)
class Stage:
    """A shop in which every page has content, created through the API."""

    system: System
    customer: Shopper
    facts: Mapping[str, str]

    async def enter(self, context: BrowserContext, who: Who) -> None:
        """Give the browser context that user's session and cart."""
        if who == "guest":
            for slug in _GOODS:
                item = await (await context.request.get(f"/api/products/{slug}")).json()
                await _ok(context, "/api/cart/items", _line(item))
        elif who == "customer":
            await be_signed_in(context, self.customer.email, PASSWORD)
        elif who == "admin":
            login = self.system.login("admin")
            await be_signed_in(context, login["email"], login["password"])


async def be_signed_in(context: BrowserContext, email: str, password: str = PASSWORD) -> None:
    """Sign in, as if on an earlier page."""
    await _ok(context, "/api/auth/login", {"email": email, "password": password})
    # The flag by which the web client resumes the session.
    await context.add_init_script('if (self === top) localStorage.setItem("serai.signed-in", "yes")')


def set_stage(system: System, admin: AdminClient, email: str | None = None) -> Stage:
    """Create a customer with orders in several statuses and a filled cart."""
    customer = Shopper(system, email)
    products = {slug: _found(admin.http.get(f"/api/products/{slug}")) for slug in _GOODS}
    for slug in ("chefs-knife", "brass-desk-lamp"):
        _fill(customer, products[slug])
        delivered = _paid(customer)
    _ship(admin, delivered)
    _found(admin.http.put(f"/api/orders/{delivered['id']}", json={"status": "delivered"}))
    for product in products.values():
        _fill(customer, product)
    order = _paid(customer, note="The bell is broken, please knock.")
    _ship(admin, order, tracking_number="SR 4071 2296 UZ")
    refund = {"amount": {"amount": 1500, "currency": "USD"}, "reason": "A scratch on the lamp's foot"}
    key = {"Idempotency-Key": str(uuid4())}
    _found(admin.http.post(f"/api/payments/{order['payment']['id']}/refund", json=refund, headers=key))
    until("the refund to show", lambda: customer.order(order["id"])["refunded"]["amount"], timeout_s=60.0)
    for product in products.values():
        _fill(customer, product)
    shown = products[_PRODUCT]
    facts = {"slug": _PRODUCT, "product": shown["name"], "product_id": shown["id"]}
    return Stage(system, customer, {**facts, "id": order["id"], "number": order["number"]})


async def settled(page: Page, heading: str) -> None:
    """Wait until the page is loaded and no animation runs."""
    await expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    await expect(page.locator(".mantine-Skeleton-root:visible, .mantine-Loader-root:visible")).to_have_count(0)
    await until_true(
        page,
        """() => document.fonts.status === "loaded"
          && [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)
          && document.getAnimations().every(({ playState }) => playState !== "running")""",
    )


def _paid(customer: Shopper, **more: Any) -> dict[str, Any]:
    order = customer.placed(**more)
    assert pay(order).status_code in (302, 303)
    return customer.order_when(order["id"], "paid", timeout_s=60.0)


def _ship(admin: AdminClient, order: dict[str, Any], **more: str) -> None:
    """Ship the order as soon as possible: an order that has just been paid is not booked yet."""
    body = {"status": "shipped", **more}
    until("the order to ship", lambda: admin.http.put(f"/api/orders/{order['id']}", json=body).is_success, 60.0)


def _line(product: dict[str, Any]) -> dict[str, Any]:
    variant = next(variant for variant in product["variants"] if variant["stock"]["available"] > 0)
    return {"product_id": product["id"], "variant_id": variant["id"], "quantity": 1}


def _fill(customer: Shopper, product: dict[str, Any]) -> None:
    _found(customer.http.post("/api/cart/items", json=_line(product)))


def _found(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def _ok(context: BrowserContext, path: str, body: dict[str, Any]) -> None:
    answer = await context.request.post(path, data=body)
    assert answer.ok, await answer.text()
