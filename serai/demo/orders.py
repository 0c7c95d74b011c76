"""Places the demo shop's past orders: purchases of its two customers, made through the public API.

Every order goes through the cart, the checkout, Stripe's sandbox and the admin's actions, so that all services agree
about it. Then its dates are moved into the past. The idempotency key identifies an order, so an interrupted run can be
continued: each purchase continues from its current state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import aiohttp

from serai.commerce.currency import CURRENCIES
from serai.demo import past
from serai.demo.person import Incomplete, Json, Person, Place
from serai.demo.purchases import ADDRESSES, DAYS_AGO, PURCHASES, Purchase

#: For the whole run. A checkout whose process died is taken over by another process within half a minute.
TIMEOUT_S = 45.0
_KEY = "demo-order-"
_POLL_S = 0.03
_WEBHOOK_TIMEOUT_S = 3.0


async def make_orders(place: Place, logins: list[dict[str, str]], database_url: str) -> int:
    """Place the missing orders of `PURCHASES`, and return how many exist.

    `database_url` is the order service's. Raises `Incomplete`; the orders completed so far are moved into the past.
    """
    known = await past.placed(database_url, _KEY)
    run = _Run(known)
    people = [Person(place, login) for login in sorted(logins, key=lambda login: login["role"] != "admin")]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await run.run(*people)
    except* (Incomplete, aiohttp.ClientError) as problems:
        raise Incomplete(f"{run.count()} of {len(PURCHASES)} could be placed: {_first(problems)}") from None
    except* TimeoutError:
        raise Incomplete(f"{run.count()} of {len(PURCHASES)} could be placed within {TIMEOUT_S:.0f} s") from None
    finally:
        await asyncio.gather(*(person.sign_out() for person in people))
        existing = await past.placed(database_url, _KEY)
        rejected = {key: existing[key] for key in run.rejected if key in existing}
        await past.date_back(database_url, _ages({**run.finished, **rejected}))
    return run.count()


def _first(problems: BaseExceptionGroup[BaseException]) -> str:
    problem = problems.exceptions[0]
    return _first(problem) if isinstance(problem, BaseExceptionGroup) else str(problem) or repr(problem)


def _ages(finished: Mapping[str, UUID]) -> dict[UUID, timedelta]:
    """Lists are sorted by id, and older orders have smaller ids. Ages are therefore assigned in the order of ids,
    although the two customers do not order in step."""
    days = sorted((DAYS_AGO[_number(key)] for key in finished), reverse=True)
    return {order_id: timedelta(days=ago) for order_id, ago in zip(sorted(finished.values()), days, strict=True)}


def _key(number: int) -> str:
    return f"{_KEY}{number + 1:02}"


def _number(key: str) -> int:
    return int(key.removeprefix(_KEY)) - 1


class _Run:
    def __init__(self, known: Mapping[str, UUID]) -> None:
        self._known = known
        #: Completed orders. The response for a rejected order does not contain its id.
        self.finished: dict[str, UUID] = {}
        self.rejected: set[str] = set()
        self._products: dict[str, Json] = {}
        #: Buyers whose cart was empty when it was last read.
        self._empty_carts: set[str] = set()
        self._webhooks_come = True

    def count(self) -> int:
        return len(self.finished) + len(self.rejected)

    async def run(self, admin: Person, *buyers: Person) -> None:
        async with asyncio.TaskGroup() as group:
            for person in (admin, *buyers):
                group.create_task(person.sign_in())
            # In parallel, because hashing three passwords takes longer than reading the products.
            group.create_task(self._read_products(admin))
        async with asyncio.TaskGroup() as group:
            for at, buyer in enumerate(buyers):
                own = [(number, purchase) for number, purchase in enumerate(PURCHASES) if purchase.buyer == at]
                group.create_task(self._buy(buyer, admin, own, group))

    async def _buy(
        self, buyer: Person, admin: Person, purchases: list[tuple[int, Purchase]], group: asyncio.TaskGroup
    ) -> None:
        """One order after another, since a cart has only one checkout at a time. The admin's actions run in
        parallel."""
        for number, purchase in purchases:
            key = _key(number)
            order = await self._known_order(admin, key, purchase)
            if order is None:
                order = await self._place(buyer, key, purchase)
            if order is None:
                self.rejected.add(key)
                continue
            order = await self._settle(buyer, order, purchase)
            group.create_task(self._finish(admin, key, order, purchase))

    async def _known_order(self, admin: Person, key: str, purchase: Purchase) -> Json | None:
        """The order that an earlier run placed. An unintended rejection does not count."""
        if key not in self._known:
            return None
        path = f"/api/orders/{self._known[key]}"
        order = await _until(lambda: admin.request("GET", path), lambda order: order["status"] != "pending")
        if order["status"] == "rejected" and purchase.outcome != "rejected":
            return None
        return order

    async def _place(self, buyer: Person, key: str, purchase: Purchase) -> Json | None:
        """The order with its payment page; None when it was meant to be rejected and was."""
        await self._fill_cart(buyer, purchase)
        address = {"name": buyer.name, **ADDRESSES[purchase.buyer]}
        body: Json = {"shipping_address": address}
        if purchase.outcome == "rejected":
            # The customer saw an outdated price.
            currency = self._products[next(iter(purchase.lines))]["price"]["currency"]
            body["expected_total"] = {"amount": 1, "currency": currency}
            status, _ = await buyer.request("POST", "/api/orders", body, key=key, refusals=("total_changed",))
            if status == 409:
                return None
            raise Incomplete("an order with a wrong total was accepted")
        _, order = await buyer.request("POST", "/api/orders", body, key=key)
        path = f"/api/orders/{order['id']}"
        while order["status"] == "pending":
            await asyncio.sleep(_POLL_S)
            _, order = await buyer.request("GET", path)
        if order["status"] == "rejected":
            raise Incomplete(f"an order was rejected: {order['failure']}")
        return order

    async def _read_products(self, person: Person) -> None:
        for slug in {slug: None for purchase in PURCHASES for slug in purchase.lines}:
            _, self._products[slug] = await person.request("GET", f"/api/products/{slug}")

    async def _fill_cart(self, buyer: Person, purchase: Purchase) -> None:
        """Put exactly the purchase into the cart. Lines of an interrupted run are removed. Any other item in the cart
        belongs to a user, and raises `Incomplete`."""
        missing = {self._variant(slug): (slug, count) for slug, count in purchase.lines.items()}
        if buyer.email not in self._empty_carts:
            demo_variants = {
                self._variant(slug) for each in PURCHASES if each.buyer == purchase.buyer for slug in each.lines
            }
            _, cart = await buyer.request("GET", "/api/cart")
            for line in cart["items"]:
                variant = line["variant_id"]
                if variant not in demo_variants:
                    raise Incomplete(f"{buyer.email} has something in the cart")
                if variant in missing and line["quantity"] == missing[variant][1]:
                    del missing[variant]
                else:
                    await buyer.request("DELETE", f"/api/cart/items/{line['id']}")
        self._empty_carts.discard(buyer.email)
        for variant, (slug, count) in missing.items():
            body = {"product_id": self._products[slug]["id"], "variant_id": variant, "quantity": count}
            await buyer.request("POST", "/api/cart/items", body)

    def _variant(self, slug: str) -> str:
        """The middle variant: neither the smallest nor the largest size."""
        variants = self._products[slug]["variants"]
        variant: str = variants[len(variants) // 2]["id"]
        return variant

    async def _settle(self, buyer: Person, order: Json, purchase: Purchase) -> Json:
        """The buyer's actions: pay or cancel. Returns when the buyer can place another order."""
        path = f"/api/orders/{order['id']}"
        match order["status"], purchase.outcome:
            case (("cancelled" | "rejected"), _):
                return order
            case "awaiting_payment", "cancelled":
                await buyer.request("POST", f"{path}/cancel")
                return await _until(lambda: buyer.request("GET", path), lambda order: order["status"] == "cancelled")
            case "awaiting_payment", _:
                await self._pay(buyer, order)
                return {**order, "status": "paid"}
        await self._until_cleared(buyer, order)
        return order

    async def _pay(self, buyer: Person, order: Json) -> None:
        await buyer.pay(order["payment"]["checkout_url"])
        try:
            async with asyncio.timeout(_WEBHOOK_TIMEOUT_S if self._webhooks_come else 0):
                await self._until_cleared(buyer, order)
        except TimeoutError:
            # For example when the sandbox does not trust the shop's certificate. The confirm request makes payment read
            # the result from Stripe.
            self._webhooks_come = False
            await buyer.request("POST", f"/api/payments/{order['payment']['id']}/confirm")
            await self._until_cleared(buyer, order)

    async def _until_cleared(self, buyer: Person, order: Json) -> None:
        """Wait until the items are removed from the cart, the last step of a paid order's checkout. A checkout of an
        interrupted run may first have to be taken over."""
        bought = {item["variant_id"] for item in order["items"]}
        cart = await _until(
            lambda: buyer.request("GET", "/api/cart"),
            lambda cart: bought.isdisjoint(line["variant_id"] for line in cart["items"]),
        )
        if not cart["items"]:
            self._empty_carts.add(buyer.email)

    async def _finish(self, admin: Person, key: str, order: Json, purchase: Purchase) -> None:
        """The admin's actions: ship, deliver, refund."""
        path = f"/api/orders/{order['id']}"
        while not _has_ended(order, purchase.outcome):
            updated = await self._next_step(admin, key, order, purchase)
            if updated is None:
                await asyncio.sleep(_POLL_S)
                _, updated = await admin.request("GET", path)
            order = updated
        self.finished[key] = UUID(order["id"])

    async def _next_step(self, admin: Person, key: str, order: Json, purchase: Purchase) -> Json | None:
        """The order after its next step; None when it must be read again."""
        path = f"/api/orders/{order['id']}"
        match order["status"], purchase.outcome:
            case "paid", "refunded":
                _, answer = await admin.request("POST", f"{path}/cancel", key=f"{key}-cancel")
                return answer
            case ("paid", _) | ("shipped", _):
                body = {"status": "delivered"}
                if order["status"] == "paid":
                    body = {"status": "shipped", "tracking_number": f"DEMO-{_number(key) + 1:04}"}
                not_ready_codes = ("order_not_ready", "illegal_transition")
                status, answer = await admin.request("PUT", path, body, refusals=not_ready_codes)
                return None if status == 409 else answer
            case "delivered", outcome:
                # If it is repeated before the order service has seen the refund, payment returns the same refund.
                total = order["total"]
                refund: Json = {"reason": "Sent back"}
                if outcome == "part refunded":
                    step = CURRENCIES[total["currency"]].step
                    share = total | {"amount": total["amount"] // 4 // step * step}
                    refund = {"reason": "Arrived with a scratch", "amount": share}
                payment = f"/api/payments/{order['payment']['id']}"
                await admin.request("POST", f"{payment}/refund", refund, key=f"{key}-refund")
                return None
        return None


def _has_ended(order: Json, outcome: str) -> bool:
    """Also true when a user has meanwhile changed the order otherwise."""
    match order["status"]:
        case "cancelled" | "refunded" | "rejected":
            return True
        case "paid":
            return outcome == "paid"
        case "shipped":
            return outcome in ("paid", "shipped")
        case "delivered":
            return (
                bool(order["refunded"]["amount"])
                if outcome == "part refunded"
                else outcome not in ("returned", "refunded")
            )
    return False


async def _until(request: Callable[[], Awaitable[tuple[int, Json]]], condition: Callable[[Json], bool]) -> Json:
    """Poll until the condition holds. It waits before the first request, because the condition is never met
    immediately."""
    while True:
        await asyncio.sleep(_POLL_S)
        _, document = await request()
        if condition(document):
            return document
