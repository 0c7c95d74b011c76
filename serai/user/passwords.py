"""Hashing passwords without letting a flood of sign-ins starve everything else.

Argon2id costs about 20 ms of a core and 19 MiB each, so it runs on a few threads behind a bounded queue; what does
not fit is told to come back. The parameters are OWASP's second choice (m = 19 MiB, t = 2, p = 1).

glibc would keep those 19 MiB for ever, once for each thread; having them mapped anew for every hash would make it half
as dear again. So they are kept while sign-ins follow each other, and given back in the first quiet seconds.
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

#: Waiting and running. Services shed load with 429, which the gateway does not take for a broken instance.
MAX_PENDING = 128
_MAX_THREADS = 4
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: Without a sign-in for so long, the memory of the last ones goes back to the system.
_QUIET_S = 2.0

#: malloc.h: how many arenas there may be. `malloc_trim` does not reach what lies at the end of any but the main one.
_M_ARENA_MAX = -8
_libc = ctypes.CDLL(None)

#: Passwords that guessing starts with, case folded; only those long enough to be set at all.
COMMON = frozenset(files(__package__).joinpath("common_passwords.txt").read_text(encoding="utf-8").splitlines())


class Passwords:
    def __init__(self, max_pending: int = MAX_PENDING, hasher: PasswordHasher = HASHER) -> None:
        self._max_pending = max_pending
        self._hasher = hasher
        self._threads = ThreadPoolExecutor(min(os.cpu_count() or 1, _MAX_THREADS), thread_name_prefix="argon2")
        self._pending = 0
        self._quiet: asyncio.TimerHandle | None = None
        if _has_glibc():
            _libc.mallopt(_M_ARENA_MAX, 1)
        # Compared with where there is no account, so that an unknown address takes as long as a wrong password.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Raises `SignInBusy`."""
        return await self._run(lambda: self._hasher.hash(password))

    async def matches(self, password: str, encoded: str | None) -> bool:
        """Whether `encoded` is a hash of `password`; None never is, and takes the same time. Raises `SignInBusy`."""

        def verify() -> bool:
            try:
                return self._hasher.verify(encoded or self._nobody, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._run(verify) and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._max_pending:
            raise SignInBusy
        self._pending += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # Counted until the thread is done with it, also when the request that wanted it has gone away.
        future.add_done_callback(lambda _: self._done())
        return await asyncio.shield(future)

    def _done(self) -> None:
        self._pending -= 1
        if self._pending == 0 and _has_glibc():
            if self._quiet is not None:
                self._quiet.cancel()
            self._quiet = asyncio.get_running_loop().call_later(_QUIET_S, self._give_back)

    def _give_back(self) -> None:
        if self._pending == 0:
            _libc.malloc_trim(0)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _has_glibc() -> bool:
    return hasattr(_libc, "malloc_trim")
