"""What a gateway needs behind it: OpenAPI documents, an upstream that plays every service, a registry, signing keys."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_ID = "key-1"


def _needing(permission: str) -> dict[str, Any]:
    return {"x-policy": "signed_in", "x-needs": permission}


def _document(paths: Mapping[str, Mapping[str, str | dict[str, Any]]]) -> dict[str, Any]:
    def operation(given: str | dict[str, Any]) -> dict[str, Any]:
        if not isinstance(given, str):
            return given
        return _needing(given) if ":" in given else {"x-policy": given}

    return {
        "openapi": "3.1.0",
        "info": {"title": "example", "version": "1"},
        "paths": {
            path: {method: operation(given) for method, given in operations.items()}
            for path, operations in paths.items()
        },
    }


DOCUMENTS: dict[str, dict[str, Any]] = {
    "user": _document(
        {
            "/.well-known/jwks.json": {"get": "public"},
            "/api/auth/login": {"post": {"x-policy": "public", "x-rate-limit": "sign_in"}},
            "/api/auth/me": {"get": "signed_in", "patch": "signed_in"},
            "/api/users/{id}": {"get": "signed_in", "patch": "users:write"},
        }
    ),
    "product": _document(
        {
            "/api/products": {"get": "optional", "post": "products:write"},
            "/api/products/{id_or_slug}": {"get": "public"},
            "/api/products/{id}": {"put": "products:write", "delete": "products:write"},
            "/api/products/{id}/stock": {"get": "inventory:read", "post": "inventory:adjust"},
            "/api/products/{id}/images": {"post": {**_needing("media:write"), "x-max-body-bytes": 2 * 1024 * 1024}},
            "/api/categories": {"get": "public"},
            "/media/{path:path}": {"get": "public"},
        }
    ),
    "cart": _document({"/api/cart": {"get": "optional"}, "/api/cart/items": {"post": "optional"}}),
    "order": _document(
        {
            "/api/orders": {"get": "signed_in", "post": {"x-policy": "signed_in", "x-rate-limit": "orders"}},
            "/api/orders/{id}": {"get": "signed_in", "put": "orders:fulfil"},
            "/api/orders/quote": {"post": "optional"},
            "/api/orders/stats": {"get": {**_needing("reports:read"), "x-timeout-s": 0.5}},
        }
    ),
    "payment": _document({"/api/payments/webhooks/stripe": {"post": "public"}}),
    "notification": _document({"/api/notifications/settings": {"get": "signed_in"}}),
    "monitoring": _document(
        {
            "/api/monitoring/services": {"get": "monitoring:read"},
            "/api/monitoring/logs/tail": {"get": {**_needing("monitoring:read"), "x-stream": True}},
        }
    ),
}


def write_documents(folder: Path) -> Path:
    for service, document in DOCUMENTS.items():
        (folder / f"{service}.json").write_text(json.dumps(document))
    return folder


def document_with_item(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A document with one operation, whose response is the component `Item` with this schema."""
    response = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}
    operation = {"x-policy": "public", "responses": {"200": response}}
    return {"paths": {f"/api/{name}": {"get": operation}}, "components": {"schemas": {"Item": schema}}}


