"""The folder of one installation (`SERAI_HOME`): the paths in it, and how its files are written."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


class AlreadyRunning(Exception):
    """Another supervisor holds the lock of this installation."""


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(os.environ.get("SERAI_HOME") or ".serai").resolve())

    @property
    def installation(self) -> str:
        """Identifies this installation's processes. Different folders have different values."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def keys(self) -> Path:
        return self.path / "keys" / "secrets.json"

    @property
    def logins(self) -> Path:
        return self.path / "logins.json"

    @property
    def seeded(self) -> Path:
        """Which demo data has been added, and whether its orders are still missing."""
        return self.path / "seeded.json"

    @property
    def ports(self) -> Path:
        return self.path / "ports.json"

    @property
    def run(self) -> Path:
        return self.path / "run.json"

    @property
    def sandbox(self) -> Path:
        return self.path / "sandbox"

    def gateway(self, number: int) -> Path:
        """The folder that a gateway uses as its home. The first one's is the installation itself."""
        return self.path if number == 1 else self.path / "gateways" / f"gateway-{number}"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def exists(self) -> bool:
        return self.keys.exists()

    def create(self) -> None:
        """Create the folders, accessible to their owner only: they hold keys and customers' data."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        for folder in (self.keys.parent, self.logs, self.sandbox):
            folder.mkdir(mode=0o700, exist_ok=True)

    def lock(self) -> Lock:
        return Lock(self.path / "lock")

    def is_running(self) -> bool:
        if not self.path.exists():
            return False
        try:
            with self.lock():
                return False
        except AlreadyRunning:
            return True


class Lock:
    """Held by the supervisor of this installation. The kernel releases it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> None:
        # Not inheritable (Python's default), or a child that outlives the supervisor would keep the lock.
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise AlreadyRunning from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)


def read_json(path: Path) -> Any:
    """The content of the file; None when it does not exist."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def write_json(path: Path, value: Any) -> None:
    """Replace the file atomically, readable by its owner only."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
