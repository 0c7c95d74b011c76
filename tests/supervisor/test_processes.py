import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from serai.supervisor.launch import Command
from serai.supervisor.processes import Part, StartFailed

OBEDIENT = (
    "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
BROKEN = "import sys; sys.exit('no such planet')"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print('up', child.pid, flush=True); time.sleep(60)"
)


class Running:
    """A part that runs a few lines of Python, and what the supervisor said about it."""

    def __init__(self, folder: Path, program: str) -> None:
        self.log = folder / "part.log"
        self.said: list[str] = []
        command = Command((sys.executable, "-c", program), dict(os.environ), self.log)

        async def is_ready(pid: int) -> bool:
            return "up" in self.log.read_text()

        self.part = Part("part", "part-1", "part-1", lambda: command, is_ready, self.said.append)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.part.reap)
        self.part.start()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_leaves_when_asked(tmp_path: Path) -> None:
    running = Running(tmp_path, OBEDIENT)
    await running.part.ready()
    pid = running.part.pid
    await running.part.stop(time.monotonic() + 5)
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert running.part.state == "stopped"
    assert running.said == []


async def test_is_killed_when_it_does_not_leave_in_time(tmp_path: Path) -> None:
    running = Running(tmp_path, STUBBORN)
    await running.part.ready()
    pid = running.part.pid
    await running.part.stop(time.monotonic() + 0.2)
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert running.said == ["part-1 did not leave in time and was killed"]


async def test_is_started_again_when_it_is_killed(tmp_path: Path) -> None:
    running = Running(tmp_path, OBEDIENT)
    await running.part.ready()
    first = running.part.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: running.part.pid not in (None, first) and running.part.state == "running")
    assert running.part.restarts == 1
    assert running.said[0] == "part-1 was ended by SIGKILL; starting it again in 0.2 s"
    await running.part.stop(time.monotonic() + 5)


async def test_what_it_started_goes_with_it(tmp_path: Path) -> None:
    running = Running(tmp_path, PARENT)
    await running.part.ready()
    child = int(running.log.read_text().split()[1])
    await running.part.stop(time.monotonic() + 5)
    await until(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


async def test_gives_up_on_a_part_that_never_starts_and_shows_its_last_words(tmp_path: Path) -> None:
    running = Running(tmp_path, BROKEN)
    with pytest.raises(StartFailed, match=r"part-1 ended 3 times while it started(?s:.*)no such planet"):
        await running.part.ready()
    await running.part.stop(time.monotonic() + 5)
