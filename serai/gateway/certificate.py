"""Loads the gateway's certificate and key, gives them to Envoy, and loads them again when they are renewed.

Envoy reads a copy that the agent writes, not the configured files. So it never sees a half-written renewal or a key
that does not match, even if it restarts while the files are wrong. Only new handshakes use a new certificate.
"""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from prometheus_client import Gauge

from serai.chassis import telemetry
from serai.gateway.config_source import CERTIFICATE_FILE, CERTIFICATE_NAME
from serai.gateway.edge_config import Tls
from serai.gateway.filters import typed
from serai.gateway.resource_files import write_atomically

log = logging.getLogger(__name__)

_POLL_INTERVAL_S = 0.5
_MAX_BYTES = 256 * 1024
_CURVES = ("secp256r1", "secp384r1", "secp521r1")

EXPIRES_AT = Gauge(
    "gateway_certificate_ends_seconds",
    "When the certificate expires, as a Unix time in seconds.",
    registry=telemetry.REGISTRY,
)
REJECTED = Gauge(
    "gateway_certificate_refused",
    "Whether the files hold a pair that was rejected; the previous one stays in use.",
    registry=telemetry.REGISTRY,
)

#: Inode, modification time (ns) and size of both files. They change if a file is replaced, rewritten or relinked.
_FileVersions = tuple[tuple[int, int, int], ...]


class CertificateError(ValueError):
    """A pair that Envoy could not use, or that no client would accept."""


class CertificatePair:
    def __init__(self, tls: Tls, *, now: datetime | None = None) -> None:
        """Reads and checks both files. Raises `CertificateError`."""
        self.certificates, self.key = _read(tls.certificate), _read(tls.key)
        try:
            first = x509.load_pem_x509_certificates(self.certificates.encode())[0]
        except ValueError as error:
            raise CertificateError(f"{tls.certificate} holds no certificate in PEM format") from error
        try:
            key = load_pem_private_key(self.key.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise CertificateError(f"{tls.key} holds no private key in PEM format without a password") from error
        if key.public_key() != first.public_key():
            raise CertificateError(f"{tls.key} is not the key of the certificate in {tls.certificate}")
        is_supported = (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048) or (
            isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES
        )
        if not is_supported:
            raise CertificateError(f"{tls.key} is neither RSA of 2048 bits or more nor ECDSA over a NIST curve")
        self.expires_at = first.not_valid_after_utc
        if self.expires_at <= (now or datetime.now(UTC)):
            raise CertificateError(
                f"the certificate in {tls.certificate} ended on {self.expires_at:%Y-%m-%d %H:%M} UTC"
            )


class Certificate:
    def __init__(self, tls: Tls, folder: Path) -> None:
        """`folder` is where Envoy reads its files."""
        self._tls = tls
        self._folder = folder

    def load(self) -> None:
        """Loads the files and writes them for Envoy. Raises `CertificateError`; Envoy then keeps the previous pair."""
        pair = CertificatePair(self._tls)
        secret = typed(
            "transport_sockets.tls.v3.Secret",
            name=CERTIFICATE_NAME,
            tls_certificate={
                "certificate_chain": {"inline_string": pair.certificates},
                "private_key": {"inline_string": pair.key},
            },
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self._folder / CERTIFICATE_FILE, json.dumps({"resources": [secret]}).encode())
        EXPIRES_AT.set(pair.expires_at.timestamp())
        log.info("serves with a certificate", extra={"ends": pair.expires_at.isoformat()})

    async def watch(self) -> None:
        """Polls the files and loads them again when they change."""
        checked = seen = self._file_versions()
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            # The two files are not replaced at the same moment, so wait until neither changed between two polls.
            before, seen = seen, self._file_versions()
            if seen == checked or seen != before:
                continue
            checked = seen
            try:
                self.load()
                REJECTED.set(0)
            except (CertificateError, OSError) as error:
                REJECTED.set(1)
                log.error("keeps the certificate that it has: %s", error)

    def _file_versions(self) -> _FileVersions:
        found = []
        for path in (self._tls.certificate, self._tls.key):
            try:
                stat = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(found)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode("ascii")
    except OSError as error:
        raise CertificateError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CertificateError(f"{path} is not in PEM format") from error
