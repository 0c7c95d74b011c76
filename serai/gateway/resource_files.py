"""Writes resources as files for Envoy, in an order in which no resource refers to one that Envoy does not know.

Envoy reads a file when it is moved into place, not when it is edited, and reads files in the order in which they were
moved. Additions are written as endpoints, clusters, routes, listeners. Removals go in the opposite order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from serai.gateway.envoy_resources import Resource, Resources


class ResourceFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[Path, bytes] = {}
        #: The clusters of the last complete write.
        self._clusters: tuple[Resource, ...] = ()
        # Temporary files that a killed predecessor left.
        for temporary in folder.glob("**/.*.json.*"):
            temporary.unlink(missing_ok=True)

    def write(self, resources: Resources) -> list[str]:
        """Writes the files that changed and returns their names in order. Raises OSError; call it again then."""
        (self._folder / "endpoints").mkdir(parents=True, exist_ok=True, mode=0o700)
        known = {cluster["name"] for cluster in resources.clusters}
        # Envoy's routes refer to these until it has read the new routes.
        removed = [cluster for cluster in self._clusters if cluster["name"] not in known]
        order: list[tuple[str, Iterable[Resource]]] = [
            *((f"endpoints/{service}.json", (load,)) for service, load in sorted(resources.endpoints.items())),
            ("clusters.json", [*resources.clusters, *removed]),
            ("jwt.json", resources.extensions),
            ("routes.json", resources.routes),
            ("listeners.json", resources.listeners),
            ("clusters.json", resources.clusters),
        ]
        changed = [name for name, found in order if self._write_file(self._folder / name, found)]
        for obsolete in (self._folder / "endpoints").glob("*.json"):
            if obsolete.stem not in resources.endpoints:
                obsolete.unlink(missing_ok=True)
                self._written.pop(obsolete, None)
        self._clusters = resources.clusters
        return changed

    def invalidate(self) -> None:
        """Makes the next `write` write every file, whatever is on disk."""
        self._written.clear()

    def _write_file(self, path: Path, resources: Iterable[Resource]) -> bool:
        content = json.dumps({"resources": list(resources)}, separators=(",", ":"), sort_keys=True).encode()
        if self._written.get(path) == content:
            return False
        write_atomically(path, content)
        self._written[path] = content
        return True


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces the file atomically: a reader, or a crash, sees either the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
