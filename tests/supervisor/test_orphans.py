"""Orphans of a killed supervisor are killed, and log files are limited."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serai.supervisor import logs, orphans
from serai.supervisor.environment import INSTALLATION_VARIABLE
from serai.supervisor.home import Home


@contextmanager
def sleeper(**environ: str) -> Iterator[subprocess.Popen[bytes]]:
    program = "import time; print('up', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_kills_only_processes_of_this_installation(tmp_path: Path) -> None:
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    with (
        sleeper(**{INSTALLATION_VARIABLE: home.installation}) as own,
        sleeper(**{INSTALLATION_VARIABLE: other.installation}) as other_process,
        sleeper(SERAI_HOME=str(home.path)) as unmarked,
    ):
        assert orphans.kill_all(home) == 1
        assert own.poll() is not None
        assert other_process.poll() is None
        assert unmarked.poll() is None


def test_a_log_is_bounded_while_its_process_goes_on_writing(tmp_path: Path) -> None:
    path = tmp_path / "part.log"
    with path.open("ab", buffering=0) as log:
        log.write(b"x" * 100 + b"\n")
        logs.truncate(tmp_path, max_bytes=50)
        log.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "part.log.1").read_bytes() == b"x" * 100 + b"\n"
    logs.truncate(tmp_path, max_bytes=50)
    assert path.read_bytes() == b"after\n"
