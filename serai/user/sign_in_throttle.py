"""Delays sign-ins after repeated failures.

A delay and not a lockout, so that an attacker cannot keep the owner from signing in. The number of waiting requests is
bounded, so that the delay cannot be used to pile up requests.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from serai.user.domain import SignInSlowed

MAX_WAITING = 256
MAX_WAITING_PER_SUBJECT = 16


class SignInThrottle:
    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    async def wait(self, subject: str, seconds: float) -> None:
        """Wait. Raises `SignInSlowed` if too many requests are waiting already, in total or for this subject."""
        if seconds <= 0:
            return
        if self._waiting.total() >= MAX_WAITING or self._waiting[subject] >= MAX_WAITING_PER_SUBJECT:
            raise SignInSlowed
        self._waiting[subject] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting[subject] -= 1
            if not self._waiting[subject]:
                del self._waiting[subject]
