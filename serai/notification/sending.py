"""The worker: claims due mails, composes each, hands it to the server and records what became of it.

Several replicas with a few lanes each work on one queue. A claim is a lease by database time, and the record of a try
carries the claim's epoch, so a worker that froze and wakes up later changes nothing; work on a mail is over well before
its lease, so it sends nothing either. A worker that dies between the server's yes and our record of it leaves the mail
to be sent again: under the same Message-ID. So every mail comes to a recorded try, and the text of that try is kept
with its outcome, in the same statement. A link that opens an account is asked for with each try, goes into the mail and
nowhere else: what is kept has been written without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from datetime import UTC, datetime
from email.headerregistry import Address

import msgspec
from prometheus_client import Counter, Gauge

from serai.chassis import telemetry
from serai.chassis.data.database import Database
from serai.chassis.errors import Unavailable
from serai.notification import domain, message, smtp, store
from serai.notification.compose import Composed, Composer, Undeliverable, Unwanted
from serai.notification.domain import OBEYS, Outcome
from serai.notification.render import Rendered, Templates
from serai.notification.store import Claimed, Written
from serai.notification.unsubscribe import Links

log = logging.getLogger(__name__)

LANES = 8
#: One mail's work ends well within its lease.
WORK_S, LEASE_S = 60.0, 90.0
#: How often a lane looks by itself: for mails whose pause is over, and for what other replicas have queued.
POLL_S = 2.0
_MAX_ERROR_CHARS = 500
#: Stands in the delivery log where the mail had a secret.
HIDDEN = "[hidden]"

TRIES = Counter(
    "notification_mail_tries_total",
    "Tries to send a mail, by how they ended.",
    ["template", "outcome"],
    registry=telemetry.REGISTRY,
)
MAILS = Gauge(
    "notification_mails", "Mails that wait or were given up.", ["template", "status"], registry=telemetry.REGISTRY
)


class Sender:
    def __init__(
        self,
        db: Database,
        composer: Composer,
        templates: Templates,
        links: Links,
        server: smtp.SmtpServer,
        sender: Address,
    ) -> None:
        self._db = db
        self._composer = composer
        self._templates = templates
        self._links = links
        self._server = server
        self._sender = sender
        self._queued = asyncio.Event()
        self._leaving = False

    def nudge(self) -> None:
        """A mail was queued and committed: do not wait for the timer."""
        self._queued.set()

    def leave(self) -> None:
        """Finish what has begun and begin nothing more."""
        self._leaving = True

    async def run(self) -> None:
        """Send what is due, for ever: as many mails at a time as there are lanes, claimed together."""
        lanes = [smtp.Lane(self._server, self._sender.domain) for _ in range(LANES)]
        idle, freed = list(lanes), asyncio.Event()

        async def deliver(mail: Claimed, lane: smtp.Lane, done_by: float) -> None:
            try:
                await self._send(mail, lane, done_by)
            except Unavailable as error:
                # How this try ended is not recorded: the mail is due again when its lease is over.
                log.warning("mail not recorded: %s", error, extra={"mail_id": mail.id, "template": mail.template})
            finally:
                idle.append(lane)
                freed.set()

        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._queued.clear()
                    mails, done_by = await self._claim_some(len(idle))
                    for mail in mails:
                        # The lane that was used last: in quiet times one connection serves them all.
                        group.create_task(deliver(mail, idle.pop(), done_by))
                    if idle:
                        await self._rest(idle)
                    while not idle:
                        freed.clear()
                        await freed.wait()
        finally:
            await asyncio.gather(*(lane.close() for lane in lanes))

    async def _rest(self, idle: list[smtp.Lane]) -> None:
        """Until there may be something to send."""
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S * random.uniform(0.75, 1.0)):
                await self._queued.wait()
                return
        await asyncio.gather(*(lane.rest() for lane in idle))

    async def send_one(self, lane: smtp.Lane) -> bool:
        """Try the mail that has been due longest; False when none is due."""
        mails, done_by = await self._claim(1)
        for mail in mails:
            await self._send(mail, lane, done_by)
        return bool(mails)

    async def _claim_some(self, limit: int) -> tuple[list[Claimed], float]:
        """As `_claim`, but nothing while the process leaves or the database is away: what is on its way to the server
        must not be broken off for that."""
        if not self._leaving:
            try:
                return await self._claim(limit)
            except Unavailable as error:
                log.warning("no mail claimed: %s", error)
        return [], 0.0

    async def _claim(self, limit: int) -> tuple[list[Claimed], float]:
        """The mails, and when work on them has to be over. Counted from before the claim: a process that froze while
        it claimed must not believe that it holds the lease when it wakes up."""
        done_by = asyncio.get_running_loop().time() + WORK_S
        async with self._db.connection() as conn:
            return await store.claim(conn, limit, LEASE_S), done_by

    async def _send(self, mail: Claimed, lane: smtp.Lane, done_by: float) -> None:
        trace = telemetry.trace_var.set(telemetry.join_trace(mail.traceparent))
        try:
            await self._try(mail, lane, done_by)
        finally:
            telemetry.trace_var.reset(trace)

    async def _try(self, mail: Claimed, lane: smtp.Lane, done_by: float) -> None:
        outcome: Outcome
        written: Written | None = None
        secret: str | None = None
        try:
            async with asyncio.timeout_at(done_by):
                if reason := await self._unwanted(mail):
                    await self._skip(mail, reason)
                    return
                try:
                    composed = await self._composer.compose(mail)
                except Unwanted as error:
                    await self._skip(mail, str(error))
                    return
                secret = composed.link.token if composed.link else None
                written, built = self._written(mail, composed)
                await lane.send(self._sender.addr_spec, built.address, built.raw)
            outcome, reason = "sent", None
        except (Undeliverable, smtp.Refused) as error:
            outcome, reason = "refused", str(error)
        except (smtp.Unreachable, Unavailable) as error:
            outcome, reason = "unreachable", str(error)
        except TimeoutError:
            outcome, reason = "unreachable", f"not done within {WORK_S:.0f} s"
        except smtp.Deferred as error:
            outcome, reason = "deferred", str(error)
        except asyncio.CancelledError:
            with contextlib.suppress(Unavailable):
                await self._finish(mail, "unreachable", "the worker left", written)
            raise
        except Exception as error:
            log.exception("mail not sent", extra={"mail_id": mail.id, "template": mail.template})
            outcome, reason = "deferred", f"a fault of ours: {type(error).__name__}"
        if secret and reason:
            # A server may quote in its refusal what it has refused.
            reason = reason.replace(secret, HIDDEN)
        await self._finish(mail, outcome, reason, written)

    def _written(self, mail: Claimed, composed: Composed) -> tuple[Written, message.Built]:
        """The mail for the log, and as it travels."""
        setting = OBEYS.get(mail.template)
        unsubscribe = self._links.url(mail.user_id, setting) if setting and mail.user_id else None
        rendered = self._rendered(mail, composed, unsubscribe)
        try:
            built = message.build(mail.id, self._sender, composed.recipient, rendered, datetime.now(UTC), unsubscribe)
        except ValueError as error:
            raise Undeliverable(str(error)) from None
        if composed.link is not None:
            hidden = msgspec.structs.replace(composed.link, token=HIDDEN)
            rendered = self._rendered(mail, msgspec.structs.replace(composed, link=hidden), unsubscribe)
        written = Written(composed.recipient, rendered.subject, built.headers, rendered.text, rendered.html)
        return written, built

    def _rendered(self, mail: Claimed, composed: Composed, unsubscribe: str | None) -> Rendered:
        rendered = self._templates.render(mail.template, composed.letter, unsubscribe, composed.link)
        return rendered if composed.html is None else Rendered(rendered.subject, rendered.text, composed.html)

    async def _unwanted(self, mail: Claimed) -> str | None:
        """Why the mail is not to be sent, if so."""
        setting = OBEYS.get(mail.template)
        if setting is None or mail.user_id is None:
            return None
        async with self._db.connection() as conn:
            chosen = await store.settings_of(conn, mail.user_id)
        wanted = getattr(chosen, setting) if chosen else domain.DEFAULT_SETTINGS[setting]
        return None if wanted else f"{setting} is off"

    async def _skip(self, mail: Claimed, reason: str) -> None:
        async with self._db.connection() as conn:
            await store.finish(conn, mail, "skipped", error=reason, refusals=mail.refusals)
        TRIES.labels(mail.template, "skipped").inc()

    async def _finish(self, mail: Claimed, outcome: Outcome, reason: str | None, written: Written | None) -> None:
        refusals = mail.refusals + (outcome == "refused")
        verdict = domain.after_try(
            outcome, attempts=mail.attempts, refusals=refusals, overdue=mail.overdue, jitter=random.random()
        )
        error = None if reason is None else reason.replace("\0", "")[:_MAX_ERROR_CHARS]
        async with self._db.connection() as conn:
            held = await store.finish(
                conn, mail, verdict.status, error=error, refusals=refusals, pause_s=verdict.pause_s, written=written
            )
        if not held:
            return
        TRIES.labels(mail.template, outcome).inc()
        facts = {"mail_id": mail.id, "template": mail.template, "outcome": outcome, "attempt": mail.attempts}
        if verdict.status == "failed":
            log.error("mail given up", extra=facts | {"alert": "mail_given_up"})
        elif verdict.status == "queued":
            log.warning("mail will be tried again", extra=facts | {"delay_s": round(verdict.pause_s, 1)})
        else:
            log.info("mail sent", extra=facts)

    async def count(self) -> None:
        """Bring the gauges up to date."""
        async with self._db.connection() as conn:
            rows = await store.waiting(conn)
        MAILS.clear()
        for row in rows:
            MAILS.labels(row["template"], row["status"]).set(row["count"])
