"""Envoy's complete configuration as committed files, so that every change is seen in review. Envoy accepts each of
them.

`open.json` is the configuration for four services and the client application. Every other file is the difference of
another case to it. `UPDATE_SNAPSHOTS=1 make test ARGS=tests/gateway/test_snapshots.py` writes them; read the difference
before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.config_cases import CONFIG_CASES, ConfigCase, edge_config
from tests.gateway.envoy_validation import validation_errors
from tests.gateway.json_diff import differences, format_json

_FOLDER = Path(__file__).parent / "snapshots"
_UPDATE = os.environ.get("UPDATE_SNAPSHOTS", "") not in ("", "0")
_BASE = "open"


def _expected(name: str) -> dict[str, Any]:
    document = CONFIG_CASES[name].document()
    return document if name == _BASE else differences(CONFIG_CASES[_BASE].document(), document)


@pytest.mark.parametrize("name", CONFIG_CASES)
def test_the_configuration_is_that_of_the_committed_file(name: str) -> None:
    text = format_json(_expected(name)) + "\n"
    committed = _FOLDER / f"{name}.json"
    if _UPDATE:
        committed.write_text(text)
    assert text.splitlines() == committed.read_text().splitlines(), (
        "see the docstring of this module to accept the change"
    )


def test_every_committed_file_has_a_case() -> None:
    assert {path.stem for path in _FOLDER.iterdir()} == set(CONFIG_CASES)


@pytest.mark.parametrize("name", CONFIG_CASES)
def test_envoy_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    case = CONFIG_CASES[name]
    assert validation_errors(case.build(), case.edge, tmp_path) is None


def test_validation_reports_an_invalid_configuration(tmp_path: Path) -> None:
    nowhere = edge_config(bind="nowhere")
    assert "malformed IP address: nowhere" in (
        validation_errors(ConfigCase(edge=nowhere).build(), nowhere, tmp_path) or ""
    )
