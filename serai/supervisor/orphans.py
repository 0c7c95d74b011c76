"""Kills processes that an earlier run of this installation left running because its supervisor was killed."""

from __future__ import annotations

import os
from contextlib import suppress

import psutil

from serai.supervisor import postgres
from serai.supervisor.environment import INSTALLATION_VARIABLE
from serai.supervisor.home import Home

TIMEOUT_S = 5.0


def kill_all(home: Home) -> int:
    """Kill them and return their number. The caller holds the installation's lock.

    They are identified by a variable in their environment, which no other process has. A name or a pid could by now
    belong to another process. Because we hold the lock, no running supervisor owns them.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(INSTALLATION_VARIABLE) == home.installation:
                found.append(process)
    for process in found:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(found, timeout=TIMEOUT_S)
    # PostgreSQL overwrites its environment, so it is identified by its working folder.
    postgres.stop_orphans(home.postgres / "data")
    return len(found)
