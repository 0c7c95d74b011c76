"""What the order service works with."""

from __future__ import annotations

from serai.chassis.db import Database
from serai.chassis.feed import Feed
from serai.contracts.cart import CartClient
from serai.contracts.product import ProductClient
from serai.order import pricing
from serai.order.saga import Checkout

#: How long a request waits for its checkout before it answers 202 and a worker carries on.
PATIENCE_S = 5.0
#: How long an admin's cancellation then waits for Stripe to decide about the refund.
REFUND_PATIENCE_S = 2.0


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
        *,
        patience_s: float = PATIENCE_S,
        refund_patience_s: float = REFUND_PATIENCE_S,
    ) -> None:
        self.db = db
        self.feed = feed
        self.checkout = checkout
        self.rules = rules
        self.cart = cart
        self.product = product
        self.guest_cookie = guest_cookie
        self.patience_s = patience_s
        self.refund_patience_s = refund_patience_s
