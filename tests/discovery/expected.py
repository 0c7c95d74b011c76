"""What the registry's statements have to do to a lease, as rules to compare them with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from serai.discovery.domain import Lease


def spared(lease: Lease, now: datetime) -> Lease:
    """After a time in which the registry could hear nobody: at least one whole TTL to be heard again."""
    if lease.expires_at is None or lease.ttl is None or lease.status == "critical":
        return lease
    return replace(lease, expires_at=max(lease.expires_at, now + lease.ttl))
