"""The part of Consul's JSON that we read: an instance with its checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from serai.chassis.calls.instance import Instance, InstanceHealth, Status


class _Service(msgspec.Struct):
    id: str = msgspec.field(name="ID")
    service: str = msgspec.field(name="Service")
    port: int = msgspec.field(name="Port")
    address: str = msgspec.field(name="Address", default="")
    meta: dict[str, str] | None = msgspec.field(name="Meta", default=None)


class _Node(msgspec.Struct):
    address: str = msgspec.field(name="Address", default="")


class _Check(msgspec.Struct):
    check_id: str = msgspec.field(name="CheckID")
    status: str = msgspec.field(name="Status")
    output: str = msgspec.field(name="Output", default="")
    since: datetime | None = msgspec.field(name="Since", default=None)


class Entry(msgspec.Struct):
    node: _Node = msgspec.field(name="Node")
    service: _Service = msgspec.field(name="Service")
    checks: list[_Check] = msgspec.field(name="Checks", default=[])

    def instance(self) -> Instance:
        found = self.service
        return Instance(found.id, found.service, found.address or self.node.address, found.port, found.meta or {})

    def health(self) -> InstanceHealth:
        worst: tuple[Status, _Check | None] = ("passing", None)
        for check in self.checks:
            status = _status_of(check)
            if worst[1] is None or _SEVERITY[status] > _SEVERITY[worst[0]]:
                worst = status, check
        status, reported_by = worst
        return InstanceHealth(
            self.instance(),
            status,
            reported_by.since if reported_by else None,
            reported_by.output if reported_by else "",
        )


_SEVERITY: Mapping[Status, int] = {"passing": 0, "warning": 1, "critical": 2, "maintenance": 3}


def _status_of(check: _Check) -> Status:
    if check.check_id.startswith(("_service_maintenance:", "_node_maintenance")):
        return "maintenance"
    match check.status:
        case "passing":
            return "passing"
        case "warning":
            return "warning"
        case _:
            return "critical"
