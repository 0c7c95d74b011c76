from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.discovery.consul_json import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("0", 0), ("250us", 0.00025)]
)
def test_reads_durations_as_go_writes_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.text(max_size=12))
def test_any_other_text_raises_value_error_and_nothing_else(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta(0)
    except ValueError:
        return


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "10 s", "1e3s", "10S", "9" * 400 + "h"])
def test_refuses_malformed_durations(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)
