"""Places the demo shop's past orders: purchases by its two customers, made over the public API.

Every order goes through the cart, the checkout, Stripe's sandbox and the admin, so that all services agree about it;
then it is dated back. An order's idempotency key identifies it: a run that died half-way is continued, and each
purchase is brought to its end from the state it is in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import aiohttp

from serai.demo import past
from serai.demo.person import Incomplete, Json, Person, Place
from serai.demo.purchases import ADDRESSES, DAYS_AGO, PURCHASES, Purchase

#: For all of it. A checkout that died with its process is taken over by another within half a minute.
TIMEOUT_S = 45.0
_KEY = "demo-order-"
_LOOK_AGAIN_S = 0.03
_WEBHOOK_WITHIN_S = 3.0


async def make_orders(place: Place, logins: list[dict[str, str]], database_url: str) -> int:
    """Make the orders of `PURCHASES` that are missing, and return how many there are.

    `database_url` is the order service's. Raises `Incomplete`; the orders finished until then are dated back.
    """
    known = await past.placed(database_url, _KEY)
    run = _Run(known)
    people = [Person(place, login) for login in sorted(logins, key=lambda login: login["role"] != "admin")]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await run.carry_out(*people)
    except* (Incomplete, aiohttp.ClientError) as problems:
        raise Incomplete(f"{run.count()} of {len(PURCHASES)} could be made: {_first(problems)}") from None
    except* TimeoutError:
        raise Incomplete(f"{run.count()} of {len(PURCHASES)} could be made within {TIMEOUT_S:.0f} s") from None
    finally:
        await asyncio.gather(*(person.leave() for person in people))
        there = await past.placed(database_url, _KEY)
        rejected = {key: there[key] for key in run.rejected if key in there}
        await past.date_back(database_url, _ages({**run.finished, **rejected}))
    return run.count()


def _first(problems: BaseExceptionGroup[BaseException]) -> str:
    problem = problems.exceptions[0]
    return _first(problem) if isinstance(problem, BaseExceptionGroup) else str(problem) or repr(problem)


def _ages(finished: Mapping[str, UUID]) -> dict[UUID, timedelta]:
    """Older orders have smaller ids, by which lists are sorted: so they are dated in that order, although the two
    customers do not keep in step."""
    days = sorted((DAYS_AGO[_number(key)] for key in finished), reverse=True)
    return {order_id: timedelta(days=ago) for order_id, ago in zip(sorted(finished.values()), days, strict=True)}


def _key(number: int) -> str:
    return f"{_KEY}{number + 1:02}"


def _number(key: str) -> int:
    return int(key.removeprefix(_KEY)) - 1


class _Run:
    def __init__(self, known: Mapping[str, UUID]) -> None:
        self._known = known
        #: Orders that are where they are to end; of the rejected ones no answer tells the id.
        self.finished: dict[str, UUID] = {}
        self.rejected: set[str] = set()
        self._products: dict[str, Json] = {}
        #: Of whom we have just seen that there is nothing in the cart.
        self._empty_carts: set[str] = set()
        self._webhooks_come = True

    def count(self) -> int:
        return len(self.finished) + len(self.rejected)

    async def carry_out(self, admin: Person, *buyers: Person) -> None:
        async with asyncio.TaskGroup() as group:
            for person in (admin, *buyers):
                group.create_task(person.sign_in())
            # Meanwhile: hashing three passwords takes longer than reading what there is to buy.
            group.create_task(self._look_round(admin))
        async with asyncio.TaskGroup() as group:
            for at, buyer in enumerate(buyers):
                theirs = [(number, purchase) for number, purchase in enumerate(PURCHASES) if purchase.buyer == at]
                group.create_task(self._buy(buyer, admin, theirs, group))

    async def _buy(
        self, buyer: Person, admin: Person, purchases: list[tuple[int, Purchase]], group: asyncio.TaskGroup
    ) -> None:
        """One after another, since a cart has one checkout at a time; what the admin does goes on beside it."""
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
        """What an earlier run made; a refusal that was not intended counts for nothing."""
        if key not in self._known:
            return None
        path = f"/api/orders/{self._known[key]}"
        order = await _until(lambda: admin.ask("GET", path), lambda order: order["status"] != "pending")
        if order["status"] == "rejected" and purchase.ends != "rejected":
            return None
        return order

    async def _place(self, buyer: Person, key: str, purchase: Purchase) -> Json | None:
        """The order, with its payment page open; None when it was to be rejected and is."""
        await self._fill_cart(buyer, purchase)
        address = {"name": buyer.name, **ADDRESSES[purchase.buyer]}
        body: Json = {"shipping_address": address}
        if purchase.ends == "rejected":
            # Somebody has looked at an old price.
            currency = self._products[next(iter(purchase.lines))]["price"]["currency"]
            body["expected_total"] = {"amount": 1, "currency": currency}
            status, _ = await buyer.ask("POST", "/api/orders", body, key=key, refusals=("total_changed",))
            if status == 409:
                return None
            raise Incomplete("an order with a wrong total was accepted")
        _, order = await buyer.ask("POST", "/api/orders", body, key=key)
        path = f"/api/orders/{order['id']}"
        while order["status"] == "pending":
            await asyncio.sleep(_LOOK_AGAIN_S)
            _, order = await buyer.ask("GET", path)
        if order["status"] == "rejected":
            raise Incomplete(f"an order was rejected: {order['failure']}")
        return order

    async def _look_round(self, anybody: Person) -> None:
        for slug in {slug: None for purchase in PURCHASES for slug in purchase.lines}:
            _, self._products[slug] = await anybody.ask("GET", f"/api/products/{slug}")

    async def _fill_cart(self, buyer: Person, purchase: Purchase) -> None:
        """Exactly what is to be bought. What a run that died has left is cleared away; a cart that holds anything else
        is somebody's, and left alone."""
        wanted = {self._variant(slug): (slug, count) for slug, count in purchase.lines.items()}
        if buyer.email not in self._empty_carts:
            ours = {self._variant(slug) for each in PURCHASES if each.buyer == purchase.buyer for slug in each.lines}
            _, cart = await buyer.ask("GET", "/api/cart")
            for line in cart["items"]:
                variant = line["variant_id"]
                if variant not in ours:
                    raise Incomplete(f"{buyer.email} has something in the cart")
                if variant in wanted and line["quantity"] == wanted[variant][1]:
                    del wanted[variant]
                else:
                    await buyer.ask("DELETE", f"/api/cart/items/{line['id']}")
        self._empty_carts.discard(buyer.email)
        for variant, (slug, count) in wanted.items():
            body = {"product_id": self._products[slug]["id"], "variant_id": variant, "quantity": count}
            await buyer.ask("POST", "/api/cart/items", body)

    def _variant(self, slug: str) -> str:
        """The one in the middle of those there are: neither the smallest nor the largest size."""
        variants = self._products[slug]["variants"]
        variant: str = variants[len(variants) // 2]["id"]
        return variant

    async def _settle(self, buyer: Person, order: Json, purchase: Purchase) -> Json:
        """The buyer's part: pay, or not. Returns when the buyer can go on to something else."""
        path = f"/api/orders/{order['id']}"
        match order["status"], purchase.ends:
            case (("cancelled" | "rejected"), _):
                return order
            case "awaiting_payment", "cancelled":
                await buyer.ask("POST", f"{path}/cancel")
                return await _until(lambda: buyer.ask("GET", path), lambda order: order["status"] == "cancelled")
            case "awaiting_payment", _:
                await self._pay(buyer, order)
                return {**order, "status": "paid"}
        await self._until_cleared(buyer, order)
        return order

    async def _pay(self, buyer: Person, order: Json) -> None:
        await buyer.pay(order["payment"]["checkout_url"])
        try:
            async with asyncio.timeout(_WEBHOOK_WITHIN_S if self._webhooks_come else 0):
                await self._until_cleared(buyer, order)
        except TimeoutError:
            # As behind a certificate that the sandbox does not trust: then the buyer's return has the shop look.
            self._webhooks_come = False
            await buyer.ask("POST", f"/api/payments/{order['payment']['id']}/confirm")
            await self._until_cleared(buyer, order)

    async def _until_cleared(self, buyer: Person, order: Json) -> None:
        """Till what was bought is out of the cart, with which the checkout of a paid order ends. One that was begun by
        an earlier run may have to wait until it is taken over."""
        bought = {item["variant_id"] for item in order["items"]}
        cart = await _until(
            lambda: buyer.ask("GET", "/api/cart"),
            lambda cart: bought.isdisjoint(line["variant_id"] for line in cart["items"]),
        )
        if not cart["items"]:
            self._empty_carts.add(buyer.email)

    async def _finish(self, admin: Person, key: str, order: Json, purchase: Purchase) -> None:
        """The shop's part: ship, deliver, give money back."""
        path = f"/api/orders/{order['id']}"
        while not _has_ended(order, purchase.ends):
            again = await self._next_step(admin, key, order, purchase)
            if again is None:
                await asyncio.sleep(_LOOK_AGAIN_S)
                _, again = await admin.ask("GET", path)
            order = again
        self.finished[key] = UUID(order["id"])

    async def _next_step(self, admin: Person, key: str, order: Json, purchase: Purchase) -> Json | None:
        """The order after one step more; None when it has to be looked at again."""
        path = f"/api/orders/{order['id']}"
        match order["status"], purchase.ends:
            case "paid", "refunded":
                _, answer = await admin.ask("POST", f"{path}/cancel", key=f"{key}-cancel")
                return answer
            case ("paid", _) | ("shipped", _):
                body = {"status": "delivered"}
                if order["status"] == "paid":
                    body = {"status": "shipped", "tracking_number": f"DEMO-{_number(key) + 1:04}"}
                waits = ("order_not_ready", "illegal_transition")
                status, answer = await admin.ask("PUT", path, body, refusals=waits)
                return None if status == 409 else answer
            case "delivered", ends:
                # Asked once more before the order has heard of it, payment answers the same refund.
                total = order["total"]
                money_back: Json = {"reason": "Sent back"}
                if ends == "part refunded":
                    share = {"amount": total["amount"] // 4, "currency": total["currency"]}
                    money_back = {"reason": "Arrived with a scratch", "amount": share}
                payment = f"/api/payments/{order['payment']['id']}"
                await admin.ask("POST", f"{payment}/refund", money_back, key=f"{key}-refund")
                return None
        return None


def _has_ended(order: Json, ends: str) -> bool:
    """Also where somebody has meanwhile decided otherwise about it."""
    match order["status"]:
        case "cancelled" | "refunded" | "rejected":
            return True
        case "paid":
            return ends == "paid"
        case "shipped":
            return ends in ("paid", "shipped")
        case "delivered":
            return (
                bool(order["refunded"]["amount"]) if ends == "part refunded" else ends not in ("returned", "refunded")
            )
    return False


async def _until(ask: Callable[[], Awaitable[tuple[int, Json]]], is_so: Callable[[Json], bool]) -> Json:
    """For what is never so at once: it looks after a moment."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)
        _, document = await ask()
        if is_so(document):
            return document
