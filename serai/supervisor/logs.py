"""What the processes print, in files that cannot fill the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 16 << 20


def bound(folder: Path, max_bytes: int = MAX_BYTES) -> None:
    """Keep at most two files of about `max_bytes` per process.

    A process goes on writing to the file it was given; since it appends, it finds the new end after a truncation.
    Lines written between the copy and the truncation are lost, which the log of a local run can bear.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > max_bytes:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
