"""The configuration of one edge (one Envoy), from settings. What changes at run time is in `system_state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from serai.gateway.config_source import ConfigSource
from serai.gateway.rate_limits import RateLimit


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate files in PEM format, loaded again when they are replaced."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Collector:
    """A receiver of OTLP over HTTP. `url` is its base URL; `headers` are sent with each request. `resource` describes
    this gateway (`service.name`, ...)."""

    url: str
    headers: Mapping[str, str]
    resource: Mapping[str, str]

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def tls(self) -> bool:
        return urlsplit(self.url).scheme == "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    bind: str
    port: int
    #: Where Envoy reads its resources.
    source: ConfigSource
    #: Where the agent's HTTP server listens.
    agent_port: int
    agent_host: str = "127.0.0.1"
    #: Host names that are served; empty means any.
    hosts: tuple[str, ...] = ()
    #: Number of trusted proxies in front that append to X-Forwarded-For.
    trusted_hops: int = 0
    #: Exact origins that may call the API from a browser (CORS); empty turns CORS off.
    cors_origins: tuple[str, ...] = ()
    limits: Mapping[str, RateLimit | None] = field(default_factory=dict)
    max_body_bytes: int = 1024 * 1024
    #: How long a client may take to send a request's headers, and the complete request.
    headers_timeout_s: float = 10.0
    request_timeout_s: float = 60.0
    tls: Tls | None = None
    access_log: bool = True
    #: The share of successful requests that is logged. Failed requests are always logged.
    access_log_sample: float = 1.0
    #: Where Envoy sends its spans and its access log.
    collector: Collector | None = None
