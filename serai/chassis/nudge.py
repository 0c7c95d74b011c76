"""A wait that ends early when something is known to be due."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress


class Nudge:
    """A timer of a polling loop, which others in the process can end early."""

    def __init__(self) -> None:
        self._set = asyncio.Event()

    def __call__(self) -> None:
        """End the current wait, or the next one if nobody waits now."""
        self._set.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for `seconds`, plus or minus 20 % so that replicas spread, or until a nudge. Returns whether there was
        one."""
        # Not `wait_for`, which before Python 3.12 may lose a cancellation that meets the timeout.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * random.uniform(0.8, 1.2)):
                await self._set.wait()
        nudged = self._set.is_set()
        self._set.clear()
        return nudged
