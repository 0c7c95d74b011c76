"""Delivers events to the shop's endpoint: signed, at least once, in no guaranteed order, retried with backoff, with
bounded concurrency.

A pending delivery is a row on disk, so a killed sandbox continues after a restart. If it is killed between the
endpoint's 2xx and the update of that row, it sends the event again, as Stripe may.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from contextlib import suppress

import aiohttp

from serai.sandbox.faults import DELIVERY
from serai.sandbox.operations import WEBHOOK
from serai.sandbox.store import Delivery
from serai.sandbox.stripe_state import StripeState

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
CONCURRENCY = 16
MAX_ATTEMPTS = 20
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 60.0
#: The longest sleep of the dispatcher, which bounds how late it notices that the clock was set forward.
_MAX_SLEEP_S = 5.0


def sign(payload: bytes, secret: str, at: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over time and raw body (docs.stripe.com/webhooks/signatures)."""
    signed = f"{at}.".encode() + payload
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def backoff_s(attempts: int) -> float:
    return float(min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2 ** (attempts - 1)))


class Dispatcher:
    def __init__(self, state: StripeState) -> None:
        self._state = state
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._held: dict[str, float] = {}
        """Events that wait for a later one to be delivered first, and until when."""
        self._faulted: set[str] = set()
        """Events whose fault has been applied."""

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CONCURRENCY)
        # trust_env is off: the sandbox must not send webhooks through the developer's proxy.
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as http:
            try:
                while True:
                    self._state.delivery_wanted.clear()
                    self._start_due(http)
                    await self._wait()
            finally:
                for task in self._sending.values():
                    task.cancel()
                await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def _start_due(self, http: aiohttp.ClientSession) -> None:
        if self._state.endpoint.url is None:
            return
        now = time.time()
        room = CONCURRENCY - len(self._sending)
        if room <= 0:
            return
        # Events in flight and held events are still due on disk, so read that many more.
        for delivery in self._state.store.due_deliveries(now, room + len(self._sending) + len(self._held)):
            if room > 0 and delivery.event_id not in self._sending and self._may_send(delivery, now):
                room -= 1
                task = asyncio.create_task(self._deliver(http, delivery))
                self._sending[delivery.event_id] = task
                task.add_done_callback(lambda _, sent=delivery.event_id: self._finished(sent))  # type: ignore[misc]

    def _may_send(self, delivery: Delivery, now: float) -> bool:
        held_until = self._held.get(delivery.event_id)
        if held_until is not None:
            if now < held_until:
                return False
            del self._held[delivery.event_id]
        if delivery.attempts or delivery.event_id in self._faulted:
            return True
        fault = self._state.faults.take(f"{WEBHOOK}:{delivery.type}", DELIVERY - {"duplicate"})
        if fault is None:
            return True
        self._faulted.add(delivery.event_id)
        match fault.fault:
            case "reorder":
                self._held[delivery.event_id] = now + fault.delay_ms / 1000
            case "late":
                self._update_delivery(delivery.event_id, 0, due_at=now + fault.delay_ms / 1000)
            case _:
                self._update_delivery(delivery.event_id, 0, outcome="dropped")
                self._faulted.discard(delivery.event_id)
        return False

    async def _deliver(self, http: aiohttp.ClientSession, delivery: Delivery) -> None:
        event = self._state.store.raw_body(delivery.event_id)
        if event is None:
            return
        status = await self._send(http, event)
        if not delivery.attempts and self._state.faults.take(f"{WEBHOOK}:{delivery.type}", {"duplicate"}):
            status = await self._send(http, event)
        attempts = delivery.attempts + 1
        self._faulted.discard(delivery.event_id)
        if status is not None and 200 <= status < 300:
            self._update_delivery(delivery.event_id, attempts, outcome="delivered", last_status=status)
            self._held = dict.fromkeys(self._held, 0.0)
        elif attempts >= MAX_ATTEMPTS:
            log.warning("gave up on webhook %s %s after %d attempts", delivery.type, delivery.event_id, attempts)
            self._update_delivery(delivery.event_id, attempts, outcome="failed", last_status=status)
        else:
            self._update_delivery(
                delivery.event_id, attempts, due_at=time.time() + backoff_s(attempts), last_status=status
            )

    async def _send(self, http: aiohttp.ClientSession, event: bytes) -> int | None:
        """The endpoint's status, or None when it did not respond in time. A redirect counts as a failure, as at
        Stripe."""
        endpoint = self._state.endpoint
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "Stripe-Signature": sign(event, endpoint.secret, int(time.time())),
        }
        try:
            async with http.post(endpoint.url or "", data=event, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    def _update_delivery(
        self,
        event_id: str,
        attempts: int,
        *,
        due_at: float | None = None,
        outcome: str | None = None,
        last_status: int | None = None,
    ) -> None:
        with self._state.store.transaction():
            self._state.store.update_delivery(
                event_id, attempts=attempts, due_at=due_at, outcome=outcome, last_status=last_status
            )

    def _finished(self, event_id: str) -> None:
        self._sending.pop(event_id, None)
        self._state.delivery_wanted.set()

    async def _wait(self) -> None:
        due_at = self._state.store.next_delivery_at()
        now = time.time()
        waiting = [until for until in self._held.values() if until > now]
        if due_at is not None and due_at > now:
            waiting.append(due_at)
        elif due_at is not None and not self._sending and not self._held:
            waiting.append(now + 0.05 if self._state.endpoint.url else now + _MAX_SLEEP_S)
        sleep_s = min([_MAX_SLEEP_S, *(max(0.0, until - now) for until in waiting)])
        with suppress(TimeoutError):
            await asyncio.wait_for(self._state.delivery_wanted.wait(), sleep_s)
