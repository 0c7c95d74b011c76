"""Reads pictures from a zip file that belongs to the installation, such as the demo shop's. They are never deleted."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile


class Archive:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: frozenset[str] | None = None

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if the archive does not contain it. Raises OSError and BadZipFile."""
        if self._names is None:
            with ZipFile(self._path) as file:
                self._names = frozenset(file.namelist())
        if name not in self._names:
            return None
        with ZipFile(self._path) as file:
            return file.read(name)
