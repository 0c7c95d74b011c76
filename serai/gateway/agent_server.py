"""The agent's HTTP server: probes, metrics, the API reference and the OpenAPI documents.

Envoy routes only the reference and the documents. Probes and metrics are reachable at this process's address only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from serai.chassis import telemetry
from serai.chassis.errors import NotFound
from serai.gateway.openapi_documents import Document

#: Allows no script, and no resource of another origin.
_CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # noqa: E501


class AgentServer:
    def __init__(self, *, html: str, css: str, merged: Document, documents: Mapping[str, Document]) -> None:
        self._html = html.encode()
        self._css = css.encode()
        self._merged = msgspec.json.encode(merged)
        self._documents = {f"{name}.json": msgspec.json.encode(document) for name, document in documents.items()}
        self._runner: web.AppRunner | None = None

    async def listen(
        self,
        bind: str,
        *,
        ready: Callable[[], Awaitable[bool]],
        detail: Callable[[], Awaitable[Mapping[str, Any]]],
        envoy_metrics: Callable[[], Awaitable[str]],
        extra_routes: Iterable[web.RouteDef] = (),
    ) -> tuple[str, int]:
        """Listens at `bind` (host:port) and returns the address in use. Raises OSError if it is taken.

        `/readyz` answers by `ready` and includes what `detail` returns; `detail` does not change its status.
        """
        self._ready = ready
        self._detail = detail
        self._envoy_metrics = envoy_metrics
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/docs", self._reference),
                web.get("/docs/reference.css", self._style),
                web.get("/openapi.json", self._merged_document),
                web.get("/openapi/{document}", self._service_document),
                *extra_routes,
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, keepalive_timeout=30.0)
        await self._runner.setup()
        host, _, port = bind.rpartition(":")
        site = web.TCPSite(self._runner, host.strip("[]"), int(port))
        await site.start()
        address = self._runner.addresses[0]
        return address[0], address[1]

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = await self._ready()
        body = {"status": "ok" if ready else "not ready", **await self._detail()}
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        envoy_metrics = (await self._envoy_metrics()).encode()
        return web.Response(body=telemetry.metrics_text() + envoy_metrics, content_type="text/plain", charset="utf-8")

    async def _reference(self, _: web.Request) -> web.Response:
        return self._static(self._html, "text/html", {"content-security-policy": _CSP})

    async def _style(self, _: web.Request) -> web.Response:
        return self._static(self._css, "text/css")

    async def _merged_document(self, _: web.Request) -> web.Response:
        return self._static(self._merged, "application/json")

    async def _service_document(self, request: web.Request) -> web.Response:
        found = self._documents.get(request.match_info["document"])
        if found is None:
            return self._not_found(request)
        return self._static(found, "application/json")

    def _static(self, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> web.Response:
        return web.Response(
            body=body,
            content_type=content_type,
            charset=None if content_type == "application/json" else "utf-8",
            headers={"cache-control": "no-cache", **(headers or {})},
        )

    def _not_found(self, request: web.Request) -> web.Response:
        document = NotFound().document(telemetry.request_id_from(request.headers.get("x-request-id")))
        return web.Response(body=msgspec.json.encode(document), status=404, content_type="application/problem+json")
