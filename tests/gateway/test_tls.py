"""With a certificate the gate speaks TLS alone, HTTP/2 as well, and takes a renewed one without losing anybody."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from serai.chassis.settings import SettingsError, load
from serai.gateway.settings import GatewaySettings
from tests.gateway.gate import Gate, read_answer
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream
from tests.gateway.wire import Wire

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _pair(*, key: Key | None = None, lives_h: int = 1) -> tuple[bytes, bytes]:
    """A certificate for localhost, signed by itself, and its key, in PEM format."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(hours=lives_h))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Files:
    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"

    def put(self, certificate: bytes, key: bytes) -> int:
        """Replaces both as a renewal does, one after the other; the serial number of the certificate."""
        for path, content in ((self.certificate, certificate), (self.key, key)):
            draft = path.with_suffix(".new")
            draft.write_bytes(content)
            os.replace(draft, path)
        return x509.load_pem_x509_certificate(certificate).serial_number

    @property
    def environ(self) -> dict[str, str]:
        return {"SERAI_TLS_CERT": str(self.certificate), "SERAI_TLS_KEY": str(self.key)}


def _trusting(*protocols: str) -> ssl.SSLContext:
    """A client that takes any certificate: which one it is, is what the tests ask."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def _served(gate: Gate) -> int:
    """The serial number of the certificate that a new handshake is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", gate.port, ssl=_trusting())
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def _until(fact: Callable[[], bool], gate: Gate) -> None:
    try:
        async with asyncio.timeout(30):
            while not fact():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(gate.log[-3000:]) from None


async def _until_served(gate: Gate, serial: int) -> None:
    async with asyncio.timeout(30):
        while await _served(gate) != serial:
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def secure(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: Keys, upstream: Upstream
) -> AsyncIterator[Gate]:
    consul = await Consul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    files = Files(tmp_path_factory.mktemp("tls"))
    files.put(*_pair())
    environ = {
        "SERAI_OPENAPI": str(documents),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
        **files.environ,
    }
    gate = Gate(tmp_path_factory.mktemp("secure"), environ, _trusting())
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield gate
    await gate.stop()
    await consul.stop()


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/docs", "/api/categories", "/api/auth/me", "/api%2f"])
async def test_browsers_are_told_to_stay(secure: Gate, path: str) -> None:
    assert (await secure.get(path)).headers["strict-transport-security"] == "max-age=31536000"


async def test_promises_no_tls_without_it(gate: Gate) -> None:
    assert "strict-transport-security" not in (await gate.get("/healthz")).headers


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
async def test_a_client_chooses_its_version(secure: Gate, upstream: Upstream, http2: bool, version: str) -> None:
    async with httpx.AsyncClient(http2=http2, verify=_trusting(), timeout=30) as client:
        answer = await client.get(f"https://localhost:{secure.port}/api/categories")
    assert (answer.status_code, answer.http_version) == (200, version)
    assert upstream.seen[-1].headers["x-forwarded-proto"] == "https"


async def test_clear_text_is_not_answered(secure: Gate) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_versions_are_not_spoken(secure: Gate, version: ssl.TLSVersion, spoken: bool) -> None:
    context = _trusting()
    # The client itself must not be what refuses.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", secure.port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        assert not spoken
    else:
        writer.close()
        assert spoken


@pytest.mark.system
async def test_a_renewed_certificate_is_taken_and_nobody_is_cut_off(
    tmp_path: Path, documents: Path, keys: Keys
) -> None:
    files = Files(tmp_path)
    first = files.put(*_pair())
    environ = {"SERAI_OPENAPI": str(documents), "SERAI_JWKS": json.dumps(keys.jwks), **files.environ}
    gate = Gate(tmp_path / "home", environ, _trusting())
    await gate.start()
    try:
        assert await _served(gate) == first
        reader, writer = await asyncio.open_connection("127.0.0.1", gate.port, ssl=_trusting())

        async def still_answers() -> None:
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            async with asyncio.timeout(30):
                assert (await read_answer(reader)).status == 200

        async with Wire(gate.port, _trusting("h2")) as wire:
            await still_answers()
            second = files.put(*_pair(key=rsa.generate_private_key(65537, 2048)))
            await _until_served(gate, second)
            await still_answers()
            assert (await wire.ask("GET", "/healthz")).status == 200

            # A pair that does not fit is refused aloud, and the one before stays.
            files.put(_pair()[0], _pair()[1])
            await _until(lambda: "is not the key of the certificate" in gate.log, gate)
            assert await _served(gate) == second
            files.key.write_text("nonsense")
            await _until(lambda: "holds no private key" in gate.log, gate)
            files.key.unlink()
            await _until(lambda: "cannot be read" in gate.log, gate)
            assert await _served(gate) == second
            await still_answers()

            # Put right, it is taken as if nothing had been.
            third = files.put(*_pair())
            await _until_served(gate, third)
            await still_answers()
            assert (await wire.ask("GET", "/healthz")).status == 200
        writer.close()
        assert "PRIVATE KEY" not in gate.log
        assert [oct(path.stat().st_mode)[-2:] for path in gate.home.rglob("certificate.json")] == ["00"]
    finally:
        await gate.stop()


def _settings(files: Files) -> GatewaySettings:
    return load(GatewaySettings, {"SERAI_MODE": "local", **files.environ}).check()


def test_a_pair_that_cannot_serve_is_told_before_anything_starts(tmp_path: Path) -> None:
    files = Files(tmp_path)
    good = _pair()
    for certificate, key, told in (
        (good[0], _pair()[1], "is not the key of the certificate"),
        (b"nonsense", good[1], "holds no certificate"),
        (good[0], b"nonsense", "holds no private key"),
        (b"\xff\xfe", good[1], "not in PEM format"),
        (*_pair(lives_h=-1), "ended on"),
        (*_pair(key=ed25519.Ed25519PrivateKey.generate()), "neither RSA"),
        (*_pair(key=rsa.generate_private_key(65537, 1024)), "neither RSA"),
        (*_pair(key=ec.generate_private_key(ec.SECP256K1())), "neither RSA"),
    ):
        files.certificate.write_bytes(certificate)
        files.key.write_bytes(key)
        with pytest.raises(SettingsError, match=told):
            _settings(files)
    files.key.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        _settings(files)
    files.put(*good)
    assert _settings(files).tls() is not None
