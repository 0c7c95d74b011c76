"""What a profile says of the functions in it."""

from __future__ import annotations

import json
from pathlib import Path

from tools.bench.profiling import hottest


def test_tells_what_functions_take_alone_and_with_what_they_call(tmp_path: Path) -> None:
    frames = [{"name": name, "file": f"/venv/site-packages/{name}.py"} for name in ("main", "handler", "query")]
    profile = {"samples": [[0, 1, 2], [0, 1], [0], [0, 1, 2]], "weights": [3.0, 2.0, 4.0, 1.0]}
    file = tmp_path / "profile.json"
    file.write_text(json.dumps({"shared": {"frames": frames}, "profiles": [profile]}))
    told = [(round(own, 3), round(whole, 3), function) for own, whole, function in hottest(file)]
    assert told == [(0.4, 1.0, "main (main.py)"), (0.2, 0.6, "handler (handler.py)"), (0.4, 0.4, "query (query.py)")]


def test_an_empty_profile_tells_nothing(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(json.dumps({"shared": {"frames": []}, "profiles": []}))
    assert hottest(file) == []
