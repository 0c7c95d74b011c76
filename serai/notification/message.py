"""From a rendered letter to the bytes that travel.

Written out by hand: every mail has the same two parts and a handful of headers whose form is known, and the standard
library's general way took most of the time a mail costs. What keeps it safe: a value with a control character is no
header, a text that is not plain ASCII travels as encoded words, and quoted-printable, in which both parts travel, can
never contain the boundary.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, formataddr, getaddresses
from uuid import UUID

import msgspec

from serai.notification.domain import is_address
from serai.notification.render import Rendered

#: What could end a header, or be taken for its end by somebody on the way.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Longer lines are folded (RFC 5322 asks for 78 characters).
_PLAIN_SUBJECT_CHARS = 68


class Built(msgspec.Struct, frozen=True):
    """`headers` as a person reads them, `raw` as the mail travels, to `address` on the envelope."""

    headers: dict[str, str]
    raw: bytes
    address: str


def parse_sender(text: str) -> Address:
    """`Name <address>` or an address. Raises `ValueError`."""
    found = getaddresses([text])
    if len(found) != 1 or not is_address(found[0][1]) or not found[0][1].isascii():
        raise ValueError("give one address, such as Serai <shop@example.com>")
    name, address = found[0]
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def message_id(mail_id: UUID, sender: Address) -> str:
    """The same for every try of one mail, so that whoever receives two copies can tell."""
    return f"<{mail_id}@{sender.domain}>"


def build(
    mail_id: UUID, sender: Address, recipient: str, rendered: Rendered, now: datetime, unsubscribe_url: str | None
) -> Built:
    """The mail with both parts, in lines that every server takes. Raises `ValueError` for a recipient or a header that
    cannot be written."""
    if not is_address(recipient):
        raise ValueError("the recipient's address is not usable")
    boundary = f"=_{mail_id.hex}"
    headers = {
        "From": str(sender),
        "To": recipient,
        "Subject": rendered.subject,
        "Date": format_datetime(now),
        "Message-ID": message_id(mail_id, sender),
        "Content-Language": "en",
        # RFC 3834: no holiday answers to a machine.
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe_url is not None:
        # RFC 8058, one click.
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    headers["MIME-Version"] = "1.0"
    headers["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    if any(_CONTROL.search(value) for value in headers.values()):
        raise ValueError("a header would have a control character")
    on_wire = headers | {
        "From": formataddr((sender.display_name, sender.addr_spec)),
        "Subject": _encoded(rendered.subject),
        "Content-Type": headers["Content-Type"].replace("; ", ";\r\n "),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in on_wire.items())
    delimiter = b"\r\n--" + boundary.encode()
    raw = b"".join(
        (
            # Only an address in other letters takes the head beyond ASCII (RFC 6532, with SMTPUTF8).
            head.encode("ascii" if recipient.isascii() else "utf-8"),
            delimiter,
            _part("plain", rendered.text),
            delimiter,
            _part("html", rendered.html),
            delimiter,
            b"--\r\n",
        )
    )
    return Built(headers, raw, _wire_address(recipient))


def _encoded(subject: str) -> str:
    """As it is where that is safe, else in encoded words (RFC 2047), folded; a subject that looks like one is none."""
    if subject.isascii() and len(subject) <= _PLAIN_SUBJECT_CHARS and "=?" not in subject:
        return subject
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _part(subtype: str, content: str) -> bytes:
    lines = b"\r\n".join(content.encode().splitlines())
    return b"".join(
        (
            f'\r\nContent-Type: text/{subtype}; charset="utf-8"\r\n'.encode(),
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            b2a_qp(lines + b"\r\n", istext=True),
        )
    )


def _wire_address(recipient: str) -> str:
    """The address as the envelope carries it: a domain in other letters in its ASCII form."""
    local, _, domain = recipient.rpartition("@")
    return recipient if domain.isascii() else f"{local}@{domain.encode('idna').decode()}"
