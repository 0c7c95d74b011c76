"""The contract of the monitoring service."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Health = Literal["passing", "warning", "critical", "maintenance"]


class ServiceInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One process of a service. `since` is when its health last changed, null if the registry does not know it.

    `scraped` is true if its metrics could be read. `requests_total` is the number of requests that it has answered
    since its start, `error_rate` the share of them answered with 5xx. Both are null if unknown.
    """

    instance: str
    address: str
    health: Health
    version: str
    since: datetime | None
    scraped: bool
    requests_total: int | None
    error_rate: float | None


class ServiceHealth(msgspec.Struct, frozen=True):
    """`health` is `passing` if all instances pass, `critical` if none can serve, and `warning` otherwise."""

    name: str
    health: Health
    instances: list[ServiceInstance]


class RegistryState(msgspec.Struct, frozen=True):
    """Whether the registry answered. If not, the instances are those of `as_of`; null if it has never answered."""

    reachable: bool
    as_of: datetime | None


class Services(msgspec.Struct, frozen=True):
    """All services of the system, including those without an instance, always in one page."""

    items: list[ServiceHealth]
    next_cursor: None
    registry: RegistryState