class SigningKeys:
    """The user service's signing key, and tokens signed with it."""

    def __init__(self, key_id: str = KEY_ID) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.key_id = key_id
        self.public_bytes = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def jwks(self) -> dict[str, Any]:
        x = base64.urlsafe_b64encode(self.public_bytes).rstrip(b"=").decode()
        key = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.key_id, "x": x}
        return {"keys": [key]}

    def claims(self, role: str = "customer", **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": "serai", "aud": "serai", "sub": "u-1", "sid": "s-1", "role": role, "jti": "j-1"}
        return {k: v for k, v in (claims | {"iat": now, "exp": now + 600} | changed).items() if v is not None}

    def token(self, role: str = "customer", *, headers: dict[str, Any] | None = None, **changed: Any) -> str:
        return jwt.encode(
            self.claims(role, **changed),
            self.private,
            algorithm="EdDSA",
            headers={"kid": self.key_id} | (headers or {}),
        )


@dataclass(frozen=True)
class ReceivedRequest:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Upstream:
    """Plays every service: it echoes requests and records them.

    `/api/orders/hold` answers when `release` is set. A query `status=500` sets the status of the response. `/readyz`
    names `service`, or if that is empty the service that was asked for.
    """

    name: str
    jwks: dict[str, Any]
    received: list[ReceivedRequest] = field(default_factory=list)
    healthy: bool = True
    service: str = ""
    port: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> Upstream:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/.well-known/jwks.json", self._jwks)
        app.router.add_get("/api/orders/hold", self._wait)
        app.router.add_get("/api/orders/stats", self._wait)
        app.router.add_get("/api/monitoring/logs/tail", self._stream)
        app.router.add_route("*", "/{path:.*}", self._echo)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        self.release.set()
        await self._runner.cleanup()

    async def _readyz(self, request: web.Request) -> web.Response:
        # Envoy sends the name of the cluster it checks as the host.
        name = self.service or request.host
        headers = {"x-envoy-upstream-healthchecked-cluster": name}
        return web.Response(status=200 if self.healthy else 503, headers=headers)

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self.jwks)

    async def _wait(self, request: web.Request) -> web.Response:
        self.waiting.set()
        await self.release.wait()
        return await self._echo(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await self.release.wait()
        await response.write(b"data: last\n\n")
        return response

    async def _echo(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(ReceivedRequest(request.method, request.raw_path, headers, await request.read()))
        status = int(request.query.get("status", "200"))
        if "large" in request.query:
            return _large(request)
        return web.json_response({"from": self.name, "path": request.raw_path}, status=status)


LARGE = json.dumps([{"name": f"Walnut desk {number}", "price": number} for number in range(200)]).encode()


def _large(request: web.Request) -> web.Response:
    """A response large enough to compress. The query sets its type, its entity tag, and whether it is already
    compressed.
    """
    query = request.query
    tag = query.get("tag", 'W/"1"')
    if request.headers.get("if-none-match") == tag:
        return web.Response(status=304, headers={"etag": tag})
    headers = {"content-type": query.get("type", "application/json"), "etag": tag, "vary": "authorization"}
    body = LARGE[: int(query["large"])] if query["large"] else LARGE
    if "encoded" in query:
        return web.Response(body=gzip.compress(body), headers=headers | {"content-encoding": "gzip"})
    return web.Response(body=body, headers=headers)


class FakeConsul:
    """The part of Consul's HTTP API that the gateway uses: register, heartbeat, deregister, and watch one service."""

    def __init__(self) -> None:
        self._instances: dict[str, dict[str, tuple[str, int]]] = {}
        self._index = 1
        self._changed = asyncio.Condition()
        self.registered: dict[str, dict[str, Any]] = {}
        self.port = 0

    async def start(self) -> FakeConsul:
        app = web.Application()
        app.router.add_get("/v1/health/service/{name}", self._health)
        app.router.add_put("/v1/agent/service/register", self._register)
        app.router.add_put("/v1/agent/service/deregister/{id}", self._deregister)
        app.router.add_put("/v1/agent/{rest:.*}", self._fine)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def set(self, service: str, *upstreams: Upstream) -> None:
        await self.place(service, *(("127.0.0.1", upstream.port) for upstream in upstreams))

    async def place(self, service: str, *addresses: tuple[str, int]) -> None:
        async with self._changed:
            self._instances[service] = {f"{service}-{port}": (host, port) for host, port in addresses}
            self._index += 1
            self._changed.notify_all()

    async def address_of(self, instance: str) -> str:
        """The URL of the instance. Waits until it has registered."""
        async with asyncio.timeout(30):
            while instance not in self.registered:
                await asyncio.sleep(0.02)
        return f"http://127.0.0.1:{self.registered[instance]['Port']}"

    async def _health(self, request: web.Request) -> web.Response:
        name, received = request.match_info["name"], int(request.query.get("index", "0"))
        async with self._changed:
            try:
                async with asyncio.timeout(5):
                    await self._changed.wait_for(lambda: self._index > received)
            except TimeoutError:
                pass
            response = [
                {
                    "Node": {"Address": host},
                    "Service": {"ID": id_, "Service": name, "Address": host, "Port": port, "Meta": {}},
                    "Checks": [{"CheckID": f"service:{id_}", "Status": "passing"}],
                }
                for id_, (host, port) in self._instances.get(name, {}).items()
            ]
            return web.json_response(response, headers={"X-Consul-Index": str(self._index)})

    async def _register(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.registered[body["ID"]] = body
        return web.Response()

    async def _deregister(self, request: web.Request) -> web.Response:
        self.registered.pop(request.match_info["id"], None)
        return web.Response()

    async def _fine(self, _: web.Request) -> web.Response:
        return web.Response()
