"""Runs the client application's own type checks and tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", ["check", "test"])
def test_the_client_application_s_own_checks_pass(step: str) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/web.py", step],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-10_000:]
