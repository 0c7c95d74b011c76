"""Where somebody who keeps failing to sign in has to wait.

A wait and not a lockout: whoever knows the password still gets in, however much an attacker fails in their name. The
places are counted, so that waiting cannot be used to pile up requests either.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from serai.user.domain import Slowdown

MAX_WAITING = 256
MAX_WAITING_PER_SUBJECT = 16


class SignInThrottle:
    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    async def wait(self, subject: str, seconds: float) -> None:
        """Raises `Slowdown` when too many wait already, in all or for this subject."""
        if seconds <= 0:
            return
        if self._waiting.total() >= MAX_WAITING or self._waiting[subject] >= MAX_WAITING_PER_SUBJECT:
            raise Slowdown
        self._waiting[subject] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[subject] -= 1
            if not self._waiting[subject]:
                del self._waiting[subject]
