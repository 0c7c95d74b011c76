"""The email worker: claims due emails, composes and sends each, and records the result of every attempt.

Several instances with a few SMTP connections each work on one queue. A claim is a lease in database time with a rising
epoch. An attempt ends well before its lease, and its result is only recorded under the epoch of its claim, so a worker
that was frozen can neither send nor change an email that another worker has claimed since. If a worker dies after the
server has accepted an email and before that is recorded, the email is sent again with the same Message-ID.

The composed content is stored with the result. A link that opens an account is requested for each attempt and only
exists in the email itself: the stored content is rendered without its token.
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

from serai.chassis import telemetry, tracing
from serai.chassis.data.database import Database
from serai.chassis.errors import Unavailable
from serai.chassis.process.jobs import Worker
from serai.notification import domain, message, smtp, store
from serai.notification.compose import ComposedEmail, Composer, Obsolete, Undeliverable
from serai.notification.domain import SETTING_OF_TEMPLATE, Outcome
from serai.notification.render import Rendered, Templates
from serai.notification.store import ClaimedEmail, EmailContent
from serai.notification.unsubscribe import UnsubscribeLinks

log = logging.getLogger(__name__)

#: SMTP connections per process; each sends one email at a time.
CONNECTIONS = 8
#: An attempt must end `ATTEMPT_S` seconds after its claim, well within the lease.
ATTEMPT_S, LEASE_S = 60.0, 90.0
#: How often the queue is polled for retries that are due and for emails that other instances have queued.
POLL_S = 2.0
_MAX_ERROR_CHARS = 500
#: Replaces secret tokens in the delivery log.
HIDDEN = "[hidden]"

ATTEMPTS = Counter(
    "notification_mail_tries_total",
    "Attempts to send an email, by outcome.",
    ["template", "outcome"],
    registry=telemetry.REGISTRY,
)
EMAILS = Gauge(
    "notification_mails", "Emails that are queued or have failed.", ["template", "status"], registry=telemetry.REGISTRY
)


#: A claimed email, and the time of the event loop at which its attempt must end.
Job = tuple[ClaimedEmail, float]


class EmailWorker(Worker[Job]):
    def __init__(
        self,
        database: Database,
        composer: Composer,
        templates: Templates,
        links: UnsubscribeLinks,
        server: smtp.SmtpServer,
        sender: Address,
    ) -> None:
        super().__init__(
            "send",
            self._claim_emails,
            self._send,
            concurrency=CONNECTIONS,
            interval_s=POLL_S,
            log_fields=lambda job: {"mail_id": job[0].id, "template": job[0].template},
            traceparent=lambda job: job[0].traceparent,
        )
        self._database = database
        self._composer = composer
        self._templates = templates
        self._links = links
        self._sender = sender
        #: A job takes the last one and returns it: under low load one connection serves all emails and the others
        #: close.
        self._idle = [smtp.SmtpClient(server, sender.domain) for _ in range(CONNECTIONS)]

    async def run(self) -> None:
        """Send due emails until cancelled."""
        try:
            await super().run()
        finally:
            await self.disconnect()

    async def disconnect(self) -> None:
        """Close the connections that no attempt uses."""
        await asyncio.gather(*(client.close() for client in self._idle))

    async def _claim_emails(self, limit: int) -> list[Job]:
        """The deadline counts from before the claim, so that a process that is frozen during the claim does not assume
        a lease that has ended."""
        await asyncio.gather(*(client.close_if_idle() for client in self._idle))
        deadline = asyncio.get_running_loop().time() + ATTEMPT_S
        async with self._database.connection() as conn:
            return [(email, deadline) for email in await store.claim(conn, limit, LEASE_S)]

    async def _send(self, job: Job) -> None:
        email, deadline = job
        client = self._idle.pop()
        try:
            await self._attempt(email, client, deadline)
        finally:
            self._idle.append(client)

    async def _attempt(self, email: ClaimedEmail, client: smtp.SmtpClient, deadline: float) -> None:
        outcome: Outcome
        content: EmailContent | None = None
        secret: str | None = None
        try:
            async with asyncio.timeout_at(deadline):
                if error := await self._turned_off(email):
                    await self._skip(email, error)
                    return
                try:
                    composed = await self._composer.compose(email)
                except Obsolete as obsolete:
                    await self._skip(email, str(obsolete))
                    return
                secret = composed.link.token if composed.link else None
                content, built = self._build(email, composed)
                with tracing.span("call", "smtp/send"):
                    await client.send(self._sender.addr_spec, built.address, built.raw)
            outcome, error = "sent", None
        except (Undeliverable, smtp.Refused) as failure:
            outcome, error = "refused", str(failure)
        except (smtp.Unreachable, Unavailable) as failure:
            outcome, error = "unreachable", str(failure)
        except TimeoutError:
            outcome, error = "unreachable", f"Not finished within {ATTEMPT_S:.0f} s."
        except smtp.Deferred as failure:
            outcome, error = "deferred", str(failure)
        except asyncio.CancelledError:
            with contextlib.suppress(Unavailable):
                await self._finish(email, "unreachable", "The worker was stopped.", content)
            raise
        except Exception as failure:
            log.exception("email not sent", extra={"mail_id": email.id, "template": email.template})
            outcome, error = "deferred", f"Internal error: {type(failure).__name__}"
        if secret and error:
            # A server may quote the refused content in its response.
            error = error.replace(secret, HIDDEN)
        await self._finish(email, outcome, error, content)

    def _build(self, email: ClaimedEmail, composed: ComposedEmail) -> tuple[EmailContent, message.BuiltMessage]:
        """The content to store, without its secret, and the message to send."""
        setting = SETTING_OF_TEMPLATE.get(email.template)
        unsubscribe_url = self._links.url(email.user_id, setting) if setting and email.user_id else None
        rendered = self._render(email, composed, unsubscribe_url)
        try:
            built = message.build(
                email.id, self._sender, composed.recipient, rendered, datetime.now(UTC), unsubscribe_url
            )
        except ValueError as error:
            raise Undeliverable(str(error)) from None
        if composed.link is not None:
            hidden = msgspec.structs.replace(composed.link, token=HIDDEN)
            rendered = self._render(email, msgspec.structs.replace(composed, link=hidden), unsubscribe_url)
        content = EmailContent(composed.recipient, rendered.subject, built.headers, rendered.text, rendered.html)
        return content, built

    def _render(self, email: ClaimedEmail, composed: ComposedEmail, unsubscribe_url: str | None) -> Rendered:
        rendered = self._templates.render(email.template, composed.data, unsubscribe_url, composed.link)
        return rendered if composed.html is None else Rendered(rendered.subject, rendered.text, composed.html)

    async def _turned_off(self, email: ClaimedEmail) -> str | None:
        """Why the recipient does not receive this email, or None if they do."""
        setting = SETTING_OF_TEMPLATE.get(email.template)
        if setting is None or email.user_id is None:
            return None
        async with self._database.connection() as conn:
            settings = await store.settings_of(conn, email.user_id)
        is_on = getattr(settings, setting) if settings else domain.DEFAULT_SETTINGS[setting]
        return None if is_on else f"The recipient has turned off {setting}."

    async def _skip(self, email: ClaimedEmail, reason: str) -> None:
        async with self._database.connection() as conn:
            await store.finish(conn, email, "skipped", error=reason, refusals=email.refusals)
        ATTEMPTS.labels(email.template, "skipped").inc()

    async def _finish(
        self, email: ClaimedEmail, outcome: Outcome, error: str | None, content: EmailContent | None
    ) -> None:
        refusals = email.refusals + (outcome == "refused")
        result = domain.after_attempt(
            outcome, attempts=email.attempts, refusals=refusals, overdue=email.overdue, jitter=random.random()
        )
        # PostgreSQL cannot store NUL in text.
        error = None if error is None else error.replace("\0", "")[:_MAX_ERROR_CHARS]
        async with self._database.connection() as conn:
            recorded = await store.finish(
                conn, email, result.status, error=error, refusals=refusals, delay_s=result.delay_s, content=content
            )
        if not recorded:
            return
        ATTEMPTS.labels(email.template, outcome).inc()
        fields = {"mail_id": email.id, "template": email.template, "outcome": outcome, "attempt": email.attempts}
        if result.status == "failed":
            log.error("email given up", extra=fields | {"alert": "mail_given_up"})
        elif result.status == "queued":
            log.warning("email will be retried", extra=fields | {"delay_s": round(result.delay_s, 1)})
        else:
            log.info("email sent", extra=fields)

    async def update_gauges(self) -> None:
        async with self._database.connection() as conn:
            rows = await store.counts(conn)
        EMAILS.clear()
        for row in rows:
            EMAILS.labels(row["template"], row["status"]).set(row["count"])
