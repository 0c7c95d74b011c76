"""The discovery outlet: Envoy's REST dialect of xDS over the same resources that the Envoy beside the agent reads.

For an Envoy that the agent does not run: one that an operator has already, on this machine or another. It asks every
so often with the version it has, and is told what changed or that nothing did. Whoever may ask learns every service's
address, so it takes a token, and from another machine one that was made for this.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256

import msgspec
from aiohttp import web

from serai.chassis import telemetry
from serai.chassis.errors import BadRequest, Forbidden, NotFound, Problem, TooLarge, Unauthenticated, Unavailable
from serai.gateway.envoy import Resource, Resources

#: An Envoy names every extension it was built with; that is some 60 kB.
MAX_REQUEST_BYTES = 512 * 1024

_CONFIG = "type.googleapis.com/envoy.config."
#: What each path gives: its type, and the member by which a resource is asked for.
_KINDS = {
    "clusters": (_CONFIG + "cluster.v3.Cluster", "name"),
    "endpoints": (_CONFIG + "endpoint.v3.ClusterLoadAssignment", "cluster_name"),
    "extension_configs": (_CONFIG + "core.v3.TypedExtensionConfig", "name"),
    "routes": (_CONFIG + "route.v3.RouteConfiguration", "name"),
    "listeners": (_CONFIG + "listener.v3.Listener", "name"),
}


class _Request(msgspec.Struct):
    """As much of a DiscoveryRequest as we heed."""

    version_info: str = ""
    type_url: str = ""
    resource_names: list[str] = []


class Outlet:
    def __init__(self, *, token: str, registry_token: str) -> None:
        """`token` lets in from anywhere, `registry_token` from this machine; without either there is no outlet."""
        self._token = token
        self._registry_token = registry_token
        self._make: Callable[[], Resources] | None = None
        self._made: dict[str, dict[str, str]] = {}

    @property
    def wanted(self) -> bool:
        return bool(self._token or self._registry_token)

    def offer(self, make: Callable[[], Resources]) -> None:
        """What is served from now on; made once, and only if somebody asks."""
        self._make = make
        self._made = {}

    def _offered(self, kind: str) -> dict[str, str]:
        """By name, as JSON. Raises `Unavailable`."""
        if self._make is None:
            raise Unavailable("Nothing is known yet.")
        if not self._made:
            made = self._make()
            self._made = {
                "clusters": _named("clusters", made.clusters),
                "endpoints": _named("endpoints", made.endpoints.values()),
                "extension_configs": _named("extension_configs", made.extensions),
                "routes": _named("routes", made.routes),
                "listeners": _named("listeners", made.listeners),
            }
        return self._made[kind]

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"/v3/discovery:{kind}", self._guarded(kind)) for kind in _KINDS]

    def _guarded(self, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                self._admit(request)
                return self._answer(kind, await _read(request))
            except Problem as problem:
                document = problem.document(telemetry.request_id_from(request.headers.get("x-request-id")))
                return web.Response(
                    body=msgspec.json.encode(document),
                    status=problem.status,
                    content_type="application/problem+json",
                    headers=problem.headers(),
                )

        return handler

    def _admit(self, request: web.Request) -> None:
        if not self.wanted:
            raise NotFound
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("This needs the token of the discovery outlet.")
        if _same(given, self._token):
            return
        if not _same(given, self._registry_token):
            raise Unauthenticated("This is not the token of the discovery outlet.")
        if not _is_local(request):
            raise Forbidden("From another machine this needs a token of its own (SERAI_XDS_TOKEN).")

    def _answer(self, kind: str, asked: _Request) -> web.Response:
        type_url, _ = _KINDS[kind]
        if asked.type_url not in ("", type_url):
            raise BadRequest(f"{asked.type_url} is not what is found here, which is {type_url}.")
        names = set(asked.resource_names)
        everything = not names or "*" in names
        found = [text for name, text in self._offered(kind).items() if everything or name in names]
        content = f"[{','.join(found)}]"
        version = sha256(content.encode()).hexdigest()[:32]
        if version == asked.version_info:
            return web.Response(status=304)
        nonce = secrets.token_hex(8)
        head = json.dumps({"version_info": version, "type_url": type_url, "nonce": nonce})
        return web.Response(text=f'{head[:-1]}, "resources": {content}}}', content_type="application/json")


def _named(kind: str, resources: Iterable[Resource]) -> dict[str, str]:
    _, key = _KINDS[kind]
    return {resource[key]: json.dumps(resource, separators=(",", ":"), sort_keys=True) for resource in resources}


async def _read(request: web.Request) -> _Request:
    body = await request.content.read(MAX_REQUEST_BYTES + 1)
    while not request.content.at_eof() and len(body) <= MAX_REQUEST_BYTES:
        body += await request.content.read(MAX_REQUEST_BYTES + 1 - len(body))
    if len(body) > MAX_REQUEST_BYTES:
        raise TooLarge
    try:
        return msgspec.json.decode(body, type=_Request)
    except msgspec.MsgspecError as error:
        raise BadRequest(f"Not a DiscoveryRequest: {error}") from error


def _same(given: str, token: str) -> bool:
    return bool(token) and hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())


def _is_local(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
