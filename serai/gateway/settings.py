"""What the gateway process reads from its environment."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated

import msgspec

from serai.chassis.settings import Env, Settings, SettingsError
from serai.gateway.certificate import CertificateError, Pair
from serai.gateway.edge import Tls
from serai.gateway.limits import Limit, parse_limit
from serai.gateway.routes import MAX_BODY_BYTES

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")


class GatewaySettings(Settings, frozen=True, kw_only=True):
    """`bind` is where the agent serves probes, metrics and the API reference; the gate itself is at `port`."""

    #: A misspelt limit is an error, not a limit that is not there.
    complete = ("SERAI_LIMIT_",)

    port: Annotated[int, Env("SERAI_PORT")] = 8080
    gateway_bind: Annotated[str, Env("SERAI_GATEWAY_BIND")] = "127.0.0.1"
    #: Comma separated; empty serves any Host.
    hosts: Annotated[str, Env("SERAI_HOSTS")] = ""
    trusted_hops: Annotated[int, Env("SERAI_TRUSTED_HOPS")] = 0
    #: Comma separated, exact; empty turns CORS off.
    cors_origins: Annotated[str, Env("SERAI_CORS_ORIGINS")] = ""
    #: Both or neither; with them the gate speaks TLS.
    tls_cert: Annotated[Path | None, Env("SERAI_TLS_CERT")] = None
    tls_key: Annotated[Path | None, Env("SERAI_TLS_KEY")] = None
    #: Envoy's worker threads.
    concurrency: Annotated[int, Env("SERAI_GATEWAY_CONCURRENCY")] = 1
    access_log: Annotated[bool, Env("SERAI_GATEWAY_ACCESS_LOG")] = True
    #: 0 logs refusals and failures only, and of those for too much one in a hundred.
    access_log_sample: Annotated[float, Env("SERAI_GATEWAY_ACCESS_LOG_SAMPLE")] = 1.0
    max_body_bytes: Annotated[int, Env("SERAI_MAX_BODY_BYTES")] = 1024 * 1024
    headers_timeout_s: Annotated[float, Env("SERAI_HEADERS_TIMEOUT_S")] = 10.0
    request_timeout_s: Annotated[float, Env("SERAI_REQUEST_TIMEOUT_S")] = 60.0
    #: Folder of the services' OpenAPI documents.
    openapi: Annotated[Path | None, Env("SERAI_OPENAPI")] = None
    #: Opens the discovery outlet to other machines; with the registry's token it answers on this one.
    xds_token: Annotated[str, Env("SERAI_XDS_TOKEN", secret=True)] = ""
    #: host:port that an Envoy fed by the outlet listens at; empty for the gate's own.
    xds_listen: Annotated[str, Env("SERAI_XDS_LISTEN")] = ""
    #: How long a load balancer in front may take to see that this gateway leaves.
    drain_spread_s: Annotated[float, Env("SERAI_DRAIN_SPREAD_S")] = 0.0
    #: How long requests in flight may take to end before they are cut.
    drain_timeout_s: Annotated[float, Env("SERAI_DRAIN_TIMEOUT_S")] = 10.0
    # Requests a minute from one address, "/" a burst, or "off". One field for each class that a route may name.
    #: Routes that name no class.
    limit_default: Annotated[str, Env("SERAI_LIMIT_DEFAULT")] = "off"
    limit_sign_in: Annotated[str, Env("SERAI_LIMIT_SIGN_IN")] = "60/30"
    limit_register: Annotated[str, Env("SERAI_LIMIT_REGISTER")] = "60/30"
    #: What sends links to a mailbox, or takes them.
    limit_reset: Annotated[str, Env("SERAI_LIMIT_RESET")] = "60/30"
    limit_orders: Annotated[str, Env("SERAI_LIMIT_ORDERS")] = "600"
    #: What talks to Stripe for a buyer or an administrator; Stripe's own calls are not limited.
    limit_payments: Annotated[str, Env("SERAI_LIMIT_PAYMENTS")] = "600"
    #: What an administrator has sent.
    limit_mail: Annotated[str, Env("SERAI_LIMIT_MAIL")] = "60/30"

    def host_names(self) -> tuple[str, ...]:
        return _listed(self.hosts)

    def origins(self) -> tuple[str, ...]:
        return _listed(self.cors_origins)

    def tls(self) -> Tls | None:
        return Tls(self.tls_cert, self.tls_key) if self.tls_cert and self.tls_key else None

    def limits(self) -> dict[str, Limit | None]:
        """By the name that `x-rate-limit` uses; `default` is for routes that name none."""
        return {name: parse_limit(text) for name, text in self._limit_texts().items()}

    def check(self) -> GatewaySettings:
        """Raises `SettingsError` for values of the right type that make no sense."""
        problems = [f"SERAI_HOSTS: {host!r} is not a host name" for host in self.host_names() if not _fits(_HOST, host)]
        problems += [
            f"SERAI_CORS_ORIGINS: {origin!r} is not an exact origin"
            for origin in self.origins()
            if not _fits(_ORIGIN, origin)
        ]
        for name, text in self._limit_texts().items():
            try:
                parse_limit(text)
            except ValueError as error:
                problems.append(f"SERAI_LIMIT_{name.upper()}: {error}")
        try:
            ipaddress.ip_address(self.gateway_bind)
        except ValueError:
            problems.append(f"SERAI_GATEWAY_BIND: {self.gateway_bind!r} is not an IP address")
        if self.xds_listen and not _is_address(self.xds_listen):
            problems.append(f"SERAI_XDS_LISTEN: {self.xds_listen!r} is not an IP address and a port")
        if (self.tls_cert is None) != (self.tls_key is None):
            problems.append("SERAI_TLS_CERT and SERAI_TLS_KEY: give both or neither")
        if (tls := self.tls()) is not None:
            try:
                Pair(tls)
            except CertificateError as error:
                problems.append(f"SERAI_TLS_CERT, SERAI_TLS_KEY: {error}")
        for variable, value, lowest, highest in (
            ("SERAI_PORT", self.port, 1, 65535),
            ("SERAI_TRUSTED_HOPS", self.trusted_hops, 0, 16),
            ("SERAI_GATEWAY_CONCURRENCY", self.concurrency, 1, 256),
            ("SERAI_MAX_BODY_BYTES", self.max_body_bytes, 1, MAX_BODY_BYTES),
            ("SERAI_HEADERS_TIMEOUT_S", self.headers_timeout_s, 0.1, 60),
            ("SERAI_REQUEST_TIMEOUT_S", self.request_timeout_s, 0.1, 600),
            ("SERAI_GATEWAY_ACCESS_LOG_SAMPLE", self.access_log_sample, 0, 1),
            ("SERAI_DRAIN_SPREAD_S", self.drain_spread_s, 0, 300),
            ("SERAI_DRAIN_TIMEOUT_S", self.drain_timeout_s, 0, 600),
        ):
            if not lowest <= value <= highest:
                problems.append(f"{variable}: {value} is not within {lowest} and {highest}")
        if problems:
            raise SettingsError(problems)
        return self

    def _limit_texts(self) -> dict[str, str]:
        return {
            field.name.removeprefix("limit_"): getattr(self, field.name)
            for field in msgspec.structs.fields(self)
            if field.name.startswith("limit_")
        }


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return port.isdecimal() and 1 <= int(port) <= 65535


def _listed(text: str) -> tuple[str, ...]:
    # Envoy refuses a name that is there twice.
    return tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


def _fits(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None
