"""The README's purchase, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tools.shop.system import System

ROOT = Path(__file__).parents[2]


def test_the_purchase_in_the_readme_ends_paid(system: System, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"<!-- purchase:.*?-->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    command = tmp_path / ".venv" / "bin" / "serai"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serai "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", block[1]],
        cwd=tmp_path,
        env={**system.environ, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search(r"^order S-\d+: paid, cart: \[\]$", done.stdout, re.MULTILINE), done.stdout
