"""The rules of leases, as pure functions.

An instance passes while its heartbeats arrive in time. Without them it becomes critical, and later it is removed. If
more than half of a service stops sending heartbeats at the same time, the network is more likely at fault than the
service: the mass-expiry guard then keeps the instances and raises an alert. The gateway checks instances itself and
does not depend on this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from serai.chassis.errors import BadRequest, NotFound, TooManyRequests

#: The status of an instance's check.
Status = Literal["passing", "warning", "critical"]
#: The health that clients see: the status of the check, or maintenance, which overrides it.
Health = Literal["passing", "warning", "critical", "maintenance"]

MAX_INSTANCES = 5_000
MAX_SERVICES = 1_000
MAX_OUTPUT = 4_096

#: Instances send three heartbeats per TTL. One has missed a heartbeat when less than this share of its TTL is left.
_LATE = 1 / 3


class Unregistrable(BadRequest):
    code, detail = "unregistrable", "This registration cannot be accepted."


class UnknownInstance(NotFound):
    code = "unknown_instance"

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f'Unknown service ID "{instance_id}". Ensure that the service ID is passed, not the service name.'
        )


class UnknownCheck(NotFound):
    code = "unknown_check"

    def __init__(self, check_id: str) -> None:
        super().__init__(f'Unknown check ID "{check_id}". Ensure that the check ID is passed, not the check name.')


class RegistryFull(TooManyRequests):
    code, detail = "registry_full", "The registry has reached its maximum number of instances."


@dataclass(frozen=True, slots=True)
class Probe:
    """An HTTP check that the registry makes itself: a GET that must be answered with 2xx."""

    url: str
    interval: timedelta
    timeout: timedelta

    @property
    def ttl(self) -> timedelta:
        """A successful probe counts for two intervals, so that a single lost packet does not expire an instance."""
        return 2 * self.interval + self.timeout


@dataclass(frozen=True, slots=True)
class Registration:
    """What an instance registers. Without a check it passes until it is deregistered."""

    id: str
    service: str
    address: str
    port: int
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    check_id: str | None = None
    check_name: str = ""
    notes: str = ""
    ttl: timedelta | None = None
    reap_after: timedelta | None = None
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The state of an instance. `expires_at` is None if it has no check and so needs no heartbeats."""

    status: Status
    since: datetime
    ttl: timedelta | None = None
    expires_at: datetime | None = None
    reap_after: timedelta | None = None
    #: The reason of its maintenance; None if it is not in maintenance.
    maintenance: str | None = None
    #: Since when the mass-expiry guard keeps it although its lease ran out; None otherwise.
    protected_since: datetime | None = None

    @property
    def health(self) -> Health:
        return self.status if self.maintenance is None else "maintenance"

    def is_overdue(self, now: datetime) -> bool:
        return self.status != "critical" and self.expires_at is not None and self.expires_at <= now

    def is_late(self, now: datetime) -> bool:
        """Whether a heartbeat was missed. Every overdue lease is also late."""
        return (
            self.status != "critical"
            and self.expires_at is not None
            and self.ttl is not None
            and self.expires_at - now < self.ttl * _LATE
        )

    def is_reapable(self, now: datetime) -> bool:
        return self.status == "critical" and self.reap_after is not None and self.since + self.reap_after <= now


def new_lease(registration: Registration, status: Status, now: datetime) -> Lease:
    """The lease of an instance that has just registered."""
    ttl = registration.probe.ttl if registration.probe else registration.ttl
    return Lease(
        status=status,
        since=now,
        ttl=ttl,
        expires_at=None if ttl is None else now + ttl,
        reap_after=registration.reap_after,
    )


def with_report(lease: Lease, status: Status, now: datetime) -> Lease:
    """The lease after a report of its check. A report of `critical` renews it too."""
    return replace(
        lease,
        status=status,
        since=lease.since if status == lease.status else now,
        expires_at=None if lease.ttl is None else now + lease.ttl,
        protected_since=None,
    )


def with_maintenance(lease: Lease, reason: str | None) -> Lease:
    """The lease in maintenance for a reason, or without (None). The status of the check stays."""
    return replace(lease, maintenance=reason)


def is_visible_change(before: Lease, after: Lease) -> bool:
    """Whether clients can see the change. A heartbeat without a change does not wake blocking queries."""
    return (before.status, before.maintenance) != (after.status, after.maintenance)


@dataclass(frozen=True, slots=True)
class SweepDecision:
    """What a sweep does to the instances of one service, by instance id: expire, remove (reap), or protect them."""

    expired: frozenset[str] = frozenset()
    reaped: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()


def decide_sweep(leases: Mapping[str, Lease], now: datetime) -> SweepDecision:
    """Decides about all instances of one service together.

    Instances in maintenance get no traffic, so they neither count nor are protected. A single silent instance expires,
    even if it is the only one.
    """
    reaped = frozenset(id_ for id_, lease in leases.items() if lease.is_reapable(now))
    is_overdue = frozenset(id_ for id_, lease in leases.items() if lease.is_overdue(now))
    serving = [lease for lease in leases.values() if lease.status != "critical" and lease.maintenance is None]
    silent = sum(lease.is_late(now) for lease in serving)
    if silent >= 2 and silent * 2 > len(serving):
        protected = frozenset(id_ for id_ in is_overdue if leases[id_].maintenance is None)
        return SweepDecision(expired=is_overdue - protected, reaped=reaped, protected=protected)
    return SweepDecision(expired=is_overdue, reaped=reaped)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance in the registry, with the indexes at which it was created and last changed."""

    registration: Registration
    lease: Lease
    output: str
    create_index: int
    modify_index: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The instances of one service, or of all services, at an index."""

    index: int
    instances: tuple[Instance, ...]
