"""What the order service works with."""

from __future__ import annotations

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.contracts.cart import CartClient
from serai.contracts.product.client import ProductClient
from serai.order import pricing
from serai.order.saga import Checkout


class Deps:
    def __init__(
        self,
        db: Database,
        feed: Feed,
        checkout: Checkout,
        rules: pricing.Rules,
        cart: CartClient,
        product: ProductClient,
        guest_cookie: str,
    ) -> None:
        self.db = db
        self.feed = feed
        self.checkout = checkout
        self.rules = rules
        self.cart = cart
        self.product = product
        self.guest_cookie = guest_cookie
