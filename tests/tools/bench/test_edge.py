"""The figures of the gateway benchmark."""

from __future__ import annotations

import pytest

from tools.bench import edge
from tools.bench.figures import LoadFailed, Quantiles
from tools.bench.open_loop import Outcome


def outcome(p50_ms: float, p99_ms: float, **errors: int) -> Outcome:
    return Outcome(1.0, 10, 10, {}, errors, 0, 0, Quantiles(p50_ms, p99_ms), None)


def test_a_route_has_the_median_of_its_turns_and_the_sum_of_its_errors() -> None:
    route = edge._route_latency("directly", [outcome(1, 9, lost=1), outcome(2, 8), outcome(3, 1, late=2)])
    assert (route.latency, route.errors) == (Quantiles(2, 8), 3)


def test_without_a_response_there_are_no_figures() -> None:
    with pytest.raises(LoadFailed):
        edge._route_latency("directly", [Outcome(1.0, 10, 0, {}, {"lost": 10}, 0, 0, None, None)])
