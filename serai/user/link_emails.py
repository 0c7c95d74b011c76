"""Answers requests for an email with a link.

A request writes one row, the same for an address with an account and for one without, so neither the response nor its
duration reveals whether there is an account; that is looked up afterwards by a background job. The more emails an
address has received recently, the later the next one is sent. It is delayed and not refused, so that nobody can flood a
mailbox and nobody can keep the owner from receiving a link.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.feed import Feed
from serai.chassis.nudge import Nudge
from serai.contracts.user import PASSWORD_RESET_REQUESTED, VERIFICATION_REQUESTED, UserEvent
from serai.user import domain, links
from serai.user.domain import Purpose

#: How often the job polls for requests whose delay is over and for those that another instance left unanswered.
POLL_S = 2.0
_BATCH = 20

_EVENTS: Mapping[Purpose, str] = {"verify_email": VERIFICATION_REQUESTED, "reset_password": PASSWORD_RESET_REQUESTED}


class LinkEmails:
    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._requested = Nudge()

    async def request(self, purpose: Purpose, email: str) -> None:
        """Request an email with a link to this address, if it has an account."""
        async with self._database.connection() as conn:
            await links.add_request(conn, purpose, email)
        self._requested()

    async def run(self) -> None:
        """Answer due requests until cancelled."""
        while True:
            while await self._answer_batch() == _BATCH:
                pass
            await self._requested.wait(POLL_S)

    async def _answer_batch(self) -> int:
        """Returns the number of requests answered."""
        published = False
        async with self._database.transaction() as tx:
            due = await links.lock_due_requests(tx, _BATCH)
            for request in due:
                await links.mark_answered(tx, request, domain.email_delay_s(request.level))
                if (user_id := await links.recipient_of(tx, request)) is not None:
                    await publish_with_link(tx, self._feed, _EVENTS[request.purpose], user_id, request.purpose)
                    published = True
        if published:
            self._feed.nudge()
        return len(due)


async def publish_with_link(tx: Connection, feed: Feed, event: str, user_id: UUID, purpose: Purpose) -> None:
    """Publish an event whose email carries a link. Its token is issued when the email is sent, so that no feed ever
    contains one."""
    event_id = await feed.append(tx, event, user_id, UserEvent(user_id))
    await links.add(tx, event_id, user_id, purpose)
