"""A managed process is started, restarted, stopped and killed."""

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
from serai.supervisor.processes import ManagedProcess, StartFailed

STOPS_ON_SIGTERM = (
    "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(0)); print('up', flush=True); time.sleep(60)"
)
IGNORES_SIGTERM = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
FAILS_TO_START = "import sys; sys.exit('no such planet')"
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "print('up', child.pid, flush=True); time.sleep(60)"
)


class ProcessUnderTest:
    """A managed process that runs a few lines of Python, and the supervisor's messages about it."""

    def __init__(self, folder: Path, program: str) -> None:
        self.log = folder / "part.log"
        self.messages: list[str] = []
        command = Command((sys.executable, "-c", program), dict(os.environ), self.log)

        async def is_ready(pid: int) -> bool:
            return "up" in self.log.read_text()

        self.process = ManagedProcess("part", "part-1", "part-1", lambda: command, is_ready, self.messages.append)
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.process.reap)
        self.process.start()


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_stops_on_sigterm(tmp_path: Path) -> None:
    under_test = ProcessUnderTest(tmp_path, STOPS_ON_SIGTERM)
    await under_test.process.ready()
    pid = under_test.process.pid
    await under_test.process.stop(time.monotonic() + 5)
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert under_test.process.state == "stopped"
    assert under_test.messages == []


async def test_is_killed_when_it_does_not_stop_in_time(tmp_path: Path) -> None:
    under_test = ProcessUnderTest(tmp_path, IGNORES_SIGTERM)
    await under_test.process.ready()
    pid = under_test.process.pid
    await under_test.process.stop(time.monotonic() + 0.2)
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert under_test.messages == ["part-1 did not stop in time and was killed"]


async def test_is_restarted_when_it_is_killed(tmp_path: Path) -> None:
    under_test = ProcessUnderTest(tmp_path, STOPS_ON_SIGTERM)
    await under_test.process.ready()
    first = under_test.process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await wait_for(lambda: under_test.process.pid not in (None, first) and under_test.process.state == "running")
    assert under_test.process.restarts == 1
    assert under_test.messages[0] == "part-1 was killed by SIGKILL; restarting it in 0.2 s"
    await under_test.process.stop(time.monotonic() + 5)


async def test_its_children_are_killed_with_it(tmp_path: Path) -> None:
    under_test = ProcessUnderTest(tmp_path, PARENT)
    await under_test.process.ready()
    child = int(under_test.log.read_text().split()[1])
    await under_test.process.stop(time.monotonic() + 5)
    await wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


async def test_gives_up_on_a_process_that_never_starts_and_shows_the_end_of_its_log(tmp_path: Path) -> None:
    under_test = ProcessUnderTest(tmp_path, FAILS_TO_START)
    with pytest.raises(StartFailed, match=r"part-1 ended 3 times during its start(?s:.*)no such planet"):
        await under_test.process.ready()
    await under_test.process.stop(time.monotonic() + 5)
