"""Distributed traces: the spans of this process, and the choice of the traces that are exported.

Ids and flags follow W3C Trace Context; names and attributes follow OpenTelemetry's semantic conventions. Spans are
recorded by hand, because each request has several and OpenTelemetry's SDK takes ten times as long for one
(docs/decisions/0018). `serai.chassis.otlp` exports them.

All spans of a trace are recorded until its local root, the first span of the trace in this process, has ended. Then the
trace is kept or dropped. It is kept if the local root failed or was slow, whatever the load; if an earlier process has
chosen it; and as long as there are few, by a budget of traces per second.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from typing import Literal, Protocol

from serai.chassis.errors import Problem

#: What a span describes: a request that this process serves, a call to another service, a statement of the database, an
#: event of a feed that is applied, or a job that runs in the background.
Kind = Literal["request", "call", "statement", "event", "job"]
Value = str | int | float | bool

#: Spans of one trace in one process. More are counted and dropped.
MAX_SPANS = 500
#: Traces that an earlier process has chosen may be this many times the budget. The bound protects a service whose
#: callers choose all traces.
_CHOSEN_FACTOR = 20
#: A budget can be saved up for this long, so that a shop with few requests exports all traces.
_SAVED_S = 10

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_INVALID_TRACE_ID = "0" * 32
_SAMPLED_FLAG = 1


class SpanSink(Protocol):
    """Where kept spans go."""

    def add_spans(self, spans: Sequence[Span]) -> None: ...


class Trace:
    """The part of a trace that this process records."""

    __slots__ = ("chosen", "dropped_spans", "ended", "id", "sink", "spans")

    def __init__(self, trace_id: str, *, chosen: bool) -> None:
        self.id = trace_id
        #: Whether this or an earlier process chose the trace. `traceparent` tells later processes.
        self.chosen = chosen
        #: Finished spans that wait for the end of the local root.
        self.spans: list[Span] = []
        self.dropped_spans = 0
        #: Whether the local root has ended. Spans that end later go to `sink` if the trace was kept.
        self.ended = False
        self.sink: SpanSink | None = None


class Span:
    """One operation of a trace. While it runs, log lines and outgoing calls carry its ids."""

    # fmt: off
    __slots__ = (
        "_is_root", "_token", "_tracer", "attributes", "end_ns", "failed", "id", "kind", "link", "name", "parent_id",
        "start_ns", "trace",
    )
    # fmt: on

    def __init__(
        self, tracer: Tracer, kind: Kind, name: str, trace: Trace, parent_id: str | None, *, is_root: bool
    ) -> None:
        self._tracer = tracer
        self._is_root = is_root
        self._token: Token[Span | None] | None = None
        self.kind = kind
        self.name = name
        self.trace = trace
        self.id = f"{random.getrandbits(64):016x}"
        self.parent_id = parent_id
        #: Names are those of the semantic conventions. Values must not be secrets or personal data.
        self.attributes: dict[str, Value] = {}
        #: (trace id, span id) of another operation that led to this one, such as the one that published an event.
        self.link: tuple[str, str] | None = None
        self.failed = False
        self.start_ns = self.end_ns = 0

    def __enter__(self) -> Span:
        self._token = current_span.set(self)
        self.start_ns = time.time_ns()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.end_ns = time.time_ns()
        assert self._token is not None
        current_span.reset(self._token)
        if isinstance(error, Exception) and not _is_refusal(error):
            self.failed = True
            self.attributes["error.type"] = type(error).__qualname__
        self._tracer.record(self, is_root=self._is_root)


def _is_refusal(error: Exception) -> bool:
    """Whether the error is a valid outcome: the caller asked for something that is not possible."""
    return isinstance(error, Problem) and error.status < 500


class Tracer:
    """Creates spans, and sends those of kept traces to `sink`. Without a sink, spans only have ids."""

    def __init__(
        self,
        sink: SpanSink | None = None,
        *,
        traces_per_s: float = 5.0,
        slow_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`traces_per_s` is the budget of traces that begin in this process. A local root that takes `slow_s` seconds
        or more is slow."""
        self._sink = sink
        self._slow_ns = int(slow_s * 1e9)
        self._budget = Budget(traces_per_s, clock)
        self._chosen_budget = Budget(traces_per_s * _CHOSEN_FACTOR, clock)

    def span(self, kind: Kind, name: str, parent: str | None = None, *, recorded: bool = True) -> Span:
        """A span within the current one. With `parent`, the `traceparent` of a received request or event, it is the
        local root of that trace. Without either it begins a new trace, which is not recorded if it is only a
        statement or a call: a process that polls makes many of them. A span that is not `recorded` only has ids."""
        current = current_span.get()
        if parent is None and current is not None:
            return Span(self, kind, name, current.trace, current.id, is_root=False)
        match = _TRACEPARENT.fullmatch(parent) if parent else None
        if match is None or match[1] == _INVALID_TRACE_ID:
            return Span(self, kind, name, self._new_trace(kind, recorded), None, is_root=True)
        chosen = bool(int(match[3], 16) & _SAMPLED_FLAG)
        if chosen and recorded and self._sink is not None:
            chosen = self._chosen_budget.take()
        span = Span(self, kind, name, Trace(match[1], chosen=chosen), match[2], is_root=True)
        span.trace.ended = not recorded
        if kind == "event":
            span.link = (match[1], match[2])
        return span

    def _new_trace(self, kind: Kind, recorded: bool) -> Trace:
        recorded = recorded and self._sink is not None and kind not in ("statement", "call")
        trace = Trace(f"{random.getrandbits(128):032x}", chosen=recorded and self._budget.take())
        trace.ended = not recorded
        return trace

    def record(self, span: Span, *, is_root: bool) -> None:
        """Record an ended span. The end of the local root decides about the trace."""
        if self._sink is None:
            return
        trace = span.trace
        if trace.ended:
            if trace.sink is not None:
                trace.sink.add_spans([span])
            return
        if is_root or len(trace.spans) < MAX_SPANS:
            trace.spans.append(span)
        else:
            trace.dropped_spans += 1
        if not is_root:
            return
        trace.ended = True
        if trace.chosen or span.failed or span.end_ns - span.start_ns >= self._slow_ns:
            if trace.dropped_spans:
                span.attributes["serai.dropped_spans"] = trace.dropped_spans
            trace.sink = self._sink
            self._sink.add_spans(trace.spans)
        trace.spans = []


