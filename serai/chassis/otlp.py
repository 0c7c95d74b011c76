"""Sends spans and log lines to a collector as OTLP over HTTP, in its JSON encoding.

Nothing here makes a request of the shop wait or fail. Entries are collected in bounded queues and sent once a second by
a background task. While the collector does not answer they wait; when a queue is full, new entries are dropped and
counted. The specification is OpenTelemetry's OTLP 1.x (opentelemetry.io/docs/specs/otlp), the settings are its
environment variables.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import aiohttp
import msgspec
from prometheus_client import Counter

from serai.chassis import telemetry
from serai.chassis.tracing import Kind, Span

log = logging.getLogger(__name__)

Signal = Literal["traces", "logs"]

#: Spans or lines that wait to be sent, and those of one request.
MAX_QUEUED, MAX_BATCH = 8192, 1024
INTERVAL_S, TIMEOUT_S = 1.0, 5.0
#: How long a process that stops tries to send what is left.
LAST_FLUSH_S = 2.0
_MAX_PAUSE_S = 30.0
#: Responses after which the same request may succeed later (OTLP, "Retryable response codes").
_RETRYABLE = frozenset({429, 502, 503, 504})

DROPPED = Counter(
    "otlp_dropped_total",
    "Spans and log lines that did not reach the collector.",
    ["signal"],
    registry=telemetry.REGISTRY,
)

#: SpanKind of the specification.
_KINDS: dict[Kind, int] = {"job": 1, "request": 2, "call": 3, "statement": 3, "event": 5}
#: SeverityNumber of the specification.
_SEVERITIES = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}


class Exporter:
    """Sends the spans and log lines of one process."""

    def __init__(
        self, endpoint: str, resource: Mapping[str, str], *, headers: Mapping[str, str] | None = None, compress: bool
    ) -> None:
        """`endpoint` is the base URL of the collector. `resource` describes this process (`service.name`, ...)."""
        self._urls: dict[Signal, str] = {signal: f"{endpoint.rstrip('/')}/v1/{signal}" for signal in ("traces", "logs")}
        self._resource = {"attributes": _attributes(resource)}
        self._headers = {**(headers or {}), "content-type": "application/json"}
        self._compress = compress
        if compress:
            self._headers["content-encoding"] = "gzip"
        self._queues: dict[Signal, deque[Any]] = {"traces": deque(), "logs": deque()}
        self._session: aiohttp.ClientSession | None = None
        self._reachable = True

    def add_spans(self, spans: Sequence[Span]) -> None:
        self._add("traces", spans)

    def add_line(self, line: telemetry.Line) -> None:
        self._add("logs", [line])

    def _add(self, signal: Signal, entries: Sequence[Any]) -> None:
        queue = self._queues[signal]
        room = max(MAX_QUEUED - len(queue), 0)
        queue.extend(entries[:room])
        if len(entries) > room:
            DROPPED.labels(signal).inc(len(entries) - room)

    async def run(self) -> None:
        """Send until cancelled."""
        pause = INTERVAL_S
        while True:
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))
            pause = INTERVAL_S if await self.flush() else min(pause * 2, _MAX_PAUSE_S)

    async def close(self) -> None:
        """Send what is left, for at most `LAST_FLUSH_S` seconds."""
        try:
            async with asyncio.timeout(LAST_FLUSH_S):
                await self.flush()
        except TimeoutError:
            pass
        if self._session is not None:
            await self._session.close()

    async def flush(self) -> bool:
        """Send all queued entries. False when the collector could not take them; they stay queued."""
        return all([await self._flush(signal) for signal in self._queues])

    async def _flush(self, signal: Signal) -> bool:
        queue = self._queues[signal]
        while queue:
            batch = [queue[at] for at in range(min(len(queue), MAX_BATCH))]
            if not await self._send(signal, batch):
                return False
            for _ in batch:
                queue.popleft()
        return True

    async def _send(self, signal: Signal, batch: Sequence[Any]) -> bool:
        """Whether the batch is done with: accepted, or refused for good."""
        document = self._traces(batch) if signal == "traces" else self._logs(batch)
        body = msgspec.json.encode(document)
        if self._compress:
            body = gzip.compress(body, 1)
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        try:
            async with self._session.post(self._urls[signal], data=body, headers=self._headers) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._report(f"{type(error).__name__} {error}")
            return False
        if status in _RETRYABLE:
            self._report(f"it answers {status}")
            return False
        if status >= 400:
            DROPPED.labels(signal).inc(len(batch))
            self._report(f"it refuses {signal} with {status}")
            return True
        if not self._reachable:
            self._reachable = True
            log.info("the collector accepts telemetry again")
        return True

    def _report(self, reason: str) -> None:
        """One line when the collector fails, not one for each attempt."""
        if self._reachable:
            self._reachable = False
            log.warning("the collector does not accept telemetry: %s", reason)

    def _traces(self, spans: Sequence[Span]) -> dict[str, Any]:
        scope = {"scope": {"name": "serai"}, "spans": [_span(span) for span in spans]}
        return {"resourceSpans": [{"resource": self._resource, "scopeSpans": [scope]}]}

    def _logs(self, lines: Sequence[telemetry.Line]) -> dict[str, Any]:
        scope = {"scope": {"name": "serai"}, "logRecords": [_record(line) for line in lines]}
        return {"resourceLogs": [{"resource": self._resource, "scopeLogs": [scope]}]}


def _span(span: Span) -> dict[str, Any]:
    document: dict[str, Any] = {
        "traceId": span.trace.id,
        "spanId": span.id,
        "name": span.name,
        "kind": _KINDS[span.kind],
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "flags": int(span.trace.chosen),
    }
    if span.parent_id is not None:
        document["parentSpanId"] = span.parent_id
    if span.failed:
        document["status"] = {"code": 2}
    if span.link is not None:
        document["links"] = [{"traceId": span.link[0], "spanId": span.link[1]}]
    return document


def _record(line: telemetry.Line) -> dict[str, Any]:
    attributes = dict(line.fields)
    if line.request_id:
        attributes["request_id"] = line.request_id
    if line.exception:
        attributes["exception.stacktrace"] = line.exception
    record: dict[str, Any] = {
        "timeUnixNano": str(line.time_ns),
        "severityNumber": _SEVERITIES.get(line.level, 0),
        "severityText": line.level,
        "body": {"stringValue": line.message},
        "attributes": _attributes(attributes),
    }
    if line.trace_id and line.span_id:
        record["traceId"], record["spanId"] = line.trace_id, line.span_id
    return record


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Any) -> dict[str, Any]:
    """AnyValue. 64-bit integers are decimal strings in JSON."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
