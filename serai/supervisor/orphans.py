"""What an earlier run of this very installation left running, because its supervisor was killed."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

from serai.supervisor import postgres
from serai.supervisor.environment import MARK
from serai.supervisor.home import Home

PATIENCE_S = 5.0


def end(home: Home) -> int:
    """End all of it and say how many processes that were. The caller holds the installation's lock.

    They are known by the mark in their environment, which no other process has: neither by a name nor by a number,
    which may by now belong to somebody else. As we hold the lock, no living supervisor owns them.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == home.installation:
                found.append(process)
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=PATIENCE_S)
    # PostgreSQL writes over its environment; it is known by the folder it works in.
    postgres.end_orphans(home.postgres / "data")
    return len(found)
