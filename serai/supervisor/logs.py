"""Limits the size of the processes' log files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 16 << 20


def truncate(folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Keep at most two files of about `max_bytes` per process.

    A process goes on writing to its open file. Because it appends, it continues at the new end after a truncation.
    Lines written between the copy and the truncation are lost, which is acceptable for the log of a local run.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
