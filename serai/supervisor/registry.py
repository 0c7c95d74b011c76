"""What the registry knows about the processes we started, read through Consul's API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serai.supervisor.http import RequestFailed, get_json


@dataclass(frozen=True, slots=True)
class RegisteredInstance:
    instance: str
    address: str
    health: str
    version: str
    pid: int | None


async def instances_of(registries: Sequence[str], service: str) -> list[RegisteredInstance]:
    """Every registered instance of the service, from the first registry that responds.

    Raises `RequestFailed` when none does.
    """
    failure = RequestFailed("there is no registry")
    for url in registries:
        try:
            return await _instances_of(url, service)
        except RequestFailed as problem:
            failure = problem
    raise failure


async def _instances_of(url: str, service: str) -> list[RegisteredInstance]:
    found = []
    for entry in await get_json(f"{url}/v1/health/service/{service}"):
        details, checks = entry["Service"], entry.get("Checks") or []
        meta = details.get("Meta") or {}
        pid = meta.get("pid", "")
        found.append(
            RegisteredInstance(
                instance=details["ID"],
                address=f"{details['Address']}:{details['Port']}",
                health=_worst([check["Status"] for check in checks]),
                version=meta.get("version", ""),
                pid=int(pid) if pid.isdigit() else None,
            )
        )
    return found


async def instances(registries: Sequence[str], services: Iterable[str]) -> dict[str, RegisteredInstance]:
    """All instances of these services by their id. Services for which no registry responds are left out."""
    answers = await asyncio.gather(*(instances_of(registries, name) for name in services), return_exceptions=True)
    found: dict[str, RegisteredInstance] = {}
    for answer in answers:
        if isinstance(answer, RequestFailed):
            continue
        if isinstance(answer, BaseException):
            raise answer
        found |= {instance.instance: instance for instance in answer}
    return found


def _worst(statuses: list[str]) -> str:
    for status in ("critical", "warning"):
        if status in statuses:
            return status
    return "passing"
