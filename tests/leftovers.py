"""Deletes the temporary folders of test runs that were killed.

When a run ends, pytest deletes all folders but the last three. For three days it takes a folder with a lock file for
one in use. A killed run leaves its lock file behind, with hundreds of megabytes of databases in memory. The lock file
holds the id of the run's process.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_LOCK = ".lock"


def delete_leftovers(root: Path) -> list[Path]:
    """Delete the folders `root/pytest-of-*/pytest-*` of this user whose process is gone, and return them. A folder
    without a lock file is of a run that has ended, and left to pytest."""
    leftovers = [lock.parent for lock in root.glob(f"pytest-of-*/pytest-*/{_LOCK}") if _is_leftover(lock)]
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return leftovers


def _is_leftover(lock: Path) -> bool:
    try:
        if lock.parent.is_symlink() or lock.parent.stat().st_uid != os.getuid():
            return False
        process_id = int(lock.read_text())
    except (OSError, ValueError):
        # Another run has just deleted it, or its own run has not written the id yet.
        return False
    return not _is_alive(process_id)


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # Another user's process has the id now.
    return True
