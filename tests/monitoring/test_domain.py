from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from serai.monitoring.domain import Figures, figures, in_order, overall


@given(
    answers=st.lists(st.tuples(st.sampled_from(['/a"b', "/{id}", "unmatched\\"]), st.integers(100, 599)), max_size=40)
)
def test_reads_what_the_metrics_library_writes(answers: list[tuple[str, int]]) -> None:
    registry = CollectorRegistry()
    seconds = Histogram(
        "http_server_request_duration_seconds",
        "Time.",
        ["http_request_method", "http_route", "http_response_status_code"],
        registry=registry,
    )
    for route, status in answers:
        seconds.labels("GET", route, str(status)).observe(0.01)
    faults = sum(status >= 500 for _, status in answers)
    assert figures(generate_latest(registry).decode()) == Figures(len(answers), faults)


@pytest.mark.parametrize("page", ["", "<html>no metrics</html>", "envoy_cluster_upstream_rq 7\n"])
def test_a_page_of_somebody_else_says_nothing(page: str) -> None:
    assert figures(page) is None


def test_an_instance_that_answered_nothing_has_no_error_rate() -> None:
    assert Figures(0, 0).error_rate is None
    assert Figures(4, 1).error_rate == 0.25


@pytest.mark.parametrize(
    ("healths", "health"),
    [
        ([], "critical"),
        (["passing"], "passing"),
        (["passing", "passing"], "passing"),
        (["passing", "critical"], "warning"),
        (["passing", "maintenance"], "warning"),
        (["critical"], "critical"),
        (["maintenance"], "critical"),
        (["warning"], "warning"),
    ],
)
def test_a_service_is_as_well_as_its_instances(healths: list[str], health: str) -> None:
    assert overall(healths) == health


def test_what_is_known_comes_first_and_strangers_follow() -> None:
    assert in_order(("gateway", "user"), ["zoo", "user", "ant"]) == ["gateway", "user", "ant", "zoo"]
