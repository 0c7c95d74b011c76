"""The folders of killed test runs are deleted, and those of running ones are not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leftovers import delete_leftovers

pytestmark = pytest.mark.slow

#: A run whose only test writes a file and then waits.
_RUN = """
import time

def test_that_waits(tmp_path):
    (tmp_path / "data").write_text("a database")
    print("written", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def run(tmp_path: Path, root: Path) -> Iterator[subprocess.Popen[str]]:
    """A running pytest with its folder in `root`. It has written its data."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "test_it.py").write_text(_RUN)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "pytest",
            "-s",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            str(folder),
            ".",
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTEST_DEBUG_TEMPROOT": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("written" in line for line in process.stdout)
        yield process
    finally:
        process.kill()
        process.communicate()


def data_in(root: Path) -> list[Path]:
    return [found for found in root.rglob("data") if not any(part.endswith("current") for part in found.parts)]


def test_the_folder_of_a_killed_run_is_deleted_and_that_of_a_running_one_is_not(
    root: Path, run: subprocess.Popen[str]
) -> None:
    assert delete_leftovers(root) == []
    assert len(data_in(root)) == 1
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert [folder.name for folder in delete_leftovers(root)] == ["pytest-0"]
    assert data_in(root) == []


def test_a_folder_that_names_no_process_is_left_alone(root: Path) -> None:
    """One of a run that has ended, one of a run that has just begun, and one of something else."""
    folders = [root / "pytest-of-somebody" / name for name in ("pytest-1", "pytest-2", "other-3")]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[1] / ".lock").touch()
    (folders[2] / ".lock").write_text(str(_process_that_has_ended()))
    assert delete_leftovers(root) == []
    assert all(folder.exists() for folder in folders)


def test_the_name_of_the_newest_folder_is_no_folder_to_delete(root: Path) -> None:
    folder = root / "elsewhere"
    folder.mkdir()
    (folder / ".lock").write_text(str(_process_that_has_ended()))
    (root / "pytest-of-somebody").mkdir()
    (root / "pytest-of-somebody" / "pytest-current").symlink_to(folder)
    assert delete_leftovers(root) == []
    assert folder.exists()


def _process_that_has_ended() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
