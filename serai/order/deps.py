"""What the order service's handlers work with."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.contracts.cart import CartClient
from serai.contracts.product import ProductClient
from serai.order.checkout.saga import CheckoutSaga
from serai.order.pricing import domain as pricing


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    feed: Feed
    checkout: CheckoutSaga
    rules: pricing.Rules
    cart: CartClient
    product: ProductClient
    guest_cookie: str
