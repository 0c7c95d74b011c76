"""What the tests of mail share: an inbox to look into, servers on real ports, and things that must happen in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from litestar import Litestar

from serai.chassis.data.database import Database
from serai.chassis.data.idempotency import IdempotentRequest
from serai.contracts.notification import EmailAsked, NotificationAsSent
from serai.contracts.order.client import OrderClient
from serai.contracts.user import UserClient
from serai.notification import actions, sending, smtp
from serai.notification.compose import Composer
from serai.notification.message import parse_sender
from serai.notification.render import Templates
from serai.notification.unsubscribe import Links
from serai.supervisor import ports
from tests import tokens
from tests.sandbox.process import Sandbox

T = TypeVar("T")

PUBLIC_URL = "http://localhost:8080"
#: A request without an Idempotency-Key.
NO_KEY = IdempotentRequest("nobody", None, b"")


async def eventually(look: Callable[[], Awaitable[T]], *, within_s: float = 60.0) -> T:
    """Ask until the answer is truthy."""
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found


def an_address(name: str = "somebody") -> str:
    """An address that no other test writes to."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


class Inbox:
    """The sandbox's mailbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def mails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        query = {"to": to, "subject": subject, "limit": "100"}
        answer = self.sandbox.http.get(f"{self.sandbox.mail}/api/messages", params=query)
        assert answer.is_success, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def one(self, to: str, subject: str = "") -> dict[str, Any]:
        """The mail that arrives."""

        async def look() -> list[dict[str, Any]]:
            return self.mails(to, subject)

        return (await eventually(look))[0]

    def fault(self, fault: str, **more: Any) -> None:
        answer = self.sandbox.http.post(f"{self.sandbox.mail}/_faults", json={"fault": fault, **more})
        assert answer.is_success, answer.text

    def no_faults(self) -> None:
        self.sandbox.http.delete(f"{self.sandbox.mail}/_faults")

    @property
    def url(self) -> str:
        host, port = self.sandbox.smtp
        return f"smtp://{host}:{port}?starttls=no"


class NobodyToAsk(OrderClient, UserClient):
    """Stands where the clients are when a test sends only mails that say everything themselves."""

    callee = "user"

    def __init__(self) -> None:
        pass


class Office:
    """The worker on a database of its own, one step at a time."""

    def __init__(self, db: Database, smtp_url: str) -> None:
        self.db = db
        nobody = NobodyToAsk()
        self.sender = sending.Sender(
            db,
            Composer(nobody, nobody),
            Templates(PUBLIC_URL),
            Links(PUBLIC_URL, "of the tests"),
            smtp.SmtpServer.parse(smtp_url),
            parse_sender("Serai <shop@serai.example>"),
        )
        self.lane = self.new_lane(smtp_url)

    def new_lane(self, smtp_url: str) -> smtp.Lane:
        return smtp.Lane(smtp.SmtpServer.parse(smtp_url), "tests.example")

    async def queue(self, to: str, text: str = "Good news.") -> str:
        asked = EmailAsked(to=to, subject="A word", text=text)
        mail, _ = await actions.queue_mail(self.db, asked, NO_KEY)
        return str(mail.id)

    async def work(self) -> None:
        """Try what is due until nothing is."""
        while await self.sender.send_one(self.lane):
            pass

    async def let_time_pass(self) -> None:
        """Every pause and every lease is over."""
        async with self.db.transaction() as tx:
            await tx.execute("update mail set next_at = now(), lease_until = now() - interval '1 second'")

    async def mail(self, mail_id: str) -> NotificationAsSent:
        return await actions.mail(self.db, UUID(mail_id))


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[int]:
    """The application on a port of its own."""
    port = ports.find_free()
    server = Server(
        app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, http=HTTPModes.http1, log_enabled=False,
        websockets=False,
    )  # fmt: skip
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: _listens(port))
        yield port
    finally:
        server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
        await asyncio.wait_for(task, 60)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def known_at(home: Path, reader: str, service: str, port: int) -> None:
    """Let `reader` find `service` as it would at a start without the registry: from its last answer, on disk."""
    folder = home / "registry" / reader
    folder.mkdir(parents=True, exist_ok=True)
    instance = tokens.instance(service, port)
    (folder / f"{service}.json").write_bytes(msgspec.json.encode([instance]))
