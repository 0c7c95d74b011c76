from __future__ import annotations

import os
import sys
from pathlib import Path

from serai.supervisor.launch import Command, launch


def test_what_is_started_does_not_push_others_off_the_processor_nor_do_its_children(tmp_path: Path) -> None:
    told = "import os; print(os.sched_getscheduler(0), flush=True)"
    program = f"import subprocess, sys; exec({told!r}); subprocess.run([sys.executable, '-c', {told!r}])"
    assert launch(Command((sys.executable, "-c", program), os.environ, tmp_path / "log")).wait(30) == 0
    assert (tmp_path / "log").read_text().split() == [str(os.SCHED_BATCH)] * 2
