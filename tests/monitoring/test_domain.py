from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from serai.monitoring.domain import RequestCounts, ordered_names, overall, parse_metrics


@given(
    answers=st.lists(st.tuples(st.sampled_from(['/a"b', "/{id}", "unmatched\\"]), st.integers(100, 599)), max_size=40)
)
def test_parses_what_the_metrics_library_writes(answers: list[tuple[str, int]]) -> None:
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
    assert parse_metrics(generate_latest(registry).decode()) == RequestCounts(len(answers), faults)


@pytest.mark.parametrize("page", ["", "<html>no metrics</html>", "envoy_cluster_upstream_rq 7\n"])
def test_another_page_has_no_counts(page: str) -> None:
    assert parse_metrics(page) is None


def test_without_requests_there_is_no_error_rate() -> None:
    assert RequestCounts(0, 0).error_rate is None
    assert RequestCounts(4, 1).error_rate == 0.25


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
def test_the_health_of_a_service_follows_from_its_instances(healths: list[str], health: str) -> None:
    assert overall(healths) == health


def test_known_names_come_first_and_others_follow_sorted() -> None:
    assert ordered_names(("gateway", "user"), ["zoo", "user", "ant"]) == ["gateway", "user", "ant", "zoo"]
