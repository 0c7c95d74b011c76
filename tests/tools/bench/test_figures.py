"""The tools' outputs become figures, and errors become failures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.bench import commits, options, report, wrk
from tools.bench.figures import Load, LoadFailed, Quantiles, Result, Run, quantiles
from tools.bench.measuring import Size
from tools.bench.shop import Startup

SAID = (
    'Running 2s test\n{"count":8000,"us":2000000,"p50_us":3500,"p99_us":9100,'
    '"refused":%d,"connect":0,"read":0,"write":0,"timeout":0}\n'
)
PGBENCH = """transaction type: <builtin: simple update>
number of transactions actually processed: 5000
number of failed transactions: %d (0.000%%)
latency average = 12.3 ms
tps = 2500.000000 (without initial connection time)
"""


def test_parses_the_output_of_wrk() -> None:
    load = wrk.parse(SAID % 0)
    assert (load.per_s, load.latency) == (4000, Quantiles(3.5, 9.1))


@pytest.mark.parametrize("output", [SAID % 1, "unable to connect", SAID.replace("8000", "0") % 0])
def test_errors_and_missing_output_fail_a_run_of_wrk(output: str) -> None:
    with pytest.raises(LoadFailed):
        wrk.parse(output)


def test_parses_the_output_of_pgbench() -> None:
    load = commits.parse(PGBENCH % 0)
    assert (load.count, load.seconds) == (5000, 2.0)


@pytest.mark.parametrize("output", [PGBENCH % 3, ""])
def test_failed_transactions_fail_a_run_of_pgbench(output: str) -> None:
    with pytest.raises(LoadFailed):
        commits.parse(output)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=300))
def test_quantiles_are_measured_times_in_order(times_s: list[float]) -> None:
    found = quantiles(times_s)
    assert found is not None
    in_ms = [time * 1000 for time in times_s]
    assert found.p50_ms in in_ms
    assert found.p99_ms in in_ms
    assert sum(time <= found.p50_ms for time in in_ms) * 2 >= len(in_ms)
    assert sum(time <= found.p99_ms for time in in_ms) * 100 >= 99 * len(in_ms)


def test_a_result_is_the_median_of_its_runs() -> None:
    runs = [Run(Load(count, 1.0, Quantiles(count / 10, count)), {"product": count / 100}) for count in (30, 10, 20)]
    result = Result("list", runs)
    assert (result.rate(), min(result.rates()), max(result.rates())) == (20, 10, 30)
    assert result.latency() == Quantiles(2, 20)
    assert result.cores() == {"product": 0.2}


def test_reads_are_shares_of_the_limits_and_flows_of_the_commits() -> None:
    runs = [Run(Load(count, 1.0), {}) for count in (100, 200, 400)]
    limits = [Result("envoy", runs), Result("commits", runs[2:]), Result("static", [], "broke")]
    size = Size(1000, 0.0, 0.0, Startup(0.0, {}, {}), None, [Result("list", runs[:1]), Result("cart", runs[:1])], {})
    *_, reads, flows = report.lines(limits, [size])
    assert (reads.of_limits, flows.of_limits) == ({"envoy": 0.5}, {"commits": 0.25})


def test_a_failed_target_has_no_figures_in_the_table() -> None:
    [line] = report.lines([Result("envoy", [], "3 refused")], [])
    assert report.row(line) == ["limit: envoy", "FAILED"]


def test_options_have_limits() -> None:
    assert options.parse([]).sizes == [1_000, 100_000]
    assert options.parse(["--only", "list,search"]).names() == ["list", "search"]
    for wrong in (["--seconds", "3600"], ["--connections", "5000"], ["--sizes", "10000000"], ["--only", "everything"]):
        with pytest.raises(SystemExit):
            options.parse(wrong)
