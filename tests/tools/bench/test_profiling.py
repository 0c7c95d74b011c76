"""The hottest functions of a profile."""

from __future__ import annotations

import json
from pathlib import Path

from tools.bench.profiling import hottest


def test_reports_own_and_cumulative_shares(tmp_path: Path) -> None:
    frames = [{"name": name, "file": f"/venv/site-packages/{name}.py"} for name in ("main", "handler", "query")]
    profile = {"samples": [[0, 1, 2], [0, 1], [0], [0, 1, 2]], "weights": [3.0, 2.0, 4.0, 1.0]}
    file = tmp_path / "profile.json"
    file.write_text(json.dumps({"shared": {"frames": frames}, "profiles": [profile]}))
    functions = [(round(own, 3), round(whole, 3), function) for own, whole, function in hottest(file)]
    assert functions == [
        (0.4, 1.0, "main (main.py)"),
        (0.2, 0.6, "handler (handler.py)"),
        (0.4, 0.4, "query (query.py)"),
    ]


def test_an_empty_profile_has_no_functions(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps({"shared": {"frames": []}, "profiles": []}))
    assert hottest(file) == []
