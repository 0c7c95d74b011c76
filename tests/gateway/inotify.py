"""Watches folders with inotify, as Envoy does, and lists the events in order."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_MODIFY, _MOVED_TO, _DELETE = 0x2, 0x80, 0x200
_WORDS = {_MODIFY: "edited", _MOVED_TO: "put", _DELETE: "removed"}
_HEAD = struct.Struct("iIII")


class FileWatcher:
    def __init__(self, *folders: Path) -> None:
        self._queue = _LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._queue >= 0, os.strerror(ctypes.get_errno())
        for folder in folders:
            mask = _MODIFY | _MOVED_TO | _DELETE
            assert _LIBC.inotify_add_watch(self._queue, str(folder).encode(), mask) >= 0, folder

    def close(self) -> None:
        os.close(self._queue)

    def events(self) -> list[str]:
        """The events since the last call, such as "put routes.json", without those of temporary files."""
        return [f"{word} {name}" for word, name in self._read_events() if not name.startswith(".")]

    def _read_events(self) -> Iterator[tuple[str, str]]:
        while True:
            try:
                news = os.read(self._queue, 64 * 1024)
            except BlockingIOError:
                return
            while news:
                _, mask, _, length = _HEAD.unpack_from(news)
                name = news[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode()
                news = news[_HEAD.size + length :]
                yield _WORDS[mask], name


@contextmanager
def watch_files(*folders: Path) -> Iterator[FileWatcher]:
    watcher = FileWatcher(*folders)
    try:
        yield watcher
    finally:
        watcher.close()
