"""How this gateway is set up, apart from what it finds in the registry: the second input of `envoy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serai.gateway.limits import Limit
from serai.gateway.sources import Source


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM format, taken again when they are replaced."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    bind: str
    port: int
    #: Where Envoy gets its resources from.
    source: Source
    #: Where the agent serves its own pages.
    agent_port: int
    agent_host: str = "127.0.0.1"
    #: Host names that are served; none means any.
    hosts: tuple[str, ...] = ()
    #: Proxies in front that append to X-Forwarded-For and are believed.
    trusted_hops: int = 0
    #: Exact origins that may call from a browser elsewhere; none means that CORS is off.
    cors_origins: tuple[str, ...] = ()
    limits: Mapping[str, Limit | None] = field(default_factory=dict)
    max_body_bytes: int = 1024 * 1024
    #: What a client may take to send a request's headers, and the whole of it.
    headers_timeout_s: float = 10.0
    request_timeout_s: float = 60.0
    tls: Tls | None = None
    access_log: bool = True
    #: Of the requests that went well, the share that is logged; the others always are.
    access_log_sample: float = 1.0
