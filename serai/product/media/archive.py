"""Pictures that come with an installation in one zip file, as the demo shop's do. Nothing deletes them."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile


class Archive:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: frozenset[str] | None = None

    def read(self, name: str) -> bytes | None:
        """The content of a file; None when the archive does not have it. Raises OSError and BadZipFile."""
        if self._names is None:
            with ZipFile(self._path) as file:
                self._names = frozenset(file.namelist())
        if name not in self._names:
            return None
        with ZipFile(self._path) as file:
            return file.read(name)
