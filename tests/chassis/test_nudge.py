"""Polling loops that are woken early."""

from __future__ import annotations

import asyncio

import pytest

from serai.chassis.nudge import Nudge


async def test_a_nudge_ends_the_wait_once() -> None:
    nudge = Nudge()
    nudge()
    nudge()
    assert await nudge.wait(60)
    assert not await nudge.wait(0.001)


async def test_a_nudge_ends_a_wait_that_has_begun() -> None:
    nudge = Nudge()
    waiting = asyncio.create_task(nudge.wait(60))
    await asyncio.sleep(0)
    nudge()
    assert await asyncio.wait_for(waiting, 10)


async def test_a_cancelled_wait_leaves_the_nudge_to_the_next_one() -> None:
    nudge = Nudge()
    waiting = asyncio.create_task(nudge.wait(60))
    await asyncio.sleep(0)
    nudge()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await nudge.wait(60)
