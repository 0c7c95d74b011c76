"""Builds the bytes of an email from its rendered parts.

Built by hand instead of with `email.message`, which took most of the CPU time of sending an email: all emails have the
same two parts and a few headers of known form. It is safe because header values with control characters are refused,
subjects that are not plain ASCII become encoded words (RFC 2047), and both parts are quoted-printable, which cannot
contain the boundary.
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

#: Characters that end a header, or that some mail software treats as its end.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Longer subjects are folded (RFC 5322 recommends lines of at most 78 characters).
_PLAIN_SUBJECT_CHARS = 68


class BuiltMessage(msgspec.Struct, frozen=True):
    """`headers` are readable (decoded), `raw` is what is sent, `address` is the envelope recipient."""

    headers: dict[str, str]
    raw: bytes
    address: str


def parse_sender(text: str) -> Address:
    """`Name <address>` or an address. Raises `ValueError`."""
    found = getaddresses([text])
    if len(found) != 1 or not is_address(found[0][1]) or not found[0][1].isascii():
        raise ValueError("must be one address, such as Serai <shop@example.com>")
    name, address = found[0]
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def message_id(email_id: UUID, sender: Address) -> str:
    """The same for every attempt of one email, so that recipients can recognize duplicates."""
    return f"<{email_id}@{sender.domain}>"


def build(
    email_id: UUID, sender: Address, recipient: str, rendered: Rendered, now: datetime, unsubscribe_url: str | None
) -> BuiltMessage:
    """Raises `ValueError` if the recipient's address or a header value is not valid."""
    if not is_address(recipient):
        raise ValueError("The recipient's address is not valid.")
    boundary = f"=_{email_id.hex}"
    headers = {
        "From": str(sender),
        "To": recipient,
        "Subject": rendered.subject,
        "Date": format_datetime(now),
        "Message-ID": message_id(email_id, sender),
        "Content-Language": "en",
        # RFC 3834: suppresses out-of-office replies.
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe_url is not None:
        # One-click unsubscribe (RFC 8058).
        headers["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    headers["MIME-Version"] = "1.0"
    headers["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    if any(_CONTROL.search(value) for value in headers.values()):
        raise ValueError("A header contains a control character.")
    encoded_headers = headers | {
        "From": formataddr((sender.display_name, sender.addr_spec)),
        "Subject": _encode_subject(rendered.subject),
        "Content-Type": headers["Content-Type"].replace("; ", ";\r\n "),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in encoded_headers.items())
    delimiter = b"\r\n--" + boundary.encode()
    raw = b"".join(
        (
            # Only an internationalized recipient address makes the headers non-ASCII (RFC 6532, with SMTPUTF8).
            head.encode("ascii" if recipient.isascii() else "utf-8"),
            delimiter,
            _part("plain", rendered.text),
            delimiter,
            _part("html", rendered.html),
            delimiter,
            b"--\r\n",
        )
    )
    return BuiltMessage(headers, raw, _envelope_address(recipient))


def _encode_subject(subject: str) -> str:
    """Short plain ASCII unchanged, everything else as folded encoded words (RFC 2047). So is ASCII that looks like an
    encoded word, which mail software would decode."""
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


def _envelope_address(recipient: str) -> str:
    """The address with an internationalized domain in its ASCII form (IDNA)."""
    local, _, domain = recipient.rpartition("@")
    return recipient if domain.isascii() else f"{local}@{domain.encode('idna').decode()}"
