"""The bytes of an email, parsed with the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.notification.message import BuiltMessage, build, parse_sender
from serai.notification.render import Rendered

SENDER = parse_sender("Serai <shop@serai.example>")
NOW = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)


def built(
    subject: str = "Hello",
    text: str = "Hello.\n",
    html: str = "<p>Hello.</p>\n",
    *,
    to: str = "ada@example.com",
    unsubscribe: str | None = None,
    email_id: UUID | None = None,
) -> BuiltMessage:
    return build(email_id or uuid4(), SENDER, to, Rendered(subject, text, html), NOW, unsubscribe)


def parsed(mail: BuiltMessage) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert not [part.defects for part in message.walk() if part.defects]
    return message


def content(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def test_an_email_has_both_parts_and_says_what_it_is() -> None:
    email_id = uuid4()
    message = parsed(
        built("Thanks", "5 €\n", "<p>5 €</p>\n", unsubscribe="https://shop.example/stop", email_id=email_id)
    )
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert (content(message, "plain"), content(message, "html")) == ("5 €\n", "<p>5 €</p>\n")
    assert dict(message.items()) == {
        "From": "Serai <shop@serai.example>",
        "To": "ada@example.com",
        "Subject": "Thanks",
        "Date": "Sun, 22 Nov 2026 14:05:00 +0000",
        "Message-ID": f"<{email_id}@serai.example>",
        "Content-Language": "en",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://shop.example/stop>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="=_{email_id.hex}"',
    }


def test_the_same_email_is_the_same_bytes() -> None:
    email_id = uuid4()
    assert built(email_id=email_id) == built(email_id=email_id)


_ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=400)


@given(text=_ANY_TEXT, html=_ANY_TEXT)
def test_whatever_an_email_says_arrives_in_lines_that_every_server_takes(text: str, html: str) -> None:
    mail = built(text=text, html=html)
    assert mail.raw.isascii()
    assert b"\0" not in mail.raw
    lines = mail.raw.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    message = parsed(mail)
    for subtype, said in (("plain", text), ("html", html)):
        expected = "\n".join(line.decode() for line in said.encode().splitlines()) + "\n"
        assert content(message, subtype) == expected


def test_a_part_cannot_end_itself() -> None:
    email_id = uuid4()
    forged = f"before\n--=_{email_id.hex}\nContent-Type: text/html\n\n<p>forged</p>\n--=_{email_id.hex}--\n.\nafter\n"
    message = parsed(built(text=forged, html=forged, email_id=email_id))
    assert len(list(message.iter_parts())) == 2
    assert content(message, "plain") == content(message, "html") == forged


_ONE_LINE = st.text(st.characters(codec="utf-8", categories=("L", "M", "N", "P", "S", "Zs")), min_size=1, max_size=200)


@given(subject=_ONE_LINE.map(lambda text: " ".join(text.split())))
def test_every_subject_arrives(subject: str) -> None:
    mail = built(subject)
    assert mail.headers["Subject"] == subject
    head = mail.raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert parsed(mail)["Subject"] == subject


@pytest.mark.parametrize("subject", ["=?utf-8?q?Grand=20prize?=", "x" * 200, "Grüße ✓ " * 20])
def test_a_subject_that_looks_encoded_or_is_long_arrives_as_it_is(subject: str) -> None:
    assert parsed(built(subject.strip()))["Subject"] == subject.strip()


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\v", "\x1c", "\x85", "\u2028", "\u2029"])
def test_no_value_can_begin_a_header_of_its_own(end: str) -> None:
    sly = f"Hello{end}Bcc: everybody@example.com"
    with pytest.raises(ValueError, match="control character"):
        built(sly)
    with pytest.raises(ValueError, match="control character"):
        built(unsubscribe=f"https://shop.example/{end}Bcc: everybody@example.com")
    with pytest.raises(ValueError, match="recipient"):
        built(to=f"ada@example.com{end}Bcc: everybody@example.com")


def test_an_internationalized_recipient_is_shown_unchanged_and_reached_in_ascii() -> None:
    mail = built("Grüße", to="jürgen@münchen.example")
    assert "\r\nTo: jürgen@münchen.example\r\n".encode() in mail.raw
    assert mail.address == "jürgen@xn--mnchen-3ya.example"
    with pytest.raises(ValueError, match="label"):
        built(to="ada@" + "ü" * 63 + ".example")


def test_a_sender_name_that_is_not_ascii_is_encoded() -> None:
    sender = parse_sender('"Zoë, Inc." <shop@a.example>')
    mail = build(uuid4(), sender, "ada@example.com", Rendered("Hi", "Hi", "Hi"), NOW, None)
    assert parsed(mail)["From"].addresses[0].display_name == "Zoë, Inc."
