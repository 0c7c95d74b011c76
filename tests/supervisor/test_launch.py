from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from serai.supervisor.launch import Command, launch, wait_or_kill


def test_what_is_started_does_not_push_others_off_the_processor_nor_do_its_children(tmp_path: Path) -> None:
    told = "import os; print(os.sched_getscheduler(0), flush=True)"
    program = f"import subprocess, sys; exec({told!r}); subprocess.run([sys.executable, '-c', {told!r}])"
    assert launch(Command((sys.executable, "-c", program), os.environ, tmp_path / "log")).wait(30) == 0
    assert (tmp_path / "log").read_text().split() == [str(os.SCHED_BATCH)] * 2


@pytest.mark.parametrize(
    ("script", "ended_by"), [("exec sleep 0.1", 0), ("trap '' TERM; sleep 60 & wait", -signal.SIGKILL)]
)
def test_what_does_not_leave_in_time_is_killed(tmp_path: Path, script: str, ended_by: int) -> None:
    process = launch(Command(("/bin/sh", "-c", script), {"PATH": "/usr/bin:/bin"}, tmp_path / "log"))
    wait_or_kill(process, 1.0)
    assert process.returncode == ended_by
