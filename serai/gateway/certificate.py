"""The gate's certificate: two files that somebody renews, and what Envoy is given of them.

Envoy gets the pair from us and not from those files, so it never sees half of a renewal, nor a pair that does not fit,
not even when it has to start again while the files are wrong. Only new handshakes see a new certificate.
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
from serai.gateway.edge import Tls
from serai.gateway.files import write_atomically
from serai.gateway.filters import typed
from serai.gateway.sources import CERTIFICATE_FILE, CERTIFICATE_NAME

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_MAX_BYTES = 256 * 1024
_CURVES = ("secp256r1", "secp384r1", "secp521r1")

ENDS = Gauge("gateway_certificate_ends_seconds", "When the certificate ends.", registry=telemetry.REGISTRY)
REFUSED = Gauge(
    "gateway_certificate_refused",
    "Whether the files hold a pair that is not taken; the one before stays.",
    registry=telemetry.REGISTRY,
)

#: Of both files: what changes when one is replaced, written again, or linked elsewhere.
_Look = tuple[tuple[int, int, int], ...]


class CertificateError(ValueError):
    """A pair that Envoy could not serve with, or that no client would believe."""


class Pair:
    def __init__(self, tls: Tls, *, now: datetime | None = None) -> None:
        """Reads and checks both files. Raises `CertificateError`."""
        self.chain, self.key = _read(tls.certificate), _read(tls.key)
        try:
            first = x509.load_pem_x509_certificates(self.chain.encode())[0]
        except ValueError as error:
            raise CertificateError(f"{tls.certificate} holds no certificate in PEM format") from error
        try:
            key = load_pem_private_key(self.key.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise CertificateError(f"{tls.key} holds no private key in PEM format without a password") from error
        if key.public_key() != first.public_key():
            raise CertificateError(f"{tls.key} is not the key of the certificate in {tls.certificate}")
        fits = (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048) or (
            isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES
        )
        if not fits:
            raise CertificateError(f"{tls.key} is neither RSA of 2048 bits or more nor ECDSA over a NIST curve")
        self.ends = first.not_valid_after_utc
        if self.ends <= (now or datetime.now(UTC)):
            raise CertificateError(f"the certificate in {tls.certificate} ended on {self.ends:%Y-%m-%d %H:%M} UTC")


class Certificate:
    def __init__(self, tls: Tls, folder: Path) -> None:
        """`folder` is where Envoy reads from."""
        self._tls = tls
        self._folder = folder

    def take(self) -> None:
        """Gives Envoy what the files hold. Raises `CertificateError`; Envoy then keeps what it has."""
        pair = Pair(self._tls)
        secret = typed(
            "transport_sockets.tls.v3.Secret",
            name=CERTIFICATE_NAME,
            tls_certificate={
                "certificate_chain": {"inline_string": pair.chain},
                "private_key": {"inline_string": pair.key},
            },
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(self._folder / CERTIFICATE_FILE, json.dumps({"resources": [secret]}).encode())
        ENDS.set(pair.ends.timestamp())
        log.info("serves with a certificate", extra={"ends": pair.ends.isoformat()})

    async def follow(self) -> None:
        """Takes what is put in the files' place for as long as this runs."""
        judged = seen = self._look()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            # Judged once both files have stood still from one look to the next: they are not replaced at one moment.
            before, seen = seen, self._look()
            if seen == judged or seen != before:
                continue
            judged = seen
            try:
                self.take()
                REFUSED.set(0)
            except (CertificateError, OSError) as error:
                REFUSED.set(1)
                log.error("keeps the certificate that it has: %s", error)

    def _look(self) -> _Look:
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
