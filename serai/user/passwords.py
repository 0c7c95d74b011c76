"""Password hashing that cannot starve the rest of the service.

One Argon2id hash takes about 20 ms of CPU time and 19 MiB, so hashes run on a few threads behind a bounded queue; a
request that does not fit is refused with 429. The parameters are OWASP's second choice (m = 19 MiB, t = 2, p = 1).

glibc would keep those 19 MiB per thread forever, and mapping them forevery hash would make it 50 % slower. So the
memory is kept while sign-ins follow each other and returned to the system after two seconds without one.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from serai.user.domain import SignInBusy

T = TypeVar("T")

#: Queued and running hashes. Beyond it, requests get 429, which the gateway does not count as a failed instance.
MAX_PENDING = 128
_MAX_THREADS = 4
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: Seconds without a hash after which the memory is returned to the system.
_TRIM_AFTER_S = 2.0

#: M_ARENA_MAX of malloc.h, the maximum number of arenas: `malloc_trim` only trims the end of the main arena.
_M_ARENA_MAX = -8
_libc = ctypes.CDLL(None)

#: Common passwords, case folded; only those that satisfy the minimum length.
COMMON = frozenset(files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines())


class Passwords:
    def __init__(self, max_pending: int = MAX_PENDING, hasher: PasswordHasher = HASHER) -> None:
        self._max_pending = max_pending
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), thread_name_prefix="argon2")
        self._pending = 0
        self._trim_timer: asyncio.TimerHandle | None = None
        if _has_glibc():
            _libc.mallopt(_M_ARENA_MAX, 1)
        # Verified against when there is no account, so that an unknown address takes as long as a wrong password.
        self._dummy_hash = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Raises `SignInBusy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, encoded: str | None) -> bool:
        """Whether `encoded` is a hash of `password`. None never matches, in the same time. Raises `SignInBusy`."""

        def verify() -> bool:
            try:
                return self._hasher.verify(encoded or self._dummy_hash, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(verify) and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Whether the hash was created with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(encoded)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._max_pending:
            raise SignInBusy
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # Counted until the thread has finished, also if the request is cancelled before.
        future.add_done_callback(lambda _: self._done())
        return await asyncio.shield(future)

    def _done(self) -> None:
        self._pending -= 1
        if self._pending == 0 and _has_glibc():
            if self._trim_timer is not None:
                self._trim_timer.cancel()
            self._trim_timer = asyncio.get_running_loop().call_later(_TRIM_AFTER_S, self._trim_memory)

    def _trim_memory(self) -> None:
        if self._pending == 0:
            _libc.malloc_trim(0)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _has_glibc() -> bool:
    return hasattr(_libc, "malloc_trim")
