"""The CPU cores that each group of processes uses, and their memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec
import psutil

ProcessGroups = Mapping[str, list[psutil.Process]]


class Memory(msgspec.Struct, frozen=True):
    """The memory of one group. Pages that its processes share (PostgreSQL's buffers) are counted once.

    `pss` also divides pages that groups share with each other, so that it can be added up. Only Linux provides it.
    """

    rss_bytes: int
    pss_bytes: int | None
    #: User and system time since the start of each process, including its ended children.
    cpu_s: float


class Meter:
    """Measures the cores that each group uses between `start` and `stop`."""

    def __init__(self, process_groups: Callable[[], ProcessGroups], client: str) -> None:
        self._process_groups = process_groups
        self._client = client

    def start(self) -> None:
        self._before = self._used()
        self._others_before = _machine_used()
        self._began = time.monotonic()

    def stop(self) -> dict[str, float]:
        wall = time.monotonic() - self._began
        machine = _machine_used() - self._others_before
        used = {name: seconds - self._before.get(name, 0.0) for name, seconds in self._used().items()}
        used["others"] = max(0.0, machine - sum(used.values()))
        return {name: round(seconds / wall, 3) for name, seconds in used.items()}

    def _used(self) -> dict[str, float]:
        found = {name: sum(map(_cpu_s, processes)) for name, processes in self._process_groups().items()}
        # The load generator has exited by now.
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return found | {self._client: children.ru_utime + children.ru_stime}


def memory(process_groups: ProcessGroups) -> dict[str, Memory]:
    return {name: _memory(processes) for name, processes in process_groups.items()}


def _memory(processes: list[psutil.Process]) -> Memory:
    own, common, pss = 0, 0, 0
    says_pss = True
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            resident = process.memory_info()
            shared = getattr(resident, "shared", 0)
            own, common = own + resident.rss - shared, max(common, shared)
            try:
                pss += process.memory_full_info().pss
            except (psutil.AccessDenied, AttributeError):
                says_pss = False
    return Memory(own + common, pss if says_pss else None, round(sum(map(_cpu_s, processes)), 2))


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    # A closed PostgreSQL connection is a process that has exited.
    ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return float(times.user + times.system + ended)


def _machine_used() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
