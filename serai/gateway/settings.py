"""The gateway's settings, read from the environment."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec

from serai.chassis.settings import Env, Settings, SettingsError
from serai.gateway.certificate import CertificateError, CertificatePair
from serai.gateway.config_source import ConfigSource, XdsSource
from serai.gateway.edge_config import Collector, EdgeConfig, Tls
from serai.gateway.rate_limits import RateLimit, parse_limit
from serai.gateway.routes import MAX_BODY_BYTES

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
_HOST = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")


class GatewaySettings(Settings, frozen=True, kw_only=True):
    """`port` is where clients connect. `bind` is the address of the agent's own server (probes, metrics, API
    reference).
    """

    #: An unknown variable with this prefix is an error, because a misspelt limit would mean no limit.
    complete = ("SERAI_LIMIT_",)

    port: Annotated[int, Env("SERAI_PORT")] = 8080
    gateway_bind: Annotated[str, Env("SERAI_GATEWAY_BIND")] = "127.0.0.1"
    #: Comma separated host names; empty accepts any Host.
    hosts: Annotated[str, Env("SERAI_HOSTS")] = ""
    trusted_hops: Annotated[int, Env("SERAI_TRUSTED_HOPS")] = 0
    #: Comma separated exact origins; empty turns CORS off.
    cors_origins: Annotated[str, Env("SERAI_CORS_ORIGINS")] = ""
    #: Set both or neither. With them the gateway accepts TLS only.
    tls_cert: Annotated[Path | None, Env("SERAI_TLS_CERT")] = None
    tls_key: Annotated[Path | None, Env("SERAI_TLS_KEY")] = None
    #: Number of Envoy's worker threads.
    concurrency: Annotated[int, Env("SERAI_GATEWAY_CONCURRENCY")] = 1
    access_log: Annotated[bool, Env("SERAI_GATEWAY_ACCESS_LOG")] = True
    #: Share of successful requests to log, 0 to 1. Errors are always logged, those refused for load one in a hundred.
    access_log_sample: Annotated[float, Env("SERAI_GATEWAY_ACCESS_LOG_SAMPLE")] = 1.0
    max_body_bytes: Annotated[int, Env("SERAI_MAX_BODY_BYTES")] = 1024 * 1024
    headers_timeout_s: Annotated[float, Env("SERAI_HEADERS_TIMEOUT_S")] = 10.0
    request_timeout_s: Annotated[float, Env("SERAI_REQUEST_TIMEOUT_S")] = 60.0
    #: Folder of the services' OpenAPI documents; by default that of the checkout or of the installed package.
    openapi: Annotated[Path | None, Env("SERAI_OPENAPI")] = None
    #: Token of the xDS server for other machines. On this machine the registry's token is accepted too.
    xds_token: Annotated[str, Env("SERAI_XDS_TOKEN", secret=True)] = ""
    #: host:port at which Envoys that use the xDS server listen; empty for the gateway's own.
    xds_listen: Annotated[str, Env("SERAI_XDS_LISTEN")] = ""
    #: How long to serve on after SIGTERM, until a load balancer in front has noticed the failing health check.
    drain_spread_s: Annotated[float, Env("SERAI_DRAIN_SPREAD_S")] = 0.0
    #: How long running requests may take to end before they are cut off.
    drain_timeout_s: Annotated[float, Env("SERAI_DRAIN_TIMEOUT_S")] = 10.0
    # Requests per minute and address, "/", burst; or "off". One field for each class that a route may name.
    #: Routes that name no class.
    limit_default: Annotated[str, Env("SERAI_LIMIT_DEFAULT")] = "off"
    limit_sign_in: Annotated[str, Env("SERAI_LIMIT_SIGN_IN")] = "60/30"
    limit_register: Annotated[str, Env("SERAI_LIMIT_REGISTER")] = "60/30"
    #: Operations that send email links or accept them.
    limit_reset: Annotated[str, Env("SERAI_LIMIT_RESET")] = "60/30"
    limit_orders: Annotated[str, Env("SERAI_LIMIT_ORDERS")] = "600"
    #: Operations that call Stripe for a buyer or an administrator. Stripe's webhooks are not limited.
    limit_payments: Annotated[str, Env("SERAI_LIMIT_PAYMENTS")] = "600"
    #: Emails that an administrator sends.
    limit_mail: Annotated[str, Env("SERAI_LIMIT_MAIL")] = "60/30"

    def host_names(self) -> tuple[str, ...]:
        return _listed(self.hosts)

    def origins(self) -> tuple[str, ...]:
        return _listed(self.cors_origins)

    def tls(self) -> Tls | None:
        return Tls(self.tls_cert, self.tls_key) if self.tls_cert and self.tls_key else None

    def limits(self) -> dict[str, RateLimit | None]:
        """Limits by class (`x-rate-limit`). `default` is the class of routes that name none."""
        return {name: parse_limit(text) for name, text in self._limit_texts().items()}

    def local_edge(self, source: ConfigSource, agent_host: str, agent_port: int) -> EdgeConfig:
        """The configuration of the Envoy that the agent runs. `agent_host` and `agent_port` are the agent's server."""
        collector = None
        if self.otlp_endpoint:
            collector = Collector(self.otlp_endpoint, self.otlp_header_fields, self.resource("gateway", self.instance))
        return EdgeConfig(
            bind=self.gateway_bind,
            port=self.port,
            source=source,
            agent_host=agent_host,
            agent_port=agent_port,
            hosts=self.host_names(),
            trusted_hops=self.trusted_hops,
            cors_origins=self.origins(),
            limits=self.limits(),
            max_body_bytes=self.max_body_bytes,
            headers_timeout_s=self.headers_timeout_s,
            request_timeout_s=self.request_timeout_s,
            tls=self.tls(),
            access_log=self.access_log,
            access_log_sample=self.access_log_sample,
            collector=collector,
        )

    def remote_edge(self, local: EdgeConfig) -> EdgeConfig:
        """The configuration of Envoys that use the xDS server.

        They may run on another machine, so they reach the agent at the address that this gateway advertises.
        """
        host, _, port = self.xds_listen.rpartition(":")
        return replace(
            local,
            source=XdsSource(),
            bind=host.strip("[]") or local.bind,
            port=int(port or local.port),
            agent_host=self.advertise or local.agent_host,
            # Nothing adjusts the share of the requests that these Envoys would trace.
            collector=None,
        )

    def check(self) -> GatewaySettings:
        """Raises `SettingsError` for values that have the right type but are not valid."""
        problems = [
            f"SERAI_HOSTS: {host!r} is not a host name" for host in self.host_names() if not _matches(_HOST, host)
        ]
        problems += [
            f"SERAI_CORS_ORIGINS: {origin!r} is not an exact origin"
            for origin in self.origins()
            if not _matches(_ORIGIN, origin)
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
                CertificatePair(tls)
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
    # Envoy rejects duplicate names.
    return tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None
