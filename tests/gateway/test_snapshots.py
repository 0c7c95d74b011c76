"""All that Envoy is told, as committed files: a change of the edge is read in review, and Envoy accepts each of them.

`open.json` is the whole for a shop of four services and its pages; each other file is what another setup changes of it.
`UPDATE_SNAPSHOTS=1 make test ARGS=tests/gateway/test_snapshots.py` writes them anew; read the difference before it is
committed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.readable import differences, readable
from tests.gateway.setups import SETUPS, Setup, edge
from tests.gateway.validating import refusal

_FOLDER = Path(__file__).parent / "snapshots"
_UPDATE = os.environ.get("UPDATE_SNAPSHOTS", "") not in ("", "0")
_WHOLE = "open"


def _told(name: str) -> dict[str, Any]:
    document = SETUPS[name].document()
    return document if name == _WHOLE else differences(SETUPS[_WHOLE].document(), document)


@pytest.mark.parametrize("name", SETUPS)
def test_envoy_is_told_what_was_committed(name: str) -> None:
    text = readable(_told(name)) + "\n"
    kept = _FOLDER / f"{name}.json"
    if _UPDATE:
        kept.write_text(text)
    assert text.splitlines() == kept.read_text().splitlines(), "the head of this file says how to accept this"


def test_nothing_is_kept_that_no_setup_makes() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == set(SETUPS)


@pytest.mark.parametrize("name", SETUPS)
def test_envoy_accepts_it(name: str, tmp_path: Path) -> None:
    setup = SETUPS[name]
    assert refusal(setup.made(), setup.edge, tmp_path) is None


def test_envoy_would_say_so_if_it_did_not(tmp_path: Path) -> None:
    nowhere = edge(bind="nowhere")
    assert "malformed IP address: nowhere" in (refusal(Setup(edge=nowhere).made(), nowhere, tmp_path) or "")
