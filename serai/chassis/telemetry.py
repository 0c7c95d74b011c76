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
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from serai.chassis import tracing

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

#: Lines of successful requests that one process exports per second, beside those of chosen traces.
LINES_PER_S = 50.0
LINES_NOT_EXPORTED = Counter(
    "request_log_lines_not_exported_total",
    "Lines of successful requests beyond the budget. They are in the log of the process only.",
    registry=REGISTRY,
)

request_id_var: ContextVar[str | None] = ContextVar("request_id", default=None)

_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{8,128}")


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is well-formed, else a new one."""
    if header is not None and _VALID_REQUEST_ID.fullmatch(header):
        return header
    return secrets.token_hex(16)


def metrics_text() -> bytes:
    return generate_latest(REGISTRY)


class Line(msgspec.Struct, gc=False):
    """A log line of this process, for export. `time_ns` is in nanoseconds since 1970."""

    time_ns: int
    level: str
    message: str
    trace_id: str | None
    span_id: str | None
    request_id: str | None
    fields: dict[str, Any]
    exception: str | None = None


class LineSink(Protocol):
    """Where log lines go, beside standard output."""

    def add_line(self, line: Line) -> None: ...


class _JsonLines(logging.Formatter):
    def __init__(self, service: str, instance: str, sink: LineSink | None) -> None:
        super().__init__()
        self._service = service
        self._instance = instance
        self._sink = sink

    def format(self, record: logging.LogRecord) -> str:
        trace_id, span_id = tracing.ids() or (None, None)
        line = Line(
            int(record.created * 1e9),
            record.levelname.lower(),
            record.getMessage(),
            trace_id,
            span_id,
            request_id_var.get(),
            {key: value for key, value in record.__dict__.items() if key in FIELDS},
            self.formatException(record.exc_info) if record.exc_info else None,
        )
        if self._sink is not None:
            self._sink.add_line(line)
        document: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "service": self._service,
            "instance": self._instance,
            "level": line.level,
            "message": line.message,
            "trace_id": trace_id,
            "span_id": span_id,
            "request_id": line.request_id,
        }
        if line.fields:
            document["fields"] = line.fields
        if line.exception is not None:
            document["exception"] = line.exception
        return msgspec.json.encode(document, enc_hook=str).decode()


class RequestLog:
    """Writes one access log line per request, in the format of the other lines but without the `logging` package, which
    would take longer than anything else in a short request. Lines are buffered for up to 50 ms, so that many go out in
    one write.

    All lines go to standard output. Under load only a share is exported: those of failed requests, those of traces that
    were chosen, and `lines_per_s` others.
    """

    _FLUSH_S = 0.05
    _FLUSH_LINES = 256

    def __init__(
        self,
        service: str,
        instance: str,
        level: str = "info",
        sink: LineSink | None = None,
        lines_per_s: float = LINES_PER_S,
    ) -> None:
        self._sink = sink
        self._budget = tracing.Budget(lines_per_s)
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
        trace_id, span_id = tracing.ids() or ("", "")
        request_id = request_id_var.get()
        self._buffer.append(
            f'{{"time":"{self._stamp}.{int(now % 1 * 1000):03d}Z",{self._prefix},"trace_id":"{trace_id}",'
            f'"span_id":"{span_id}","request_id":"{request_id}","fields":{{"method":"{method}",'
            f'"route":"{route}","status":{status},"duration_ms":{seconds * 1e3:.2f}}}}}'
        )
        if self._sink is not None:
            if status >= 500 or tracing.is_chosen() or self._budget.take():
                fields = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1e3, 2)}
                line = Line(int(now * 1e9), "info", "request", trace_id or None, span_id or None, request_id, fields)
                self._sink.add_line(line)
            else:
                LINES_NOT_EXPORTED.inc()
        if len(self._buffer) == 1:
            asyncio.get_running_loop().call_later(self._FLUSH_S, self.flush)
        elif len(self._buffer) >= self._FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        if self._buffer:
            sys.stdout.write("\n".join(self._buffer) + "\n")
            sys.stdout.flush()
            self._buffer.clear()


def configure_logging(service: str, instance: str, level: str = "info", sink: LineSink | None = None) -> None:
    """Write every log line of this process to standard output as JSON, and hand it to `sink`."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines(service, instance, sink))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "aiohttp.access", "_granian", "granian.access", "stripe"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
