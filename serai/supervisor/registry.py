"""What the registry knows about the processes we started, read in its own dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serai.supervisor.http import NoAnswer, get_json


@dataclass(frozen=True, slots=True)
class Registered:
    instance: str
    address: str
    health: str
    version: str
    pid: int | None


async def instances_of(registries: Sequence[str], service: str) -> list[Registered]:
    """Every registered instance of the service, as the first of the registries that answers knows them.

    Raises `NoAnswer` when none does.
    """
    trouble = NoAnswer("there is no registry")
    for url in registries:
        try:
            return await _instances_of(url, service)
        except NoAnswer as problem:
            trouble = problem
    raise trouble


async def _instances_of(url: str, service: str) -> list[Registered]:
    found = []
    for entry in await get_json(f"{url}/v1/health/service/{service}"):
        described, checks = entry["Service"], entry.get("Checks") or []
        meta = described.get("Meta") or {}
        pid = meta.get("pid", "")
        found.append(
            Registered(
                instance=described["ID"],
                address=f"{described['Address']}:{described['Port']}",
                health=_worst([check["Status"] for check in checks]),
                version=meta.get("version", ""),
                pid=int(pid) if pid.isdigit() else None,
            )
        )
    return found


async def instances(registries: Sequence[str], services: Iterable[str]) -> dict[str, Registered]:
    """All instances of these services by their id; without the ones of a service we got no answer for."""
    answers = await asyncio.gather(*(instances_of(registries, name) for name in services), return_exceptions=True)
    found: dict[str, Registered] = {}
    for answer in answers:
        if isinstance(answer, NoAnswer):
            continue
        if isinstance(answer, BaseException):
            raise answer
        found |= {each.instance: each for each in answer}
    return found


def _worst(statuses: list[str]) -> str:
    for status in ("critical", "warning"):
        if status in statuses:
            return status
    return "passing"
