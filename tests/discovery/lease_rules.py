"""What the registry's SQL statements do to a lease, as pure functions to compare them with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from serai.discovery.domain import Lease


def extended(lease: Lease, now: datetime) -> Lease:
    """The lease after an outage of the registry: at least one full TTL is left."""
    if lease.expires_at is None or lease.ttl is None or lease.status == "critical":
        return lease
    return replace(lease, expires_at=max(lease.expires_at, now + lease.ttl))


def expired(lease: Lease, now: datetime) -> Lease:
    """The lease of an instance that was not heard from in time."""
    return replace(lease, status="critical", since=now, protected_since=None)
