"""Hands resources to Envoy as files, so that it never sees half of one nor a reference to what it does not know yet.

Envoy notices a file that is moved into place, not one edited there, and takes them up in the order in which they were.
What is added goes endpoints first, then clusters, routes, listeners; what nothing names any more goes the other way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from serai.gateway.envoy import Resource, Resources


class Files:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[Path, bytes] = {}
        #: As of the last time that everything was written.
        self._clusters: tuple[Resource, ...] = ()
        # What a predecessor that was killed did not finish.
        for draft in folder.glob("**/.*.json.*"):
            draft.unlink(missing_ok=True)

    def write(self, resources: Resources) -> list[str]:
        """Writes what changed; the names of those files, as they were written. Raises OSError; then call it again."""
        (self._folder / "endpoints").mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {cluster["name"] for cluster in resources.clusters}
        # Envoy's routes still lead to these until it has the new ones.
        leaving = [cluster for cluster in self._clusters if cluster["name"] not in known]
        order: list[tuple[str, Iterable[Resource]]] = [
            *((f"endpoints/{service}.json", (load,)) for service, load in sorted(resources.endpoints.items())),
            ("clusters.json", [*resources.clusters, *leaving]),
            ("jwt.json", resources.extensions),
            ("routes.json", resources.routes),
            ("listeners.json", resources.listeners),
            ("clusters.json", resources.clusters),
        ]
        changed = [name for name, found in order if self._put(self._folder / name, found)]
        for stale in (self._folder / "endpoints").glob("*.json"):
            if stale.stem not in resources.endpoints:
                stale.unlink(missing_ok=True)
                self._written.pop(stale, None)
        self._clusters = resources.clusters
        return changed

    def forget(self) -> None:
        """Write everything the next time, whatever is there."""
        self._written.clear()

    def _put(self, path: Path, resources: Iterable[Resource]) -> bool:
        content = json.dumps({"resources": list(resources)}, separators=(",", ":"), sort_keys=True).encode()
        if self._written.get(path) == content:
            return False
        write_atomically(path, content)
        self._written[path] = content
        return True


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces the file at once: a reader, or a power cut, finds the old content or the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
