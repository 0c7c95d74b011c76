"""Child processes: scheduling policy, and killing after a timeout."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from serai.supervisor.launch import Command, launch, wait_or_kill


def test_a_child_and_its_children_run_with_sched_batch(tmp_path: Path) -> None:
    print_scheduler = "import os; print(os.sched_getscheduler(0), flush=True)"
    program = (
        f"import subprocess, sys; exec({print_scheduler!r}); "
        f"subprocess.run([sys.executable, '-c', {print_scheduler!r}])"
    )
    assert launch(Command((sys.executable, "-c", program), os.environ, tmp_path / "log")).wait(30) == 0
    assert (tmp_path / "log").read_text().split() == [str(os.SCHED_BATCH)] * 2


@pytest.mark.parametrize(
    ("script", "exit_status"), [("exec sleep 0.1", 0), ("trap '' TERM; sleep 60 & wait", -signal.SIGKILL)]
)
def test_a_process_that_does_not_stop_in_time_is_killed(tmp_path: Path, script: str, exit_status: int) -> None:
    process = launch(Command(("/bin/sh", "-c", script), {"PATH": "/usr/bin:/bin"}, tmp_path / "log"))
    wait_or_kill(process, 1.0)
    assert process.returncode == exit_status
