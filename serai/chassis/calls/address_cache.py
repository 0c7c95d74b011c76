"""The last known addresses of a service, on disk. A process that starts while the registry is down uses them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from serai.chassis.calls.instance import Instance

MAX_BYTES = 8 << 20


def write(path: Path, instances: tuple[Instance, ...]) -> None:
    """Replace the file atomically. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(instances))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> tuple[Instance, ...]:
    """Raises OSError, `msgspec.DecodeError`."""
    with path.open("rb") as file:
        return msgspec.json.decode(file.read(MAX_BYTES), type=tuple[Instance, ...])
