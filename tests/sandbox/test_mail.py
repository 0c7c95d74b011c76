"""The inbox: SMTP, the API, the pages and injected faults."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serai.sandbox.inbox import Inbox
from tests.sandbox.process import Sandbox


@pytest.fixture
def inbox(sandbox: Sandbox) -> Sandbox:
    sandbox.http.delete(f"{sandbox.mail}/api/messages")
    return sandbox


def message(to: str = "ada@example.com", subject: str = "Your order", **more: str) -> EmailMessage:
    created = EmailMessage()
    created["From"], created["To"], created["Subject"] = "shop@example.com", to, subject
    created["Message-ID"] = more.get("message_id", "<1@shop>")
    created.set_content(more.get("text", "Thank you"))
    if "html" in more:
        created.add_alternative(more["html"], subtype="html")
    return created


def listed(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    answer = sandbox.http.get(f"{sandbox.mail}/api/messages", params=query)
    assert answer.status_code == 200
    return list(answer.json()["items"])


async def send(sandbox: Sandbox, mail: EmailMessage, **more: Any) -> Any:
    host, port = sandbox.smtp
    return await aiosmtplib.send(mail, hostname=host, port=port, timeout=30, start_tls=False, **more)


async def test_shows_a_mail_with_its_parts_decoded(inbox: Sandbox) -> None:
    await send(inbox, message(subject="Grüße aus Zürich ✓", text="Preis: 5 €\n", html="<p>Preis: 5 €</p>"))
    (mail,) = listed(inbox)
    received = datetime.fromisoformat(mail.pop("received_at"))
    assert datetime.now(UTC) - received < timedelta(minutes=1)
    assert mail.pop("id")
    assert mail == {
        "message_id": "<1@shop>",
        "from": "shop@example.com",
        "to": ["ada@example.com"],
        "subject": "Grüße aus Zürich ✓",
        "text": "Preis: 5 €\n",
        "html": "<p>Preis: 5 €</p>\n",
    }


async def test_a_mail_without_html_has_none(inbox: Sandbox) -> None:
    await send(inbox, message())
    assert listed(inbox)[0]["html"] is None


async def test_lists_newest_first_and_in_pages(inbox: Sandbox) -> None:
    for number in range(5):
        await send(inbox, message(subject=f"Mail {number}"))
    first = listed(inbox, limit=2)
    assert [mail["subject"] for mail in first] == ["Mail 4", "Mail 3"]
    second = listed(inbox, limit=2, before=first[-1]["id"])
    assert [mail["subject"] for mail in second] == ["Mail 2", "Mail 1"]


async def test_finds_by_recipient_and_subject(inbox: Sandbox) -> None:
    await send(inbox, message(to="ada@example.com", subject="Order S-1 is paid"))
    await send(inbox, message(to="bob@example.com", subject="Order S-2 is paid"))
    assert [mail["to"] for mail in listed(inbox, to="BOB@")] == [["bob@example.com"]]
    assert [mail["to"] for mail in listed(inbox, subject="s-1")] == [["ada@example.com"]]
    assert listed(inbox, to="ada@", subject="S-2") == []
    assert inbox.http.get(f"{inbox.mail}/api/messages", params={"limit": 0}).status_code == 400


async def test_lists_the_recipients_of_the_envelope(inbox: Sandbox) -> None:
    await send(inbox, message(), recipients=["ada@example.com", "archive@example.com"])
    assert listed(inbox)[0]["to"] == ["ada@example.com", "archive@example.com"]


async def test_accepts_addresses_and_headers_in_utf8(inbox: Sandbox) -> None:
    host, port = inbox.smtp
    with smtplib.SMTP(host, port) as client:
        raw = "Subject: Grüße\r\nMessage-ID: <u@x>\r\n\r\nHallo\r\n".encode()
        client.sendmail("shop@example.com", ["jürgen@example.com"], raw, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    (mail,) = listed(inbox, to="jürgen")
    assert (mail["subject"], mail["to"]) == ("Grüße", ["jürgen@example.com"])


async def test_shows_a_malformed_email(inbox: Sandbox) -> None:
    host, port = inbox.smtp
    raw = b"Subject: =?x-nonsense?q?=FF?=\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe caf\xc3\xa9\r\n"
    with smtplib.SMTP(host, port) as client:
        client.sendmail("shop@example.com", ["ada@example.com"], raw)
        client.sendmail("shop@example.com", ["ada@example.com"], b"no header at all")
    assert "café" in listed(inbox)[1]["text"]
    assert inbox.http.get(f"{inbox.mail}/").status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b".\r\n",
        b"..\r\n.leading dots\r\n...\r\n",
        b"ends with a dot.\r\n",
        b"dot.\r\nline.\r\n.\r\nafter\r\n",
        b"x" * 998 + b"\r\n",
        (b"y" * 996 + b".\r\n") * 300,
    ],
)
async def test_keeps_every_byte_of_a_message(inbox: Sandbox, content: bytes) -> None:
    raw = b"Subject: bytes\r\n\r\n" + content
    host, port = inbox.smtp
    with smtplib.SMTP(host, port) as client:
        client.sendmail("shop@example.com", ["ada@example.com"], raw)
        client.sendmail("shop@example.com", ["ada@example.com"], b"Subject: next\r\n\r\n")
    later, mail = listed(inbox)
    assert later["subject"] == "next"
    assert inbox.http.get(f"{inbox.mail}/messages/{mail['id']}/raw").content.partition(b"\r\n")[2] == raw


async def test_accepts_a_message_in_pieces_and_an_empty_one(inbox: Sandbox) -> None:
    host, port = inbox.smtp
    with smtplib.SMTP(host, port) as client:
        for pieces in ([b".\r\n"], [b"Subject: a\r\n\r\nb\r", b"\n.", b"\r", b"\n"]):
            client.ehlo_or_helo_if_needed()
            assert client.mail("shop@example.com")[0] == 250
            assert client.rcpt("ada@example.com")[0] == 250
            assert client.docmd("DATA")[0] == 354
            for piece in pieces:
                client.send(piece)
            assert client.getreply()[0] == 250
    assert [mail["subject"] for mail in listed(inbox)] == ["a", ""]


async def test_refuses_a_line_that_is_too_long_and_a_message_that_is_too_large(inbox: Sandbox) -> None:
    host, port = inbox.smtp
    with smtplib.SMTP(host, port) as client:
        for raw, code in ((b"x" * 999, 500), (b"x" * 200_000, 500), ((b"y" * 900 + b"\r\n") * 11_200, 552)):
            client.ehlo_or_helo_if_needed()
            client.mail("shop@example.com")
            client.rcpt("ada@example.com")
            assert client.data(raw)[0] == code
        client.sendmail("shop@example.com", ["ada@example.com"], b"Subject: fine\r\n\r\n")
    assert [mail["subject"] for mail in listed(inbox)] == ["fine"]


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        ("<ada+b@example.com>", "ada+b@example.com"),
        ("<ada@example.com> SIZE=10", "ada@example.com"),
        ('<"ada b"@example.com>', '"ada b"@example.com'),
        ("ada@example.com", "ada@example.com"),
        ("<ada@@example.com>", None),
    ],
)
async def test_parses_the_addresses_of_smtp(inbox: Sandbox, path: str, accepted: str | None) -> None:
    host, port = inbox.smtp
    with smtplib.SMTP(host, port) as client:
        client.ehlo()
        assert (client.docmd("MAIL", f"FROM:{path}")[0] == 250) is (accepted is not None)
        if accepted is not None:
            client.rcpt("bob@example.com")
            client.data(b"Subject: a\r\n")
            assert listed(inbox)[0]["from"] == accepted


_HEADS = [
    "Subject: hi\r\nMessage-ID: <1@x>",
    "subject:hi\r\n there\r\nMESSAGE-id: <1@x>\r\nSubject: no",
    "no header at all\r\nSubject: x",
    "Subject: Grüße\r\nMessage-ID: <ü@x>",
    "Subject: =?x-nonsense?q?=FF?=",
    "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus?=",
    "Subject: =?utf-8?b?!!!?= x",
    "Subject:\r\n a  b\r\nX-A: b\r\n\tc",
    "Message-ID: <1@shop> (comment)\r\nX: y\r\nSubject : z",
    "Message-ID:\r\n <1@shop>",
    "",
]


@pytest.mark.parametrize("head", _HEADS)
def test_decodes_the_listed_headers_as_the_library_does(tmp_path: Path, head: str) -> None:
    entry = Inbox(tmp_path).deliver("shop@example.com", ["ada@example.com"], f"{head}\r\n\r\nbody".encode())
    parsed = message_from_string(head, policy=policy.default)
    expected = (" ".join(str(parsed.get(name, "")).split()) for name in ("Message-ID", "Subject"))
    assert (entry.message_id, entry.subject) == tuple(expected)


async def test_the_inbox_can_be_cleared(inbox: Sandbox) -> None:
    await send(inbox, message())
    assert inbox.http.delete(f"{inbox.mail}/api/messages").status_code == 204
    assert listed(inbox) == []


async def test_pages_isolate_the_html_of_emails(inbox: Sandbox) -> None:
    await send(inbox, message(subject="<script>alert(1)</script>", html='<script>alert(2)</script><p class="x">Hi</p>'))
    (mail,) = listed(inbox)
    index = inbox.http.get(f"{inbox.mail}/")
    assert "<script" not in index.text
    assert f"/messages/{mail['id']}" in index.text
    page = inbox.http.get(f"{inbox.mail}/messages/{mail['id']}")
    assert "<script" not in page.text
    assert 'sandbox="allow-popups' in page.text
    assert "&lt;p class=&quot;x&quot;&gt;Hi" in page.text
    assert inbox.http.get(f"{inbox.mail}/messages/{mail['id']}/raw").text.startswith("X-Sandbox-Envelope")
    assert inbox.http.get(f"{inbox.mail}/messages/nothing").status_code == 404


@pytest.mark.parametrize(("stage", "code"), [("mail", 421), ("rcpt", 550), ("data", 451)])
async def test_a_fault_makes_it_refuse(inbox: Sandbox, stage: str, code: int) -> None:
    fault = {"fault": "refuse", "stage": stage, "code": code}
    assert inbox.http.post(f"{inbox.mail}/_faults", json=fault).status_code == 201
    with pytest.raises(aiosmtplib.SMTPException) as caught:
        await send(inbox, message())
    assert str(code) in str(caught.value)
    assert listed(inbox) == []
    await send(inbox, message())
    assert len(listed(inbox)) == 1


@pytest.mark.parametrize(("stored", "kept"), [(True, 1), (False, 0)])
async def test_a_fault_drops_the_connection_after_the_message(inbox: Sandbox, stored: bool, kept: int) -> None:
    inbox.http.post(f"{inbox.mail}/_faults", json={"fault": "cut", "stored": stored})
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await send(inbox, message())
    assert len(listed(inbox)) == kept


async def test_a_fault_makes_it_stall(inbox: Sandbox) -> None:
    inbox.http.post(f"{inbox.mail}/_faults", json={"fault": "stall", "stage": "mail", "seconds": 2})
    host, port = inbox.smtp
    with pytest.raises(aiosmtplib.SMTPTimeoutError):
        await aiosmtplib.send(message(), hostname=host, port=port, timeout=0.3, start_tls=False)
    assert listed(inbox) == []


@pytest.mark.parametrize(
    "wrong", [{"fault": "explode"}, {"fault": "refuse", "code": 250}, {"fault": "cut", "stage": "mail"}, {"x": 1}, []]
)
async def test_refuses_an_invalid_fault(inbox: Sandbox, wrong: Any) -> None:
    assert inbox.http.post(f"{inbox.mail}/_faults", json=wrong).status_code == 400
    assert inbox.http.get(f"{inbox.mail}/_faults").json() == {"items": []}


async def test_requires_a_login_over_tls_when_configured(start_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    sandbox = start_sandbox(SMTP_AUTH="shop:secret word", SMTP_CERT=str(cert), SMTP_KEY=str(key))
    trusted = ssl.create_default_context(cafile=str(cert))
    host, port = sandbox.smtp
    right: dict[str, Any] = {
        "hostname": host,
        "port": port,
        "timeout": 30,
        "username": "shop",
        "password": "secret word",
    }
    await aiosmtplib.send(message(), start_tls=True, tls_context=trusted, **right)
    assert len(listed(sandbox)) == 1
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await aiosmtplib.send(message(), start_tls=True, tls_context=trusted, **right | {"password": "guess"})
    with pytest.raises(aiosmtplib.SMTPException):
        await send(sandbox, message())
    assert len(listed(sandbox)) == 1


def test_deletes_the_oldest_emails_when_there_are_too_many(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, keep=3)
    for number in range(5):
        inbox.deliver("shop@example.com", ["ada@example.com"], f"Subject: {number}\r\n\r\n".encode())
    assert [entry.subject for entry in inbox.newest(limit=10)] == ["4", "3", "2"]
    assert len(list(tmp_path.glob("*.eml"))) == 3
    again = Inbox(tmp_path, keep=3)
    assert [entry.subject for entry in again.newest(limit=10)] == ["4", "3", "2"]
    assert again.deliver("a@b.c", [], b"Subject: 5\r\n\r\n").id > inbox.newest(limit=1)[0].id


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sandbox")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
