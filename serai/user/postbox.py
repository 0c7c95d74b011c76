"""Where people ask for a mail with a link, and who takes the asking out again.

Asking writes one row, the same for an address with an account and for one without, so neither the answer nor its time
tells them apart; who has the address is looked up afterwards, here. The more mails an address got lately, the longer
its next one waits: it is late and not refused, so nobody can flood a mailbox and nobody can keep its owner from theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from uuid import UUID

from serai.chassis.data.database import Connection, Database
from serai.chassis.data.feed import Feed
from serai.contracts.user import PASSWORD_FORGOTTEN, VERIFICATION_ASKED, UserEvent
from serai.user import domain, links
from serai.user.domain import Purpose

#: How often it looks by itself: for mails whose wait is over, and for what another replica has left behind.
POLL_S = 2.0
_BATCH = 20

_EVENTS: Mapping[Purpose, str] = {"verify_email": VERIFICATION_ASKED, "reset_password": PASSWORD_FORGOTTEN}


class Postbox:
    def __init__(self, db: Database, feed: Feed) -> None:
        self._db = db
        self._feed = feed
        self._asked = asyncio.Event()

    async def ask(self, purpose: Purpose, email: str) -> None:
        """Let a mail go to this address, should there be somebody to have it."""
        async with self._db.connection() as conn:
            await links.ask(conn, purpose, email)
        self._asked.set()

    async def run(self) -> None:
        """Answer what is due, for ever."""
        while True:
            self._asked.clear()
            while await self._answer_some() == _BATCH:
                pass
            # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S * random.uniform(0.75, 1.0)):
                    await self._asked.wait()

    async def _answer_some(self) -> int:
        told = False
        async with self._db.transaction() as tx:
            due = await links.take_due(tx, _BATCH)
            for asked in due:
                await links.answered(tx, asked, domain.mail_pause_s(asked.level))
                if (user_id := await links.addressee(tx, asked)) is not None:
                    await tell(tx, self._feed, _EVENTS[asked.purpose], user_id, asked.purpose)
                    told = True
        if told:
            self._feed.nudge()
        return len(due)


async def tell(tx: Connection, feed: Feed, event: str, user_id: UUID, purpose: Purpose) -> None:
    """Let a mail be written about this, with a link that is made when it is sent: no feed ever holds one."""
    event_id = await feed.append(tx, event, user_id, UserEvent(user_id))
    await links.add(tx, event_id, user_id, purpose)