class Budget:
    """A token bucket of `per_s` tokens a second. It is full at first."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._size = max(per_s * _SAVED_S, 1.0) if per_s > 0 else 0.0
        self._tokens = self._size
        self._clock = clock
        self._updated_at = clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._updated_at) * self._per_s)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


current_span: ContextVar[Span | None] = ContextVar("span", default=None)
_tracer = Tracer()


def configure(tracer: Tracer) -> None:
    """Set the tracer of this process."""
    global _tracer
    _tracer = tracer


def span(kind: Kind, name: str, parent: str | None = None, *, recorded: bool = True) -> Span:
    """A span of this process's tracer; see `Tracer.span`."""
    return _tracer.span(kind, name, parent, recorded=recorded)


def ids() -> tuple[str, str] | None:
    """(trace id, span id) of the current span, hexadecimal."""
    current = current_span.get()
    return None if current is None else (current.trace.id, current.id)


def is_chosen() -> bool:
    """Whether the current trace is exported for certain."""
    current = current_span.get()
    return current is not None and current.trace.chosen


def traceparent() -> str | None:
    """The header with which the current span is the parent of what another process does."""
    current = current_span.get()
    return None if current is None else f"00-{current.trace.id}-{current.id}-{'01' if current.trace.chosen else '00'}"
