"""A collector that accepts OTLP/HTTP and checks JSON against the published protobuf schema."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict, ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_MESSAGES: dict[str, Any] = {"traces": ExportTraceServiceRequest, "logs": ExportLogsServiceRequest}
_IDS = ("traceId", "spanId", "parentSpanId")


class Collector:
    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.resource: dict[str, Any] = {}
        self.resources: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        #: The status of the next responses.
        self.status = 200
        self.requests = 0
        self.url = ""

    async def accept(self, request: web.Request) -> web.Response:
        self.requests += 1
        body = await request.read()
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        if self.status != 200:
            return web.Response(status=self.status)
        body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        signal = request.match_info["signal"]
        if request.content_type == "application/x-protobuf":
            document = _with_hexadecimal_ids(MessageToDict(_MESSAGES[signal].FromString(body)))
        else:
            document = json.loads(body)
            ParseDict(_with_base64_ids(document), _MESSAGES[signal]())
        for group in document.get("resourceSpans" if signal == "traces" else "resourceLogs"):
            self.resource = attributes(group["resource"])
            self.resources.append(self.resource)
            for scope in group["scopeSpans" if signal == "traces" else "scopeLogs"]:
                self.spans += scope.get("spans", [])
                self.lines += scope.get("logRecords", [])
        return web.json_response({})

    def span(self, name: str) -> dict[str, Any]:
        """The one span of that name."""
        (span,) = (span for span in self.spans if span["name"] == name)
        return span


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    """Attributes as a dict, integers as such."""
    return {one["key"]: _plain(one["value"]) for one in holder["attributes"]}


def _plain(value: dict[str, Any]) -> Any:
    ((kind, plain),) = value.items()
    return int(plain) if kind == "intValue" else plain


def _with_base64_ids(document: Any) -> Any:
    """OTLP's JSON has ids in hexadecimal, protobuf's has bytes in base64."""
    return _map_ids(document, lambda text: base64.b64encode(bytes.fromhex(text)).decode())


def _with_hexadecimal_ids(document: Any) -> Any:
    return _map_ids(document, lambda text: base64.b64decode(text).hex())


def _map_ids(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_map_ids(one, change) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: change(one) if key in _IDS else _map_ids(one, change) for key, one in value.items()}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/{signal}", collector.accept)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
