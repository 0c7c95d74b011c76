"""Structured logs, metrics in Prometheus' text format, and the ids that correlate the log lines of one request across
processes.

A log line is one JSON object. Its `fields` come from an allow-list, so that a password, token, card number or address
cannot reach a log by mistake.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import sys
import time
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

#: The fields that a log line may have beside the standard ones.
# fmt: off
FIELDS = frozenset(
    {
        "method", "route", "status", "duration_ms", "bytes", "caller", "policy", "callee", "attempt", "feed",
        "position", "event", "subject", "consumer", "order_id", "payment_id", "product_id", "variant_id",
        "cart_id", "user_id", "state", "step", "epoch", "reason", "code", "count", "port", "pid", "instance",
        "version", "task", "delay_s", "template", "mail_id", "alert", "outcome", "url", "signal",
    }
)
# fmt: on

REGISTRY = CollectorRegistry()

#: OpenTelemetry's `http.server.request.duration`, spelled as Prometheus spells it.
REQUEST_SECONDS = Histogram(
    "http_server_request_duration_seconds",
    "Time from the request's arrival to the end of the response.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
REQUESTS_ACTIVE = Gauge("http_server_active_requests", "Requests in flight.", registry=REGISTRY)
CLIENT_SECONDS = Histogram(
    "http_client_request_duration_seconds",
    "Duration of a call to another service, retries included.",
    ["server", "operation", "outcome"],
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
FEED_POSITION = Gauge("feed_position", "Position of a consumer's cursor in a feed.", ["feed"], registry=REGISTRY)
FEED_PARKED = Gauge("feed_parked_events", "Events that failed and wait to be retried.", ["feed"], registry=REGISTRY)
TASK_FAILURES = Counter(
    "task_failures_total", "Runs of a background task that ended in an error.", ["task"], registry=REGISTRY
)

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)
#: (trace id, span id) of W3C Trace Context, hexadecimal.
trace_var: ContextVar[tuple[str, str] | None] = ContextVar("trace", default=None)

_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,128}")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is well-formed, else a new one."""
    if header is not None and _VALID_REQUEST_ID.fullmatch(header):
        return header
    return secrets.token_hex(16)


def join_trace(traceparent: str | None) -> tuple[str, str]:
    """(trace id, new span id). Continues the caller's trace if its `traceparent` is valid (W3C Trace Context)."""
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    trace_id = match[1] if match and match[1] != "0" * 32 else secrets.token_hex(16)
    return trace_id, secrets.token_hex(8)


def traceparent() -> str | None:
    current = trace_var.get()
    return None if current is None else f"00-{current[0]}-{current[1]}-01"


Kind = Literal["request", "call", "statement", "event"]


class Span:
    """One operation of a trace. While it runs, log lines and outgoing calls carry its ids."""

    __slots__ = ("_ids", "_token", "kind", "name")

    def __init__(self, kind: Kind, name: str, ids: tuple[str, str]) -> None:
        self.kind = kind
        self.name = name
        self._ids = ids
        self._token: Token[tuple[str, str] | None] | None = None

    def __enter__(self) -> Span:
        self._token = trace_var.set(self._ids)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        trace_var.reset(self._token)


def span(kind: Kind, name: str, parent: str | None = None) -> Span:
    """A span for an incoming request, an outgoing call, a use of the database or an applied event. `parent` is the
    `traceparent` that was received with it. Without one the span joins the current trace, or starts a new one."""
    current = trace_var.get()
    if parent is None and current is not None:
        return Span(kind, name, (current[0], secrets.token_hex(8)))
    return Span(kind, name, join_trace(parent))


def metrics_text() -> bytes:
    return generate_latest(REGISTRY)


class _JsonLines(logging.Formatter):
    def __init__(self, service: str, instance: str) -> None:
        super().__init__()
        self._service = service
        self._instance = instance

    def format(self, record: logging.LogRecord) -> str:
        trace = trace_var.get()
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "service": self._service,
            "instance": self._instance,
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "trace_id": trace[0] if trace else None,
            "span_id": trace[1] if trace else None,
            "request_id": request_id_var.get(),
        }
        fields = {key: value for key, value in record.__dict__.items() if key in FIELDS}
        if fields:
            line["fields"] = fields
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


class RequestLog:
    """Writes one access log line per request, in the format of the other lines but without the `logging` package, which
    would take longer than anything else in a short request. Lines are buffered for up to 50 ms, so that many go out in
    one write."""

    _FLUSH_S = 0.05
    _FLUSH_LINES = 256

    def __init__(self, service: str, instance: str, level: str = "info") -> None:
        self._enabled = logging.getLevelName(level.upper()) <= logging.INFO
        self._prefix = f'"service":"{service}","instance":"{instance}","level":"info","message":"request"'
        self._buffer: list[str] = []
        self._second = 0
        self._stamp = ""

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Must run in the context of the request, which holds its ids. `method` and `route` are not escaped, so they
        must be names of ours and not text from the client."""
        if not self._enabled:
            return
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._second))
        trace_id, span_id = trace_var.get() or ("", "")
        self._buffer.append(
            f'{{"time":"{self._stamp}.{int(now % 1 * 1000):03d}Z",{self._prefix},"trace_id":"{trace_id}",'
            f'"span_id":"{span_id}","request_id":"{request_id_var.get()}","fields":{{"method":"{method}",'
            f'"route":"{route}","status":{status},"duration_ms":{seconds * 1e3:.2f}}}}}'
        )
        if len(self._buffer) == 1:
            asyncio.get_running_loop().call_later(self._FLUSH_S, self.flush)
        elif len(self._buffer) >= self._FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            sys.stdout.write("\n".join(self._buffer) + "\n")
            sys.stdout.flush()
            self._buffer.clear()


def configure_logging(service: str, instance: str, level: str = "info") -> None:
    """Write every log line of this process to standard output as JSON."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines(service, instance))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "aiohttp.access", "_granian", "granian.access", "stripe"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
