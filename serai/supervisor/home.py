"""One installation's folder (`SERAI_HOME`): where each thing in it lives, and how its files are written."""

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
    """Another supervisor holds this installation."""


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        return cls(Path(os.environ.get("SERAI_HOME") or ".serai").resolve())

    @property
    def installation(self) -> str:
        """Tells this installation's processes from another's: two folders never share it."""
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
        """What of the demo data is in, and whether its orders are still to come."""
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
        """The folder that gateway takes for its home: the first one's is the installation itself."""
        return self.path if number == 1 else self.path / "gateways" / f"gateway-{number}"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def exists(self) -> bool:
        return self.keys.exists()

    def create(self) -> None:
        """Make the folders, closed to everybody else: keys and customers' data live below."""
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
    """Held by whoever runs this installation's processes; the kernel lets go of it however that one ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> None:
        # Not inheritable (Python's default), or a child that outlives us would keep the installation locked.
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
    """What the file holds; None when there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def write_json(path: Path, value: Any) -> None:
    """Replace the file as a whole, readable by its owner only; a crash leaves the old content or the new."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        json.dump(value, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
