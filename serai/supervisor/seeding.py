"""The command `serai seed`: the demo data, and the first admin of a real shop."""

from __future__ import annotations

import asyncio

from serai.demo.accounts import add_accounts
from serai.demo.catalogue import add_products
from serai.demo.orders import make_orders
from serai.demo.person import Incomplete, Place
from serai.supervisor import keys
from serai.supervisor.commands import CannotRun, read_variable, server
from serai.supervisor.home import Home, read_json
from serai.supervisor.urls import url_of
from serai.user import provisioning


def seed(home: Home) -> None:
    """Add the demo products and accounts. Existing ones are not changed."""
    with server(home) as (admin_url, passwords, _):
        product_url = url_of(admin_url, "product", passwords["product"])
        user_url = url_of(admin_url, "user", passwords["user"])
        asyncio.run(_seed(product_url, user_url, keys.logins(home)))


async def _seed(product_url: str, user_url: str, logins: list[dict[str, str]]) -> None:
    await asyncio.gather(add_products(product_url), add_accounts(user_url, logins))


def seed_orders(home: Home) -> None:
    """Add past orders of the demo customers to the running shop. Existing ones are not changed."""
    state = read_json(home.run) or {}
    if not home.is_running() or not state.get("gateways"):
        raise CannotRun("orders are placed through the gateway: start the shop with `serai up` first")
    if state["sandbox"] != ["stripe", "mail"]:
        raise CannotRun("demo orders need Stripe's sandbox and the email inbox; this shop uses real ones")
    place = Place(state["gateways"][0], state["gateway_host"])
    with server(home) as (admin_url, passwords, _):
        url = url_of(admin_url, "order", passwords["order"])
        try:
            count = asyncio.run(make_orders(place, keys.logins(home), url))
        except Incomplete as problem:
            raise CannotRun(f"demo orders: {problem}") from problem
    print(f"{count} demo orders")


def create_admin(home: Home, email: str) -> None:
    """Make `email` an administrator and print the password, which is not stored anywhere."""
    if own_url := read_variable("DATABASE_URL"):
        password = asyncio.run(provisioning.create_admin(own_url, email))
    else:
        with server(home) as (admin_url, passwords, _):
            password = asyncio.run(provisioning.create_admin(url_of(admin_url, "user", passwords["user"]), email))
    print(f"{email} is an administrator. The password, which is shown only once: {password}")
