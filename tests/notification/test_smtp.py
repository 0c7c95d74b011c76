"""The SMTP URL, TLS, login and reused connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from serai.chassis.settings import SettingsError
from serai.notification.app import create
from serai.notification.smtp import Deferred, SmtpClient, SmtpServer, Unreachable
from tests import tokens
from tests.notification.harness import Inbox, WorkerHarness, unique_address
from tests.sandbox.process import Sandbox

MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:2525", SmtpServer("127.0.0.1", 2525, "optional")),
        ("smtp://localhost", SmtpServer("localhost", 25, "optional")),
        ("smtp://mail.example:587", SmtpServer("mail.example", 587, "required")),
        ("smtp://mail.example?starttls=no", SmtpServer("mail.example", 25, "no")),
        ("smtp://[::1]:2525/?starttls=required", SmtpServer("::1", 2525, "required")),
        ("smtps://u%40x:p%2Fw@mail.example", SmtpServer("mail.example", 465, "implicit", "u@x", "p/w")),
        ("smtp://u:p@mail.example:587?ca=/etc/ca.pem",
         SmtpServer("mail.example", 587, "required", "u", "p", "/etc/ca.pem")),
    ],
)  # fmt: skip
def test_parses_an_smtp_url(url: str, server: SmtpServer) -> None:
    assert SmtpServer.parse(url) == server


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "must begin with smtp:// or smtps://"),
        ("https://mail.example", "must begin with smtp:// or smtps://"),
        ("smtp://", "has no host"),
        ("smtp://mail.example:99999", "the port"),
        ("smtp://mail.example:x", "the port"),
        ("smtp://user@mail.example", "both user and password"),
        ("smtp://u:hunter2/x@mail.example", "port|encode special characters"),
        ("smtp://mail.example?tls=1", "the options are"),
        ("smtp://mail.example?starttls=no&starttls=required", "repeated option"),
        ("smtp://mail.example?starttls=never", "required, optional or no"),
        ("smtp://u:hunter2@mail.example?starttls=no", "unencrypted"),
        ("smtp://u:hunter2@mail.example?starttls=optional", "unencrypted"),
        ("smtps://mail.example?starttls=no", "cannot be used with smtps://"),
    ],
)
def test_an_invalid_smtp_url_is_refused_without_revealing_its_password(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as told:
        SmtpServer.parse(url)
    assert "hunter2" not in str(told.value)


def test_a_service_that_cannot_send_does_not_start() -> None:
    environ = tokens.environ("notification", SMTP_URL="smtp://u:hunter2@", SERAI_MAIL_FROM="nobody")
    with pytest.raises(SettingsError) as told:
        create(environ)
    assert len(told.value.problems) == 2
    assert "hunter2" not in str(told.value)
    with pytest.raises(SettingsError, match="SMTP_URL is missing"):
        create(tokens.environ("notification"))


def test_a_real_shop_does_not_write_from_the_sample_address() -> None:
    environ = tokens.environ("notification", SMTP_URL="smtps://u:p@mail.example", SERAI_MODE="production")
    environ |= {"DATABASE_URL": "postgresql://x", "SERAI_DISCOVERY_URL": "http://x", "SERAI_REGISTRY_TOKEN": "a token"}
    with pytest.raises(SettingsError, match="SERAI_MAIL_FROM is missing"):
        create(environ)
    create(environ | {"SERAI_MAIL_FROM": "A Shop <orders@a-shop.example>"})


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of the tests")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def guarded(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[Sandbox]:
    """A server that accepts email only over TLS and after a login."""
    cert, key = certificate
    environment = {"SMTP_AUTH": "shop:s3cret", "SMTP_CERT": str(cert), "SMTP_KEY": str(key)}
    sandbox = Sandbox(tmp_path / "guarded", **environment)
    try:
        yield sandbox.start()
    finally:
        sandbox.close()


async def test_sends_after_starttls_and_login(guarded: Sandbox, certificate: tuple[Path, Path]) -> None:
    host, port = guarded.smtp
    server = SmtpServer.parse(f"smtp://shop:s3cret@{host}:{port}?starttls=required&ca={certificate[0]}")
    client = SmtpClient(server, "tests.example")
    to = unique_address()
    for _ in range(2):
        await client.send("shop@example.com", to, MESSAGE)
    await client.close()
    assert len(Inbox(guarded).emails(to)) == 2


async def test_a_wrong_smtp_password_does_not_fail_the_email(guarded: Sandbox, certificate: tuple[Path, Path]) -> None:
    host, port = guarded.smtp
    server = SmtpServer.parse(f"smtp://shop:wrong@{host}:{port}?starttls=required&ca={certificate[0]}")
    with pytest.raises(Deferred, match="535"):
        await SmtpClient(server, "tests.example").send("shop@example.com", unique_address(), MESSAGE)


async def test_sends_nothing_to_a_server_with_an_untrusted_certificate(guarded: Sandbox) -> None:
    host, port = guarded.smtp
    server = SmtpServer.parse(f"smtp://shop:s3cret@{host}:{port}?starttls=required")
    with pytest.raises(Unreachable):
        await SmtpClient(server, "tests.example").send("shop@example.com", to := unique_address(), MESSAGE)
    assert not Inbox(guarded).emails(to)


async def test_sends_nothing_without_tls_where_tls_is_required(inbox: Inbox) -> None:
    host, port = inbox.sandbox.smtp
    client = SmtpClient(SmtpServer.parse(f"smtp://{host}:{port}?starttls=required"), "tests.example")
    with pytest.raises(Deferred):
        await client.send("shop@example.com", to := unique_address(), MESSAGE)
    assert not inbox.emails(to)


async def test_an_internationalized_address_is_reached(harness: WorkerHarness, inbox: Inbox) -> None:
    to = "jürgen." + unique_address("x").partition("@")[0] + "@münchen.example"
    await harness.queue(to)
    await harness.send_due()
    assert len(inbox.emails("jürgen." + to.partition("@")[0].partition(".")[2])) == 1


async def test_a_server_that_comes_back_is_used_again(start_and_stop: Callable[[], Sandbox]) -> None:
    sandbox = start_and_stop()
    host, port = sandbox.smtp
    client = SmtpClient(SmtpServer.parse(f"smtp://{host}:{port}?starttls=no"), "tests.example")
    await client.send("shop@example.com", unique_address(), MESSAGE)
    sandbox.kill()
    with pytest.raises(Unreachable):
        await client.send("shop@example.com", unique_address(), MESSAGE)
    sandbox.start()
    assert sandbox.smtp == (host, port)
    await client.send("shop@example.com", to := unique_address(), MESSAGE)
    await client.close()
    assert Inbox(sandbox).emails(to)


async def test_a_server_that_ends_a_used_connection_gets_the_email_over_another(inbox: Inbox) -> None:
    client = SmtpClient(SmtpServer.parse(inbox.url), "tests.example")
    to = unique_address()
    await client.send("shop@example.com", to, MESSAGE)
    inbox.fault("refuse", stage="mail", code=421)
    await client.send("shop@example.com", to, MESSAGE)
    assert len(inbox.emails(to)) == 2
    inbox.fault("refuse", stage="mail", code=421, count=2)
    with pytest.raises(Deferred, match="421"):
        await client.send("shop@example.com", to, MESSAGE)
    await client.close()


@pytest.fixture
def start_and_stop(tmp_path: Path) -> Iterator[Callable[[], Sandbox]]:
    sandbox = Sandbox(tmp_path / "restarted")
    yield sandbox.start
    sandbox.close()
