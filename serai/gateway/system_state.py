"""The state of the system that Envoy's resources are built from: the services' addresses and the keys of access tokens.

This is what changes at run time. What is configured is in `edge_config`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

import msgspec


class Endpoint(msgspec.Struct, frozen=True, order=True):
    host: str
    port: int


class SystemState(msgspec.Struct, frozen=True, kw_only=True):
    #: The addresses of the instances that pass their checks, by service.
    services: Mapping[str, tuple[Endpoint, ...]] = {}
    #: The user service's public keys (a JWK set). Without keys, every token is refused.
    jwks: Mapping[str, Any] = {}
    #: Whether the API is served. True from the moment when every service was available.
    open: bool = False
    #: Whether this gateway is shutting down. Its health check then fails, so that load balancers stop using it.
    draining: bool = False

    def endpoints(self, service: str) -> tuple[Endpoint, ...]:
        """Sorted, without duplicates: an instance whose id changed has two registrations at one address for a while."""
        return tuple(sorted(set(self.services.get(service, ()))))


def parse_endpoint(host: str, port: int) -> Endpoint | None:
    """None unless it is an IP address and a port. Envoy rejects a service's endpoints if one of them is a host name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    # An IPv6 address with a zone is valid on one machine only.
    return Endpoint(host, port) if "%" not in host and 1 <= port <= 65535 else None
