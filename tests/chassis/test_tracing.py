"""Which traces are kept, and that a span's ids reach what happens within it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import NotFound, Unavailable
from serai.chassis.tracing import MAX_SPANS, Span, Tracer, current_span, ids, traceparent

REMOTE = "00-" + "a" * 32 + "-" + "b" * 16 + "-"


class Sink:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add_spans(self, spans: Sequence[Span]) -> None:
        self.spans += spans

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tracer(sink: Sink, *, traces_per_s: float = 0.0, slow_s: float = 1e6, clock: Clock | None = None) -> Tracer:
    return Tracer(sink, traces_per_s=traces_per_s, slow_s=slow_s, clock=clock or Clock())


def test_a_child_belongs_to_the_trace_of_its_parent() -> None:
    sink = Sink()
    tracing = tracer(sink, traces_per_s=1)
    with tracing.span("request", "outer") as outer, tracing.span("call", "inner") as inner:
        assert ids() == (outer.trace.id, inner.id)
        assert traceparent() == f"00-{outer.trace.id}-{inner.id}-01"
    assert current_span.get() is None
    assert traceparent() is None
    assert sink.spans == [inner, outer]
    assert (inner.parent_id, outer.parent_id) == (outer.id, None)
    assert outer.start_ns <= inner.start_ns <= inner.end_ns <= outer.end_ns


def test_a_received_trace_is_continued() -> None:
    with tracer(Sink()).span("request", "GET /", REMOTE + "00") as span:
        assert (span.trace.id, span.parent_id) == ("a" * 32, "b" * 16)
        assert traceparent() == f"00-{'a' * 32}-{span.id}-00"


@pytest.mark.parametrize("header", ["", "x", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", REMOTE + "01-more", REMOTE])
def test_an_invalid_traceparent_begins_a_new_trace(header: str) -> None:
    with tracer(Sink()).span("request", "GET /", header) as span:
        assert span.trace.id not in ("0" * 32, "a" * 32)
        assert span.parent_id is None


def test_a_received_parent_wins_over_the_current_span() -> None:
    tracing = tracer(Sink())
    with tracing.span("job", "reader"), tracing.span("event", "order.paid", REMOTE + "01") as span:
        assert span.parent_id == "b" * 16


def test_a_trace_that_an_earlier_process_chose_is_kept() -> None:
    sink = Sink()
    tracing = tracer(sink, traces_per_s=0.1)
    for flag in ("01", "00"):
        with tracing.span("request", flag, REMOTE + flag):
            pass
    assert sink.names == ["01"]


def test_callers_that_choose_all_traces_are_bounded() -> None:
    sink, clock = Sink(), Clock()
    tracing = tracer(sink, traces_per_s=1, clock=clock)
    for number in range(1000):
        with tracing.span("request", str(number), REMOTE + "01"):
            pass
    assert len(sink.spans) == 200


def test_without_a_sink_the_choice_of_earlier_processes_is_passed_on() -> None:
    with Tracer().span("request", "GET /", REMOTE + "01"):
        header = traceparent()
    assert header is not None
    assert header.endswith("-01")


@pytest.mark.parametrize("error", [RuntimeError("x"), Unavailable()])
def test_a_failed_trace_is_kept_with_all_its_spans(error: Exception) -> None:
    sink = Sink()
    tracing = tracer(sink)
    with pytest.raises(type(error)), tracing.span("request", "outer"), tracing.span("call", "inner"):
        raise error
    assert sink.names == ["inner", "outer"]
    for span in sink.spans:
        assert span.failed
        assert span.attributes == {"error.type": type(error).__name__}


def test_a_failure_that_was_handled_does_not_keep_the_trace() -> None:
    sink = Sink()
    tracing = tracer(sink)
    with tracing.span("request", "outer"), pytest.raises(RuntimeError), tracing.span("call", "inner"):
        raise RuntimeError
    assert not sink.spans


@pytest.mark.parametrize("error", [NotFound(), asyncio.CancelledError()])
def test_a_refusal_or_a_cancellation_is_no_failure(error: BaseException) -> None:
    sink = Sink()
    tracing = tracer(sink)
    with pytest.raises(type(error)), tracing.span("request", "outer"):
        raise error
    assert not sink.spans


def test_a_slow_trace_is_kept() -> None:
    sink = Sink()
    tracing = tracer(sink, slow_s=0)
    with tracing.span("request", "slow"), tracing.span("call", "inner"):
        pass
    assert sink.names == ["inner", "slow"]


def test_only_the_local_root_is_judged_slow() -> None:
    sink = Sink()
    with tracer(sink).span("request", "fast"), tracer(sink, slow_s=0).span("call", "inner"):
        pass
    assert not sink.spans


@pytest.mark.slow
@given(
    per_s=st.sampled_from([0.5, 1.0, 5.0]),
    gaps=st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=200),
)
def test_traces_follow_the_budget(per_s: float, gaps: list[float]) -> None:
    sink, clock = Sink(), Clock()
    tracing = tracer(sink, traces_per_s=per_s, clock=clock)
    for gap in gaps:
        clock.now += gap
        with tracing.span("request", "GET /"):
            pass
    saved = max(per_s * 10, 1)
    assert len(sink.spans) <= saved + per_s * clock.now + 1e-6
    if len(gaps) <= saved:
        assert len(sink.spans) == len(gaps)


def test_spans_that_end_after_the_local_root_follow_its_decision() -> None:
    for chosen in (True, False):
        sink = Sink()
        tracing = tracer(sink, traces_per_s=1 if chosen else 0)
        root = tracing.span("request", "root")
        with root:
            late = tracing.span("job", "late")
        with late:
            pass
        assert sink.names == (["root", "late"] if chosen else [])


def test_the_spans_of_a_trace_are_bounded() -> None:
    sink = Sink()
    tracing = tracer(sink, traces_per_s=1)
    with tracing.span("request", "root") as root:
        for number in range(MAX_SPANS + 7):
            with tracing.span("statement", str(number)):
                pass
    assert len(sink.spans) == MAX_SPANS + 1
    assert root.attributes == {"serai.dropped_spans": 7}


async def test_concurrent_requests_do_not_mix() -> None:
    sink = Sink()
    tracing = tracer(sink, traces_per_s=100)

    async def request(number: int) -> None:
        with tracing.span("request", f"root {number}") as root:
            await asyncio.sleep(0)
            with tracing.span("call", f"call {number}") as call:
                await asyncio.sleep(0)
            assert call.parent_id == root.id

    await asyncio.gather(*(request(number) for number in range(20)))
    for span in sink.spans:
        if span.name.startswith("call"):
            (root,) = (other for other in sink.spans if other.id == span.parent_id)
            assert root.name.split()[1] == span.name.split()[1]
