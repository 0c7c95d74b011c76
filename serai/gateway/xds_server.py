"""The xDS server (REST variant) for Envoys that the agent does not run, on this machine or another.

It serves the same resources that the local Envoy reads from files. An Envoy polls with the version it has and gets
either the new resources or 304. The resources contain every service's address, so a token is required; from another
machine it must be the xDS server's own token.
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
from serai.gateway.envoy_resources import Resource, Resources

#: An Envoy lists every extension it was built with in each request: about 60 kB.
MAX_REQUEST_BYTES = 512 * 1024

_CONFIG = "type.googleapis.com/envoy.config."
#: For each path: the type of its resources, and the member that holds a resource's name.
_KINDS = {
    "clusters": (_CONFIG + "cluster.v3.Cluster", "name"),
    "endpoints": (_CONFIG + "endpoint.v3.ClusterLoadAssignment", "cluster_name"),
    "extension_configs": (_CONFIG + "core.v3.TypedExtensionConfig", "name"),
    "routes": (_CONFIG + "route.v3.RouteConfiguration", "name"),
    "listeners": (_CONFIG + "listener.v3.Listener", "name"),
}


class _Request(msgspec.Struct):
    """The members of a DiscoveryRequest that are used."""

    version_info: str = ""
    type_url: str = ""
    resource_names: list[str] = []


class XdsServer:
    def __init__(self, *, token: str, registry_token: str) -> None:
        """`token` is accepted from anywhere, `registry_token` from this machine only. Without either the server is
        disabled.
        """
        self._token = token
        self._registry_token = registry_token
        self._build: Callable[[], Resources] | None = None
        self._cache: dict[str, dict[str, str]] = {}

    @property
    def enabled(self) -> bool:
        return bool(self._token or self._registry_token)

    def update(self, build: Callable[[], Resources]) -> None:
        """Sets what is served. `build` is called once, at the first request."""
        self._build = build
        self._cache = {}

    def _resources_of(self, kind: str) -> dict[str, str]:
        """The resources of a kind as JSON, by name. Raises `Unavailable` before the first `update`."""
        if self._build is None:
            raise Unavailable("Nothing is known yet.")
        if not self._cache:
            built = self._build()
            self._cache = {
                "clusters": _by_name("clusters", built.clusters),
                "endpoints": _by_name("endpoints", built.endpoints.values()),
                "extension_configs": _by_name("extension_configs", built.extensions),
                "routes": _by_name("routes", built.routes),
                "listeners": _by_name("listeners", built.listeners),
            }
        return self._cache[kind]

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"/v3/discovery:{kind}", self._handler(kind)) for kind in _KINDS]

    def _handler(self, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            try:
                self._authorize(request)
                return self._respond(kind, await _read(request))
            except Problem as problem:
                document = problem.document(telemetry.request_id_from(request.headers.get("x-request-id")))
                return web.Response(
                    body=msgspec.json.encode(document),
                    status=problem.status,
                    content_type="application/problem+json",
                    headers=problem.headers(),
                )

        return handler

    def _authorize(self, request: web.Request) -> None:
        if not self.enabled:
            raise NotFound
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("This needs the token of the xDS server.")
        if _tokens_match(given, self._token):
            return
        if not _tokens_match(given, self._registry_token):
            raise Unauthenticated("This is not the token of the xDS server.")
        if not _is_local(request):
            raise Forbidden("From another machine this needs a token of its own (SERAI_XDS_TOKEN).")

    def _respond(self, kind: str, discovery: _Request) -> web.Response:
        type_url, _ = _KINDS[kind]
        if discovery.type_url not in ("", type_url):
            raise BadRequest(f"{discovery.type_url} is not the type of this path, which is {type_url}.")
        names = set(discovery.resource_names)
        everything = not names or "*" in names
        found = [text for name, text in self._resources_of(kind).items() if everything or name in names]
        content = f"[{','.join(found)}]"
        version = sha256(content.encode()).hexdigest()[:32]
        if version == discovery.version_info:
            return web.Response(status=304)
        nonce = secrets.token_hex(8)
        head = json.dumps({"version_info": version, "type_url": type_url, "nonce": nonce})
        return web.Response(text=f'{head[:-1]}, "resources": {content}}}', content_type="application/json")


def _by_name(kind: str, resources: Iterable[Resource]) -> dict[str, str]:
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


def _tokens_match(given: str, token: str) -> bool:
    return bool(token) and hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode())


def _is_local(request: web.Request) -> bool:
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
