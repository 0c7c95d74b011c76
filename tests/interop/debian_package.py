"""Programs of Debian packages, unpacked in the checkout: nothing is installed, and no root is needed.

Packages are cached in .tools/, so only the first run on a machine needs the package mirror.
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


class PackageUnavailable(Exception):
    """The package cannot be fetched or unpacked. The message has apt's error."""


def program(package: str, path: str) -> Path:
    """The program at `path` of a Debian package. Raises `PackageUnavailable`."""
    found = FOLDER / package / path
    if not found.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not found.exists():
                _fetch(package)
    if not found.exists():
        raise PackageUnavailable(f"Debian's {package} has no {path}")
    return found


def _fetch(package: str) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise PackageUnavailable(
            f"the tests run Debian's {package}, which needs apt-get and dpkg-deb; on another system put the program "
            f"into {FOLDER / package} as the package would"
        )
    end = time.monotonic() + DEADLINE_S
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        scratch = Path(name)
        error = _run(["apt-get", "download", package], scratch, end)
        if error:
            # The system's package lists are missing or old, and may not be writable. Use separate lists.
            (scratch / "lists" / "partial").mkdir(parents=True)
            (scratch / "cache" / "archives" / "partial").mkdir(parents=True)
            lists = [f"Dir::State::Lists={scratch}/lists", f"Dir::Cache={scratch}/cache", "Debug::NoLocking=1"]
            options = [word for option in lists for word in ("-o", option)]
            error = _run(["apt-get", *options, "update"], scratch, end) or _run(
                ["apt-get", *options, "download", package], scratch, end
            )
        archives = list(scratch.glob("*.deb"))
        if error or not archives:
            raise PackageUnavailable(f"cannot fetch Debian's {package}: {error or 'apt-get downloaded nothing'}")
        if error := _run(["dpkg-deb", "-x", str(archives[0]), str(scratch / "unpacked")], scratch, end):
            raise PackageUnavailable(f"cannot unpack Debian's {package}: {error}")
        (scratch / "unpacked").replace(FOLDER / package)


def _run(command: list[str], folder: Path, end: float) -> str:
    """The error; empty on success."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=max(end - time.monotonic(), 1), check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return str(error)
    return (done.stderr or f"status {done.returncode}").strip()[-2000:] if done.returncode else ""
