"""What the payment service's actions work with, and how it raises its voice."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from uuid import UUID

from prometheus_client import Counter, Gauge

from serai.chassis.data.batch import Batch
from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.chassis.telemetry import REGISTRY
from serai.payment import store
from serai.payment.stripe_api import StripeApi, StripeEvent

log = logging.getLogger(__name__)

PAYMENTS = Counter("payments_total", "Payments by what became of an attempt.", ["outcome"], registry=REGISTRY)
REFUNDS = Counter("refunds_total", "Refunds by the state they reached.", ["state"], registry=REGISTRY)
WEBHOOKS = Counter("stripe_webhooks_total", "Events of Stripe's by how they came.", ["outcome"], registry=REGISTRY)
PARKED = Gauge("payment_attempts_parked", "Attempts where Stripe contradicts our journal.", registry=REGISTRY)
ALERTS = Counter("payment_alerts_total", "Things that must not happen, by kind.", ["alert"], registry=REGISTRY)


#: How long a webhook is left to the process that stored it, in seconds; should it die, others take over after that.
OURS_S = 10.0
#: Webhooks waiting for our own worker. The rest waits in the database for whoever comes to it first.
_ARRIVED = 1000


class Deps:
    def __init__(
        self,
        database: Database,
        feed: Feed,
        stripe: StripeApi,
        public_url: str,
        currency: str,
        webhook_secrets: tuple[str, ...],
    ) -> None:
        self.database = database
        self.feed = feed
        self.stripe = stripe
        self.public_url = public_url
        self.currency = currency
        #: Any of them may have signed a webhook: two while one replaces the other.
        self.webhook_secrets = webhook_secrets
        self.open = Batch(database, store.insert_payments)
        self.write = Batch(database, store.write_changes)
        self.keep = Batch(database, partial(store.insert_webhooks, claimed_s=OURS_S))
        #: Webhooks that this process has stored and not yet acted on.
        self.arrived: asyncio.Queue[StripeEvent] = asyncio.Queue(_ARRIVED)


def alert(name: str, message: str, order_id: UUID | None = None) -> None:
    """Something about money that a person has to look at."""
    ALERTS.labels(name).inc()
    log.error(message, extra={"alert": name} | ({"order_id": order_id} if order_id else {}))
