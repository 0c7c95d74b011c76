"""Shared by the notification tests: the sandbox's inbox, the email worker run step by step, services on real ports."""

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
from serai.contracts.notification import CreateEmail, NotificationDetails
from serai.contracts.order.client import OrderClient
from serai.contracts.user import UserClient
from serai.notification import actions, sending, smtp
from serai.notification.compose import Composer
from serai.notification.message import parse_sender
from serai.notification.render import Templates
from serai.notification.unsubscribe import UnsubscribeLinks
from serai.supervisor import ports
from tests import tokens
from tests.sandbox.process import Sandbox

T = TypeVar("T")

PUBLIC_URL = "http://localhost:8080"
#: A request without an Idempotency-Key.
NO_KEY = IdempotentRequest("nobody", None, b"")


async def eventually(probe: Callable[[], Awaitable[T]], *, within_s: float = 60.0) -> T:
    """Call `probe` until its result is truthy, and return that."""
    deadline = time.monotonic() + within_s
    while not (result := await probe()):
        assert time.monotonic() < deadline, "the condition did not become true in time"
        await asyncio.sleep(0.02)
    return result


def unique_address(name: str = "somebody") -> str:
    """An address that no other test uses."""
    return f"{name}-{uuid4().hex[:12]}@example.com"


class Inbox:
    """The sandbox's mailbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def emails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        query = {"to": to, "subject": subject, "limit": "100"}
        answer = self.sandbox.http.get(f"{self.sandbox.mail}/api/messages", params=query)
        assert answer.is_success, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def one(self, to: str, subject: str = "") -> dict[str, Any]:
        """The email, once it has arrived."""

        async def received() -> list[dict[str, Any]]:
            return self.emails(to, subject)

        return (await eventually(received))[0]

    def fault(self, fault: str, **more: Any) -> None:
        answer = self.sandbox.http.post(f"{self.sandbox.mail}/_faults", json={"fault": fault, **more})
        assert answer.is_success, answer.text

    def no_faults(self) -> None:
        self.sandbox.http.delete(f"{self.sandbox.mail}/_faults")

    @property
    def url(self) -> str:
        host, port = self.sandbox.smtp
        return f"smtp://{host}:{port}?starttls=no"


class UnusedClients(OrderClient, UserClient):
    """For tests whose emails need no data from other services."""

    callee = "user"

    def __init__(self) -> None:
        pass


class WorkerHarness:
    """The email worker on a database of its own, run step by step."""

    def __init__(self, db: Database, smtp_url: str) -> None:
        self.db = db
        clients = UnusedClients()
        self.worker = sending.EmailWorker(
            db,
            Composer(clients, clients),
            Templates(PUBLIC_URL),
            UnsubscribeLinks(PUBLIC_URL, "of the tests"),
            smtp.SmtpServer.parse(smtp_url),
            parse_sender("Serai <shop@serai.example>"),
        )

    async def queue(self, to: str, text: str = "Good news.") -> str:
        request = CreateEmail(to=to, subject="A word", text=text)
        email, _ = await actions.queue_email(self.db, request, NO_KEY)
        return str(email.id)

    async def send_due(self) -> None:
        """Attempt emails until none is due."""
        while await self.send_one():
            pass

    async def send_one(self) -> bool:
        """Attempt the email that has been due longest. False if none is due."""
        jobs = await self.worker.claim(1)
        for job in jobs:
            await self.worker.attempt(job)
        return bool(jobs)

    async def end_all_delays(self) -> None:
        """As if enough time had passed for all retry delays and leases to end."""
        async with self.db.transaction() as tx:
            await tx.execute("update mail set next_at = now(), lease_until = now() - interval '1 second'")

    async def email(self, email_id: str) -> NotificationDetails:
        return await actions.email(self.db, UUID(email_id))


@asynccontextmanager
async def served(app: Litestar) -> AsyncIterator[int]:
    """Serve the application on a free port."""
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


def make_known(home: Path, reader: str, service: str, port: int) -> None:
    """Let `reader` find `service` without a registry, from the addresses that it caches on disk."""
    folder = home / "registry" / reader
    folder.mkdir(parents=True, exist_ok=True)
    instance = tokens.instance(service, port)
    (folder / f"{service}.json").write_bytes(msgspec.json.encode([instance]))
