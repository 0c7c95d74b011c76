"""Programs of Debian's, unpacked beside the checkout: nothing is installed, and no root is needed.

What has once been fetched is kept in .tools/, so only the first run on a machine needs its package mirror.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".tools" / "debian"
DEADLINE_S = 240.0


class NotToBeHad(Exception):
    """The package cannot be fetched here; the message says what apt says."""


def program(package: str, path: str) -> Path:
    """The program at `path` of a Debian package. Raises `NotToBeHad`."""
    found = FOLDER / package / path
    if not found.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not found.exists():
                _fetch(package)
    if not found.exists():
        raise NotToBeHad(f"Debian's {package} has no {path}")
    return found


def _fetch(package: str) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotToBeHad(
            f"the tests run Debian's {package}, which needs apt-get and dpkg-deb; on another system put the program "
            f"into {FOLDER / package} as the package would"
        )
    end = time.monotonic() + DEADLINE_S
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        scratch = Path(name)
        trouble = _run(["apt-get", "download", package], scratch, end)
        if trouble:
            # No lists, or old ones: a set of our own, as the system's may not be ours to bring up to date.
            (scratch / "lists" / "partial").mkdir(parents=True)
            (scratch / "cache" / "archives" / "partial").mkdir(parents=True)
            lists = [f"Dir::State::Lists={scratch}/lists", f"Dir::Cache={scratch}/cache", "Debug::NoLocking=1"]
            options = [word for option in lists for word in ("-o", option)]
            trouble = _run(["apt-get", *options, "update"], scratch, end) or _run(
                ["apt-get", *options, "download", package], scratch, end
            )
        archives = list(scratch.glob("*.deb"))
        if trouble or not archives:
            raise NotToBeHad(f"cannot fetch Debian's {package}: {trouble or 'apt-get left nothing behind'}")
        if trouble := _run(["dpkg-deb", "-x", str(archives[0]), str(scratch / "unpacked")], scratch, end):
            raise NotToBeHad(f"cannot unpack Debian's {package}: {trouble}")
        (scratch / "unpacked").replace(FOLDER / package)


def _run(command: list[str], folder: Path, end: float) -> str:
    """What went wrong; empty when nothing did."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=max(end - time.monotonic(), 1), check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return str(error)
    return (done.stderr or f"status {done.returncode}").strip()[-2000:] if done.returncode else ""
