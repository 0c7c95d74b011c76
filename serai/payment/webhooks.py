"""Stripe's webhooks: an event is verified, stored and answered before it is processed.

The contents of an event decide nothing. The event names an object, and the object is read from Stripe. Events may
therefore be lost, late, repeated or in any order.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from serai.chassis.errors import BadRequest, Unavailable
from serai.chassis.process.jobs import Worker
from serai.payment import store, webhook_store
from serai.payment.deps import WEBHOOKS, Deps, alert
from serai.payment.domain import Attempt, Payment
from serai.payment.refunds import settle_refund
from serai.payment.sdk import stripe
from serai.payment.settling import settle
from serai.payment.stripe_api import EventObject, StripeEvent, StripeRefused

log = logging.getLogger(__name__)

#: Signatures older than this are replays (docs.stripe.com/webhooks#replay-attacks).
TOLERANCE_S = 300
KEPT_DAYS = 30
#: Events of one batch that were claimed in the database, and as many that this process has stored.
_BATCH = 32
#: How often the database is polled, and the shortest time between two polls while events arrive.
_INTERVAL_S, _MIN_POLL_S = 1.0, 0.75
#: Processed events that are not marked so in the database yet, about.
_MAX_UNMARKED = 256

#: The objects that an attempt has at Stripe.
_PAYABLE = ("checkout.session", "payment_intent")

#: The event types that the event list is searched for. Stripe keeps events for 30 days and delivers them for 3 days.
TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
)
SWEEP_EVERY_S = 3600.0
#: An event may appear in the list later than its creation time says.
_OVERLAP = timedelta(minutes=15)
_MAX_PAGES = 20_000


class BadSignature(BadRequest):
    code, detail = "bad_signature", "The Stripe-Signature header does not prove that Stripe sent this."


async def receive(deps: Deps, body: bytes, signature: str | None) -> None:
    """Store an event once. Raises `BadSignature`, and `BadRequest` for a body that is not an event."""
    _verify(body, signature, deps.webhook_secrets)
    try:
        event = msgspec.json.decode(body, type=StripeEvent)
    except msgspec.MsgspecError:
        raise BadRequest("The body is not a Stripe event.", code="malformed_json") from None
    new = await deps.store_webhook((event.id, event.type, body))
    WEBHOOKS.labels("stored" if new else "repeated").inc()
    if new:
        with suppress(asyncio.QueueFull):
            deps.webhook_queue.put_nowait(event)
            deps.webhook_queued()


def _verify(body: bytes, signature: str | None, secrets: tuple[str, ...]) -> None:
    """Raises `BadSignature` unless one of the secrets has signed the body."""
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    WEBHOOKS.labels("forged").inc()
    raise BadSignature


class WebhookWorker(Worker[list[StripeEvent]]):
    """Processes at once the events that this process has stored, and every second those that other replicas or failed
    tries have left. A job is a batch, because several events about one attempt cost one call of Stripe.

    Processed events are marked every second too: an event that is processed again changes nothing.
    """

    def __init__(self, deps: Deps) -> None:
        super().__init__(
            "webhooks",
            self._claim_batch,
            self._process_batch,
            concurrency=1,
            interval_s=_INTERVAL_S,
            log_fields=lambda batch: {"count": len(batch)},
        )
        self.nudge = deps.webhook_queued
        self._deps = deps
        self._processed: list[str] = []
        self._poll_at = 0.0

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            with suppress(Unavailable):
                await self.mark_processed()

    async def _claim_batch(self, limit: int) -> list[list[StripeEvent]]:
        """One batch, or none. `limit` is 1."""
        events: list[StripeEvent] = []
        if time.monotonic() >= self._poll_at or len(self._processed) >= _MAX_UNMARKED:
            await self.mark_processed()
            async with self._deps.database.connection() as conn:
                claimed = await webhook_store.claim_webhooks(conn, _BATCH)
            events += [msgspec.json.decode(body, type=StripeEvent) for body in claimed]
            # A full batch was not all that is due.
            self._poll_at = 0.0 if len(claimed) == _BATCH else time.monotonic() + _MIN_POLL_S
        queue = self._deps.webhook_queue
        events += [queue.get_nowait() for _ in range(min(queue.qsize(), _BATCH))]
        return [events] if events else []

    async def _process_batch(self, batch: list[StripeEvent]) -> None:
        self._processed += await _process_all(self._deps, batch)

    async def mark_processed(self) -> None:
        """Mark in the database what was processed since the last call."""
        if self._processed:
            async with self._deps.database.connection() as conn:
                await webhook_store.finish_webhooks(conn, self._processed)
            self._processed.clear()


async def _process_all(deps: Deps, events: list[StripeEvent]) -> list[str]:
    """Process events and return the ids of those that succeeded; the others are postponed. Several events about one
    attempt cost one call of Stripe."""
    groups: dict[tuple[str, str], list[StripeEvent]] = {}
    for event in events:
        groups.setdefault(_subject(event.data.object), []).append(event)
    chosen = [_most_informative(group) for group in groups.values()]
    attempts = await _attempts(deps, [event.data.object for event in chosen])
    results = await asyncio.gather(*(_process(deps, event, attempts.get(event.data.object.id)) for event in chosen))
    done, failed = (
        [event.id for group, ok in zip(groups.values(), results, strict=True) if ok is expected for event in group]
        for expected in (True, False)
    )
    if failed:
        async with deps.database.connection() as conn:
            await webhook_store.postpone_webhooks(conn, failed)
    return done


async def _attempts(deps: Deps, subjects: list[EventObject]) -> dict[str, tuple[Payment, Attempt]]:
    """The attempts of sessions and intents, by the ids of these objects."""
    references = [_reference(subject) for subject in subjects if subject.object in _PAYABLE]
    if not references:
        return {}
    async with deps.database.connection() as conn:
        found = await store.attempts_of_objects(conn, references)
    return {each.object_id: attempt for each, attempt in zip(references, found, strict=True) if attempt is not None}


def _reference(subject: EventObject) -> store.ObjectReference:
    metadata = subject.metadata or {}
    n = metadata.get("attempt", "")
    number = int(n) if n.isdecimal() and len(n) < 9 else None
    return store.ObjectReference(subject.id, _uuid(metadata.get("order_id")), number)


async def _process(deps: Deps, event: StripeEvent, attempt: tuple[Payment, Attempt] | None) -> bool:
    """Whether the event needs no further try."""
    try:
        if attempt is not None:
            await _settle(deps, event.data.object, *attempt)
        elif event.data.object.object == "refund":
            await _settle_refund(deps, event.data.object)
        else:
            log.info("the event is about an unknown object", extra={"event": event.data.object.object})
    except Unavailable as problem:
        log.warning("webhook postponed: %s", problem, extra={"event": event.type})
        return False
    except Exception:
        log.exception("webhook failed", extra={"event": event.type, "alert": "webhook_failed"})
        return False
    return True


async def _settle(deps: Deps, subject: EventObject, payment: Payment, attempt: Attempt) -> None:
    if subject.object == "checkout.session" and attempt.session_id is None and attempt.kind == "session":
        # Stripe made the session, and the process died before it could store the id.
        attempt = replace(attempt, session_id=subject.id)
    await settle(deps, payment, attempt)


async def _settle_refund(deps: Deps, subject: EventObject) -> None:
    try:
        ours = await settle_refund(deps, subject.id, _uuid((subject.metadata or {}).get("refund_id")))
    except StripeRefused as refusal:
        alert("unknown_refund", f"a refund cannot be read: {refusal}")
        return
    if not ours:
        alert("unknown_refund", "Stripe has a refund that is not stored here")


def _subject(subject: EventObject) -> tuple[str, str]:
    """The key of what an event is about. A session and its intent belong to the same attempt."""
    metadata = subject.metadata or {}
    if subject.object != "refund" and "order_id" in metadata and "attempt" in metadata:
        return metadata["order_id"], metadata["attempt"]
    return subject.object, subject.id


def _most_informative(events: list[StripeEvent]) -> StripeEvent:
    """A session has the id of its intent, but an intent does not have the id of its session."""
    return next((event for event in events if event.data.object.object == "checkout.session"), events[0])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


async def sweep_events(deps: Deps) -> None:
    """Read Stripe's event list since the last reading, at most 3 days, and store the events that no webhook brought."""
    async with deps.database.connection() as conn:
        since = await webhook_store.claim_event_sweep(conn, SWEEP_EVERY_S)
    if since is None:
        return
    started = datetime.now(UTC)
    after: str | None = None
    missed = 0
    for _ in range(_MAX_PAGES):
        page, more = await deps.stripe.events(TYPES, int((since - _OVERLAP).timestamp()), after)
        async with deps.database.connection() as conn:
            missed += sum(
                await webhook_store.insert_webhooks(conn, [(event.id, event.type, body) for event, body in page])
            )
        if not more:
            break
        after = page[-1][0].id
    else:
        alert("event_list_too_long", "Stripe's event list has too many pages to read all of them")
        return
    async with deps.database.connection() as conn:
        await webhook_store.finish_event_sweep(conn, started)
    if missed:
        WEBHOOKS.labels("missed").inc(missed)
        log.warning("events that no webhook brought", extra={"count": missed})


async def prune(deps: Deps) -> None:
    """Delete processed events that are older than 30 days."""
    async with deps.database.connection() as conn:
        await webhook_store.prune_webhooks(conn, KEPT_DAYS)
