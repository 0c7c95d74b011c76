"""What Stripe tells us: proven, stored as it came, answered, and only then acted on.

A message never decides anything. It names an object, the object is read from Stripe, and settling takes it from
there; so messages may be lost, late, doubled or in any order.
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
from serai.payment import store
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
_BATCH = 32
_TICK_S = 1.0
#: Events dealt with that wait to be noted, at most.
_NOTED = 256

#: What is paid by one of our attempts.
_PAYABLE = ("checkout.session", "payment_intent")

#: What the event list is searched for. Stripe keeps events for 30 days and tries to deliver them for 3.
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
#: An event may become visible in the list a little after its time.
_OVERLAP = timedelta(minutes=15)
_MAX_PAGES = 20_000


class BadSignature(BadRequest):
    code, detail = "bad_signature", "The Stripe-Signature header does not prove that Stripe sent this."


async def receive(deps: Deps, body: bytes, signature: str | None) -> None:
    """Store an event once. Raises `BadSignature`."""
    _prove(body, signature, deps.webhook_secrets)
    try:
        event = msgspec.json.decode(body, type=StripeEvent)
    except msgspec.MsgspecError:
        raise BadRequest("This is no event of Stripe's.", code="malformed_json") from None
    fresh = await deps.keep((event.id, event.type, body))
    WEBHOOKS.labels("stored" if fresh else "repeated").inc()
    if fresh:
        with suppress(asyncio.QueueFull):
            deps.arrived.put_nowait(event)


def _prove(body: bytes, signature: str | None, secrets: tuple[str, ...]) -> None:
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_S)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return
    WEBHOOKS.labels("forged").inc()
    raise BadSignature


async def work(deps: Deps) -> None:
    """Act at once on what this process has stored, and every second on what is left over from others or from earlier.
    What is dealt with is noted as seldom: whoever reads of it again finds it settled."""
    done: list[str] = []
    tick = 0.0
    while True:
        done += await _act_on(deps, await _arrived(deps, tick))
        if time.monotonic() >= tick or len(done) >= _NOTED:
            await _finish(deps, done)
            done.clear()
            while await work_once(deps) == _BATCH:
                pass
            tick = time.monotonic() + _TICK_S


async def work_once(deps: Deps) -> int:
    """Act on a batch that nobody is at; says how many events it held."""
    async with deps.database.connection() as conn:
        claimed = await store.claim_webhooks(conn, _BATCH)
    await _finish(deps, await _act_on(deps, [msgspec.json.decode(body, type=StripeEvent) for body in claimed]))
    return len(claimed)


async def _arrived(deps: Deps, until: float) -> list[StripeEvent]:
    """What has come, as soon as anything has."""
    events: list[StripeEvent] = []
    # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
    with suppress(TimeoutError):
        async with asyncio.timeout(max(until - time.monotonic(), 0)):
            events.append(await deps.arrived.get())
    while not deps.arrived.empty() and len(events) < _BATCH:
        events.append(deps.arrived.get_nowait())
    return events


async def _finish(deps: Deps, done: list[str]) -> None:
    if done:
        async with deps.database.connection() as conn:
            await store.finish_webhooks(conn, done)


async def _act_on(deps: Deps, events: list[StripeEvent]) -> list[str]:
    """The ids of those that are dealt with; the others are put off. Several about one object cost one reading."""
    about: dict[tuple[str, str], list[StripeEvent]] = {}
    for event in events:
        about.setdefault(_subject(event.data.object), []).append(event)
    telling = [_most_telling(each) for each in about.values()]
    found = await _owners(deps, [event.data.object for event in telling])
    results = await asyncio.gather(*(_act(deps, event, found.get(event.data.object.id)) for event in telling))
    done, failed = (
        [event.id for each, ok in zip(about.values(), results, strict=True) if ok is wanted for event in each]
        for wanted in (True, False)
    )
    if failed:
        async with deps.database.connection() as conn:
            await store.postpone_webhooks(conn, failed)
    return done


async def _owners(deps: Deps, subjects: list[EventObject]) -> dict[str, tuple[Payment, Attempt]]:
    """The attempts that sessions and intents belong to, by the ids of these."""
    clues = [_clue(subject) for subject in subjects if subject.object in _PAYABLE]
    if not clues:
        return {}
    async with deps.database.connection() as conn:
        found = await store.attempts_of_objects(conn, clues)
    return {clue.object_id: owner for clue, owner in zip(clues, found, strict=True) if owner is not None}


def _clue(subject: EventObject) -> store.Clue:
    metadata = subject.metadata or {}
    n = metadata.get("attempt", "")
    return store.Clue(subject.id, _uuid(metadata.get("order_id")), int(n) if n.isdecimal() and len(n) < 9 else None)


async def _act(deps: Deps, event: StripeEvent, owner: tuple[Payment, Attempt] | None) -> bool:
    """Whether the event is dealt with."""
    try:
        if owner is not None:
            await _settle(deps, event.data.object, *owner)
        elif event.data.object.object == "refund":
            await _settle_refund(deps, event.data.object)
        else:
            log.info("event is about nothing of ours", extra={"event": event.data.object.object})
    except Unavailable as problem:
        log.warning("webhook put off: %s", problem, extra={"event": event.type})
        return False
    except Exception:
        log.exception("webhook failed", extra={"event": event.type, "alert": "webhook_failed"})
        return False
    return True


async def _settle(deps: Deps, subject: EventObject, payment: Payment, attempt: Attempt) -> None:
    if subject.object == "checkout.session" and attempt.session_id is None and attempt.kind == "session":
        # Stripe made it, and we died before we learnt its name.
        attempt = replace(attempt, session_id=subject.id)
    await settle(deps, payment, attempt)


async def _settle_refund(deps: Deps, subject: EventObject) -> None:
    try:
        ours = await settle_refund(deps, subject.id, _uuid((subject.metadata or {}).get("refund_id")))
    except StripeRefused as refusal:
        alert("unknown_refund", f"a refund cannot be read: {refusal}")
        return
    if not ours:
        alert("unknown_refund", "Stripe knows of a refund that our journal does not")


def _subject(subject: EventObject) -> tuple[str, str]:
    """A session and its intent are the same attempt to us."""
    metadata = subject.metadata or {}
    if subject.object != "refund" and "order_id" in metadata and "attempt" in metadata:
        return metadata["order_id"], metadata["attempt"]
    return subject.object, subject.id


def _most_telling(events: list[StripeEvent]) -> StripeEvent:
    """A session names its intent, an intent not its session."""
    return next((event for event in events if event.data.object.object == "checkout.session"), events[0])


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


async def sweep_events(deps: Deps) -> None:
    """Read Stripe's list of events for those that no webhook brought: since the last reading, 3 days at most."""
    async with deps.database.connection() as conn:
        since = await store.claim_event_sweep(conn, SWEEP_EVERY_S)
    if since is None:
        return
    started = datetime.now(UTC)
    after: str | None = None
    missed = 0
    for _ in range(_MAX_PAGES):
        page, more = await deps.stripe.events(TYPES, int((since - _OVERLAP).timestamp()), after)
        async with deps.database.connection() as conn:
            missed += sum(await store.insert_webhooks(conn, [(event.id, event.type, body) for event, body in page]))
        if not more:
            break
        after = page[-1][0].id
    else:
        alert("event_list_too_long", "Stripe's event list was not read to its end")
        return
    async with deps.database.connection() as conn:
        await store.finish_event_sweep(conn, started)
    if missed:
        WEBHOOKS.labels("missed").inc(missed)
        log.warning("events that no webhook brought", extra={"count": missed})


async def prune(deps: Deps) -> None:
    async with deps.database.connection() as conn:
        await store.prune_webhooks(conn, KEPT_DAYS)
