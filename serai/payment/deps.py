"""What the actions of the payment service depend on; its metrics and alerts."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from uuid import UUID

from prometheus_client import Counter, Gauge

from serai.chassis.data.batch import Batch
from serai.chassis.data.database import Database
from serai.chassis.data.feed import Feed
from serai.chassis.nudge import Nudge
from serai.chassis.telemetry import REGISTRY
from serai.payment import store, webhook_store
from serai.payment.stripe_api import StripeApi, StripeEvent

log = logging.getLogger(__name__)

PAYMENTS = Counter("payments_total", "Attempts by their outcome.", ["outcome"], registry=REGISTRY)
REFUNDS = Counter("refunds_total", "Refunds by the state that they reached.", ["state"], registry=REGISTRY)
WEBHOOKS = Counter("stripe_webhooks_total", "Events of Stripe by how they arrived.", ["outcome"], registry=REGISTRY)
PARKED = Gauge("payment_attempts_parked", "Attempts whose Stripe object contradicts the stored one.", registry=REGISTRY)
ALERTS = Counter("payment_alerts_total", "Events that a person must look at, by kind.", ["alert"], registry=REGISTRY)

#: Seconds for which only the process that stored a webhook works on it. If it dies, other replicas take over then.
WEBHOOK_CLAIM_S = 10.0
#: Webhooks that wait in this process. Further ones wait in the database for any replica.
_QUEUE_SIZE = 1000


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
        #: Each of them verifies a webhook: there are two while a new secret replaces an old one.
        self.webhook_secrets = webhook_secrets
        self.insert_payment = Batch(database, store.insert_payments)
        self.write_change = Batch(database, store.write_changes)
        self.store_webhook = Batch(database, partial(webhook_store.insert_webhooks, claimed_s=WEBHOOK_CLAIM_S))
        #: Webhooks that this process has stored and has not processed yet, and what wakes the worker that does.
        self.webhook_queue: asyncio.Queue[StripeEvent] = asyncio.Queue(_QUEUE_SIZE)
        self.webhook_queued = Nudge()


def alert(name: str, message: str, order_id: UUID | None = None) -> None:
    """Report something about money that a person must look at."""
    ALERTS.labels(name).inc()
    log.error(message, extra={"alert": name} | ({"order_id": order_id} if order_id else {}))
