"""The SMTP server of the inbox, and its faults.

`POST /_faults` on the inbox's HTTP port takes `{"fault", "stage"?, "code"?, "seconds"?, "stored"?, "count"?}`:

- `refuse`: replies with `code` (451; 4xx or 5xx) at `stage` (`mail`, `rcpt` or `data`, the default);
- `stall`: waits `seconds` (30) at `stage` before it replies;
- `cut`: receives the whole message and drops the connection instead of replying.

`stored` (true) says whether a `stall` or `cut` at `data` stores the message in the inbox first. The client cannot know,
and must send it again in either case. `count` (1) is how many requests the fault affects.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import ssl
from dataclasses import asdict, dataclass
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from serai.sandbox.fault_list import BadFault, FaultList, fields_of
from serai.sandbox.inbox import Inbox
from serai.sandbox.settings import Settings

MAX_MESSAGE_BYTES = 10_000_000
#: RFC 5321, 4.5.3.1.6, without the line end.
MAX_LINE_BYTES = 998
MAX_RECIPIENTS = 100
KINDS, STAGES = ("refuse", "stall", "cut"), ("mail", "rcpt", "data")

#: `<local@domain>` in its usual form, and the parameters after it.
_PLAIN_PATH = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+)>\s*(.*)", re.DOTALL)

#: aiosmtpd logs every connection and command at INFO, which adds nothing to what the inbox shows.
logging.getLogger("mail.log").setLevel(logging.WARNING)


@dataclass(slots=True)
class MailFault:
    id: str
    fault: str
    stage: str
    code: int
    seconds: float
    stored: bool
    count: int
    hits: int = 0

    def public(self) -> dict[str, Any]:
        return asdict(self)


class MailFaults(FaultList[MailFault]):
    def __init__(self) -> None:
        super().__init__(_parse)

    def take(self, stage: str) -> MailFault | None:
        return self.take_first(lambda fault: fault.stage == stage)


def _parse(identifier: str, sent: Any) -> MailFault:
    fields = fields_of(sent, {"fault", "stage", "code", "seconds", "stored", "count"})
    kind, stage, code = fields.get("fault"), fields.get("stage", "data"), fields.get("code", 451)
    seconds, stored, times = fields.get("seconds", 30), fields.get("stored", True), fields.get("count", 1)
    if kind not in KINDS or stage not in STAGES or (kind == "cut" and stage != "data"):
        raise BadFault(
            f"fault must be one of {', '.join(KINDS)}, stage one of {', '.join(STAGES)}, and the stage of cut is data"
        )
    if type(code) is not int or not 400 <= code <= 599:
        raise BadFault("code must be between 400 and 599")
    if type(seconds) not in (int, float) or not 0 <= seconds <= 3600:
        raise BadFault("seconds must be between 0 and 3600")
    if type(stored) is not bool or type(times) is not int or not 1 <= times <= 1_000_000:
        raise BadFault("stored must be a boolean, count a number between 1 and 1000000")
    return MailFault(identifier, kind, stage, code, seconds, stored, times)


class MailHandler:
    """aiosmtpd's handler. The library defines the method names."""

    def __init__(self, inbox: Inbox, faults: MailFaults) -> None:
        self._inbox = inbox
        self._faults = faults

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self._apply_fault("mail"):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if refusal := await self._apply_fault("rcpt"):
            return refusal
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        fault = self._faults.take("data")
        if fault is None:
            return self._store(envelope, raw)
        if fault.fault == "refuse":
            return f"{fault.code} Refused by a fault"
        answer = self._store(envelope, raw) if fault.stored else "451 Lost by a fault"
        if fault.fault == "stall":
            await asyncio.sleep(fault.seconds)
            return answer
        if server.transport is not None:
            cast(asyncio.WriteTransport, server.transport).abort()
        return answer

    async def _apply_fault(self, stage: str) -> str | None:
        fault = self._faults.take(stage)
        if fault is None:
            return None
        if fault.fault == "refuse":
            return f"{fault.code} Refused by a fault"
        await asyncio.sleep(fault.seconds)
        return None

    def _store(self, envelope: Envelope, raw: bytes) -> str:
        entry = self._inbox.deliver(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        return f"250 OK {entry.id}"


class Server(SMTP):
    """aiosmtpd with two methods replaced that took more time than a payment: it reads a message line by line, and
    parses an address with the full grammar of mail headers."""

    #: The largest chunk read at once. The length of a message's lines is checked below.
    line_length_limit = 64 * 1024

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        plain = _PLAIN_PATH.fullmatch(arg)
        return (plain[1], plain[2]) if plain else super()._getaddr(arg)

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.session is not None
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        message = await self._message()
        if message is None:
            answer = "552 Error: Too much mail data"
        elif max(map(len, message.split(b"\r\n"))) > MAX_LINE_BYTES:
            answer = "500 Line too long (see RFC5321 4.5.3.1.6)"
        else:
            # RFC 5321, section 4.5.2: the client adds a dot to every line that begins with one.
            content = message.removeprefix(b".").replace(b"\r\n.", b"\r\n")
            self.envelope.content = self.envelope.original_content = content
            answer = await self.event_handler.handle_DATA(self, self.session, self.envelope)
        self.envelope = self._create_envelope()
        await self.push(answer)

    async def _message(self) -> bytes | None:
        """The message up to the line with a single dot; None when it is too large."""
        message, too_much = bytearray(), False
        while not (message.endswith(b"\r\n.\r\n") or message == b".\r\n"):
            try:
                message += await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as overrun:
                message += await self._reader.read(overrun.consumed)
            if len(message) > MAX_MESSAGE_BYTES:
                too_much = True
                del message[:-5]
        return None if too_much else bytes(message[:-3])


def protocol(settings: Settings, handler: MailHandler, loop: asyncio.AbstractEventLoop) -> SMTP:
    """The SMTP server of one connection."""
    tls = None
    if settings.smtp_tls:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*settings.smtp_tls)
    return Server(
        handler,
        hostname="sandbox",
        ident="Serai sandbox",
        data_size_limit=MAX_MESSAGE_BYTES,
        enable_SMTPUTF8=True,
        tls_context=tls,
        require_starttls=tls is not None,
        authenticator=_authenticator(settings.smtp_auth) if settings.smtp_auth else None,
        auth_required=settings.smtp_auth is not None,
        auth_require_tls=tls is not None,
        timeout=60,
        loop=loop,
    )


def _authenticator(expected: tuple[str, str]) -> Any:
    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = (part.encode() for part in expected)
        known = hmac.compare_digest(data.login, user) & hmac.compare_digest(data.password, password)
        return AuthResult(success=known, handled=False)

    return authenticate
