"""The mailbox behind the SMTP server: one `.eml` file per message and an index in memory. The oldest messages are
deleted first.

The file is complete before SMTP answers 250, so an accepted email survives `kill -9`. The SMTP envelope is stored in a
header of our own before the message, because blind-copy recipients appear nowhere else.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MAX_MESSAGES = 10_000
MAX_HEAD_BYTES = 64 * 1024
MAX_PARSED = 128

_ENVELOPE = "X-Sandbox-Envelope"
_SHOWN = frozenset(["message-id", "subject"])


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    message_id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    received_at: str


class Inbox:
    def __init__(self, directory: Path, *, keep: int = MAX_MESSAGES) -> None:
        self._directory = directory
        self._keep = keep
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._bodies: OrderedDict[str, tuple[str, str | None]] = OrderedDict()
        directory.mkdir(parents=True, exist_ok=True)
        self._sequence = 0
        for path in sorted(directory.glob("*.eml")):
            try:
                with path.open("rb") as file:
                    self._index(path.stem, file.read(MAX_HEAD_BYTES))
            except (ValueError, KeyError):
                log.warning("%s is not an email of the sandbox; ignored", path)
        for stray in directory.glob("*.part"):
            stray.unlink()

    def deliver(self, sender: str, recipients: list[str], content: bytes) -> Entry:
        self._sequence += 1
        identifier = f"{self._sequence:09d}-{secrets.token_hex(4)}"
        envelope = {"from": sender, "to": recipients, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        raw = f"{_ENVELOPE}: {json.dumps(envelope)}\r\n".encode("ascii") + content
        part = self._directory / f"{identifier}.part"
        part.write_bytes(raw)
        os.replace(part, self._path(identifier))
        return self._index(identifier, raw)

    def newest(self, *, to: str = "", subject: str = "", before: str = "", limit: int) -> list[Entry]:
        """Newest first. `to` and `subject` match any part, ignoring case. `before` is the last id of the previous
        page."""
        found: list[Entry] = []
        wanted_to, wanted_subject = to.lower(), subject.lower()
        for entry in reversed(self._entries.values()):
            if before and entry.id >= before:
                continue
            if wanted_to and not any(wanted_to in recipient.lower() for recipient in entry.recipients):
                continue
            if wanted_subject and wanted_subject not in entry.subject.lower():
                continue
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def get(self, identifier: str) -> Entry | None:
        return self._entries.get(identifier)

    def raw(self, entry: Entry) -> bytes:
        return self._path(entry.id).read_bytes()

    def document(self, entry: Entry) -> dict[str, Any]:
        text, html = self._body(entry)
        return {
            "id": entry.id,
            "message_id": entry.message_id,
            "from": entry.sender,
            "to": list(entry.recipients),
            "subject": entry.subject,
            "text": text,
            "html": html,
            "received_at": entry.received_at,
        }

    def clear(self) -> int:
        count = len(self._entries)
        for identifier in list(self._entries):
            self._remove(identifier)
        return count

    def __len__(self) -> int:
        return len(self._entries)

    def _index(self, identifier: str, raw: bytes) -> Entry:
        first, _, rest = raw.partition(b"\r\n")
        envelope = json.loads(first.removeprefix(f"{_ENVELOPE}: ".encode()))
        headers = _headers(rest.partition(b"\r\n\r\n")[0])
        entry = Entry(
            id=identifier,
            message_id=headers.get("message-id", ""),
            sender=envelope["from"],
            recipients=tuple(envelope["to"]),
            subject=headers.get("subject", ""),
            received_at=envelope["at"],
        )
        self._entries[identifier] = entry
        self._sequence = max(self._sequence, int(identifier.partition("-")[0]))
        while len(self._entries) > self._keep:
            self._remove(next(iter(self._entries)))
        return entry

    def _body(self, entry: Entry) -> tuple[str, str | None]:
        known = self._bodies.get(entry.id)
        if known is None:
            message = message_from_bytes(self.raw(entry), policy=policy.default)
            known = (_content(message, "plain") or "", _content(message, "html"))
            self._bodies[entry.id] = known
            while len(self._bodies) > MAX_PARSED:
                self._bodies.popitem(last=False)
        return known

    def _remove(self, identifier: str) -> None:
        self._entries.pop(identifier, None)
        self._bodies.pop(identifier, None)
        self._path(identifier).unlink(missing_ok=True)

    def _path(self, identifier: str) -> Path:
        return self._directory / f"{identifier}.eml"


def _headers(head: bytes) -> dict[str, str]:
    """The two headers that lists show, decoded. Parsed by hand because every email passes here and the library's parser
    takes a millisecond for all headers."""
    found: dict[str, str] = {}
    name = ""
    # As text, because headers may be raw UTF-8 (SMTPUTF8), which the bytes parser would not decode.
    for line in head.decode("utf-8", "replace").split("\r\n"):
        if line[:1] in (" ", "\t"):
            if name:
                found[name] += line
            continue
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name.isprintable() or " " in name:
            break
        if name in _SHOWN and name not in found:
            found[name] = value
        else:
            name = ""
    return {name: _decoded(name, value) for name, value in found.items()}


def _decoded(name: str, value: str) -> str:
    """A header that cannot be decoded is shown as received."""
    if "=?" in value:
        with suppress(MessageError, ValueError, IndexError, AttributeError):
            value = policy.default.header_factory(name, value)
    return " ".join(value.split())


def _content(message: EmailMessage, subtype: str) -> str | None:
    try:
        part = message.get_body(preferencelist=(subtype,))
        return str(part.get_content()).replace("\r\n", "\n") if part is not None else None
    except (MessageError, LookupError, ValueError, AttributeError):
        # An unknown charset or a broken part: decode what is possible.
        payload = message.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None
