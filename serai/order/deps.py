"""The dependencies of the order service's handlers."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.contracts.cart import CartClient
from serai.contracts.product.client import ProductClient
from serai.order.checkout.saga import CheckoutSaga
from serai.order.pricing import domain as pricing

#: How long a request waits for its checkout before it answers 202 and a worker continues.
PATIENCE_S = 5.0
#: How long an admin's cancellation then waits for Stripe to decide about the refund.
REFUND_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    feed: Feed
    checkout: CheckoutSaga
    rules: pricing.Rules
    cart: CartClient
    product: ProductClient
    guest_cookie: str
    patience_s: float = PATIENCE_S
    refund_patience_s: float = REFUND_PATIENCE_S
