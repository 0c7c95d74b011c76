"""The life of a lease, without a clock and without a database.

An instance passes for as long as it says so in time. Silence makes it critical, and long enough silence removes it;
but silence of more than half of a service at once says more about the way to the registry than about the service, so
then nobody is removed and somebody is told. The gateway checks instances itself and does not need us to be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from serai.chassis.errors import BadRequest, NotFound, TooManyRequests

#: What an instance or its check says of itself.
Status = Literal["passing", "warning", "critical"]
#: What others see: maintenance covers whatever the check says.
Standing = Literal["passing", "warning", "critical", "maintenance"]

MAX_INSTANCES = 5_000
MAX_SERVICES = 1_000
MAX_OUTPUT = 4_096

#: An instance that is heard three times per TTL has missed a beat when less than this share of it is left.
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
    code, detail = "registry_full", "The registry holds as many instances as it may."


@dataclass(frozen=True, slots=True)
class Probe:
    """A check that the registry makes itself: a GET that must be answered with 2xx."""

    url: str
    interval: timedelta
    timeout: timedelta

    @property
    def ttl(self) -> timedelta:
        """A good answer counts for two rounds, so one lost packet takes nobody out."""
        return 2 * self.interval + self.timeout


@dataclass(frozen=True, slots=True)
class Registration:
    """What an instance says about itself when it joins. Without a check it passes until it is deregistered."""

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
    """Where an instance stands. `expires_at` is None exactly when it owes nobody a sign of life."""

    status: Status
    since: datetime
    ttl: timedelta | None = None
    expires_at: datetime | None = None
    reap_after: timedelta | None = None
    #: Why it is in maintenance, None when it is not.
    maintenance: str | None = None
    #: Since when only the mass-expiry guard keeps it.
    held_since: datetime | None = None

    @property
    def standing(self) -> Standing:
        return self.status if self.maintenance is None else "maintenance"

    def overdue(self, now: datetime) -> bool:
        return self.status != "critical" and self.expires_at is not None and self.expires_at <= now

    def late(self, now: datetime) -> bool:
        """Silent for longer than an instance in good health is; every overdue lease is late."""
        return (
            self.status != "critical"
            and self.expires_at is not None
            and self.ttl is not None
            and self.expires_at - now < self.ttl * _LATE
        )

    def reapable(self, now: datetime) -> bool:
        return self.status == "critical" and self.reap_after is not None and self.since + self.reap_after <= now


def granted(registration: Registration, status: Status, now: datetime) -> Lease:
    """The lease of an instance that has just joined."""
    ttl = registration.probe.ttl if registration.probe else registration.ttl
    return Lease(
        status=status,
        since=now,
        ttl=ttl,
        expires_at=None if ttl is None else now + ttl,
        reap_after=registration.reap_after,
    )


def reported(lease: Lease, status: Status, now: datetime) -> Lease:
    """After a sign of life; one that says critical counts as a sign, too, but not as health."""
    return replace(
        lease,
        status=status,
        since=lease.since if status == lease.status else now,
        expires_at=None if lease.ttl is None else now + lease.ttl,
        held_since=None,
    )


def maintained(lease: Lease, reason: str | None) -> Lease:
    """In maintenance for a reason, or out of it with None; the check's own state goes on underneath."""
    return replace(lease, maintenance=reason)


def lapsed(lease: Lease, now: datetime) -> Lease:
    return replace(lease, status="critical", since=now, held_since=None)


def looks_different(before: Lease, after: Lease) -> bool:
    """Whether watchers must hear of it. A heartbeat that changes nothing never wakes anybody."""
    return (before.status, before.maintenance) != (after.status, after.maintenance)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What time has done to the leases of one service, by instance id."""

    lapsed: frozenset[str] = frozenset()
    reaped: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()


def judged(leases: Mapping[str, Lease], now: datetime) -> Verdict:
    """Decide about all instances of one service together.

    Instances in maintenance have no traffic to lose, so they neither count nor are kept. A single silent instance is
    an ordinary death, also when it was the only one.
    """
    reaped = frozenset(id_ for id_, lease in leases.items() if lease.reapable(now))
    overdue = frozenset(id_ for id_, lease in leases.items() if lease.overdue(now))
    serving = [lease for lease in leases.values() if lease.status != "critical" and lease.maintenance is None]
    silent = sum(lease.late(now) for lease in serving)
    if silent >= 2 and silent * 2 > len(serving):
        held = frozenset(id_ for id_ in overdue if leases[id_].maintenance is None)
        return Verdict(lapsed=overdue - held, reaped=reaped, held=held)
    return Verdict(lapsed=overdue, reaped=reaped)


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as the registry holds it: what it said, where it stands, and the indexes it was changed at."""

    registration: Registration
    lease: Lease
    output: str
    create_index: int
    modify_index: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The instances of one service, or of all, as of an index."""

    index: int
    instances: tuple[Instance, ...]
