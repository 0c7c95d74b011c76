"""TLS: protocol versions, HTTP/2, and renewal of the certificate without closing a connection."""

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
from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, read_response
from tests.gateway.http2_connection import Http2Connection

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def _pair(*, key: Key | None = None, valid_h: int = 1) -> tuple[bytes, bytes]:
    """A self-signed certificate for localhost, and its key, in PEM format."""
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
        .not_valid_after(now + timedelta(hours=valid_h))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class CertificateFiles:
    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "cert.pem", folder / "key.pem"

    def put(self, certificate: bytes, key: bytes) -> int:
        """Replaces both files one after the other, as a renewal does. Returns the certificate's serial number."""
        for path, content in ((self.certificate, certificate), (self.key, key)):
            draft = path.with_suffix(".new")
            draft.write_bytes(content)
            os.replace(draft, path)
        return x509.load_pem_x509_certificate(certificate).serial_number

    @property
    def environ(self) -> dict[str, str]:
        return {"SERAI_TLS_CERT": str(self.certificate), "SERAI_TLS_KEY": str(self.key)}


def _any_certificate(*protocols: str) -> ssl.SSLContext:
    """A client context that accepts any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def _served(gateway: GatewayProcess) -> int:
    """The serial number of the certificate that a new connection gets."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=_any_certificate())
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return x509.load_der_x509_certificate(shown).serial_number


async def _until(fact: Callable[[], bool], gateway: GatewayProcess) -> None:
    try:
        async with asyncio.timeout(30):
            while not fact():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(gateway.log[-3000:]) from None


async def _until_served(gateway: GatewayProcess, serial: int) -> None:
    async with asyncio.timeout(30):
        while await _served(gateway) != serial:
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def secure(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, keys: SigningKeys, upstream: Upstream
) -> AsyncIterator[GatewayProcess]:
    consul = await FakeConsul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    files = CertificateFiles(tmp_path_factory.mktemp("tls"))
    files.put(*_pair())
    environ = {
        "SERAI_OPENAPI": str(documents),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(keys.jwks),
        **files.environ,
    }
    gateway = GatewayProcess(tmp_path_factory.mktemp("secure"), environ, _any_certificate())
    await gateway.start()
    await gateway.until_all_serve(keys.token("admin"))
    yield gateway
    await gateway.stop()
    await consul.stop()


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/docs", "/api/categories", "/api/auth/me", "/api%2f"])
async def test_every_response_has_hsts(secure: GatewayProcess, path: str) -> None:
    assert (await secure.get(path)).headers["strict-transport-security"] == "max-age=31536000"


async def test_without_tls_there_is_no_hsts(gateway: GatewayProcess) -> None:
    assert "strict-transport-security" not in (await gateway.get("/healthz")).headers


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
async def test_a_client_chooses_the_http_version(
    secure: GatewayProcess, upstream: Upstream, http2: bool, version: str
) -> None:
    async with httpx.AsyncClient(http2=http2, verify=_any_certificate(), timeout=30) as client:
        response = await client.get(f"https://localhost:{secure.port}/api/categories")
    assert (response.status_code, response.http_version) == (200, version)
    assert upstream.received[-1].headers["x-forwarded-proto"] == "https"


async def test_plain_http_is_not_answered(secure: GatewayProcess) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("version", "accepted"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_tls_versions_before_1_2_are_refused(
    secure: GatewayProcess, version: ssl.TLSVersion, accepted: bool
) -> None:
    context = _any_certificate()
    # The client itself must allow old versions.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", secure.port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        assert not accepted
    else:
        writer.close()
        assert accepted


@pytest.mark.system
async def test_a_renewed_certificate_is_used_and_no_connection_is_closed(
    tmp_path: Path, documents: Path, keys: SigningKeys
) -> None:
    files = CertificateFiles(tmp_path)
    first = files.put(*_pair())
    environ = {"SERAI_OPENAPI": str(documents), "SERAI_JWKS": json.dumps(keys.jwks), **files.environ}
    gateway = GatewayProcess(tmp_path / "home", environ, _any_certificate())
    await gateway.start()
    try:
        assert await _served(gateway) == first
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=_any_certificate())

        async def still_answers() -> None:
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            async with asyncio.timeout(30):
                assert (await read_response(reader)).status == 200

        async with Http2Connection(gateway.port, _any_certificate("h2")) as connection:
            await still_answers()
            second = files.put(*_pair(key=rsa.generate_private_key(65537, 2048)))
            await _until_served(gateway, second)
            await still_answers()
            assert (await connection.request("GET", "/healthz")).status == 200

            # A pair that does not match is rejected and logged, and the previous one stays.
            files.put(_pair()[0], _pair()[1])
            await _until(lambda: "is not the key of the certificate" in gateway.log, gateway)
            assert await _served(gateway) == second
            files.key.write_text("nonsense")
            await _until(lambda: "holds no private key" in gateway.log, gateway)
            files.key.unlink()
            await _until(lambda: "cannot be read" in gateway.log, gateway)
            assert await _served(gateway) == second
            await still_answers()

            # A valid pair is used again.
            third = files.put(*_pair())
            await _until_served(gateway, third)
            await still_answers()
            assert (await connection.request("GET", "/healthz")).status == 200
        writer.close()
        assert "PRIVATE KEY" not in gateway.log
        assert [oct(path.stat().st_mode)[-2:] for path in gateway.home.rglob("certificate.json")] == ["00"]
    finally:
        await gateway.stop()


def _settings(files: CertificateFiles) -> GatewaySettings:
    return load(GatewaySettings, {"SERAI_MODE": "local", **files.environ}).check()


def test_an_unusable_pair_is_an_error_in_the_settings(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    good = _pair()
    for certificate, key, reported in (
        (good[0], _pair()[1], "is not the key of the certificate"),
        (b"nonsense", good[1], "holds no certificate"),
        (good[0], b"nonsense", "holds no private key"),
        (b"\xff\xfe", good[1], "not in PEM format"),
        (*_pair(valid_h=-1), "ended on"),
        (*_pair(key=ed25519.Ed25519PrivateKey.generate()), "neither RSA"),
        (*_pair(key=rsa.generate_private_key(65537, 1024)), "neither RSA"),
        (*_pair(key=ec.generate_private_key(ec.SECP256K1())), "neither RSA"),
    ):
        files.certificate.write_bytes(certificate)
        files.key.write_bytes(key)
        with pytest.raises(SettingsError, match=reported):
            _settings(files)
    files.key.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        _settings(files)
    files.put(*good)
    assert _settings(files).tls() is not None
