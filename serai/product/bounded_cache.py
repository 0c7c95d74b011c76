"""A cache that never takes more than so many bytes."""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import Generic, TypeVar

from serai.product.response_cache import CachedResponse

K = TypeVar("K", bound=Hashable)

#: What an entry takes beside its body: its key, its place in the dictionary, objects around the bytes.
OVERHEAD_BYTES = 400
#: How many come for each that is let in when it is full.
ONE_IN = 8


class BoundedCache(Generic[K]):
    """Once it is full, one in so many that come gets the place of others chosen at random. That needs no note of who
    asked for what: whatever is asked for often gets in soon, what is asked for once seldom does. And where more is
    asked for in turns than fits, what is there stays; the least recently used would be gone when their turn comes."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._entries: dict[K, CachedResponse] = {}
        #: To choose from; also keys that were dropped since.
        self._keys: list[K] = []

    @property
    def has_room(self) -> bool:
        """Whether what comes next is let in without another's leaving, if it is of the usual size."""
        return self._bytes + self._bytes // max(len(self._entries), 1) <= self._most

    def get(self, key: K) -> CachedResponse | None:
        return self._entries.get(key)

    def keep(self, key: K, entry: CachedResponse) -> None:
        self.drop(key)
        size = _size(entry)
        full = self._bytes + size > self._most
        if size > self._most or (full and random.randrange(ONE_IN) != 0):
            return
        while self._bytes + size > self._most:
            self._drop_any()
        self._entries[key] = entry
        self._keys.append(key)
        self._bytes += size
        if len(self._keys) > 2 * len(self._entries) + 64:
            self._keys = list(self._entries)

    def drop(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(entry)

    def clear(self) -> None:
        self._entries.clear()
        self._keys.clear()
        self._bytes = 0

    def _drop_any(self) -> None:
        at = random.randrange(len(self._keys))
        self._keys[at], self._keys[-1] = self._keys[-1], self._keys[at]
        self.drop(self._keys.pop())


def _size(entry: CachedResponse) -> int:
    return len(entry.body) + OVERHEAD_BYTES
