"""What monitoring tells on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Health = Literal["passing", "warning", "critical", "maintenance"]


class ServiceInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `since` is when its health last changed, null where the registry does not know.

    `scraped` says whether it answered when we asked for its metrics just now. `requests_total` counts what it has
    answered since its start, `error_rate` is the share of that which was its own fault (5xx); null when unknown.
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
    """`health` is `passing` when every instance is, `critical` when none can serve, `warning` between the two."""

    name: str
    health: Health
    instances: list[ServiceInstance]


class RegistryState(msgspec.Struct, frozen=True):
    """Whether the registry answered; if not, the instances are those of `as_of`, null when it never has."""

    reachable: bool
    as_of: datetime | None


class Services(msgspec.Struct, frozen=True):
    """Every service of the system, those without an instance too; always one page."""

    items: list[ServiceHealth]
    next_cursor: None
    registry: RegistryState
