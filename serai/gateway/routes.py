"""The routes that clients may call, read from the services' OpenAPI documents.

Only operations in a document are routed. An operation without a policy, or a path that two services claim, is an error
at build time and at start.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from serai.permissions import roles_with

Policy = Literal["public", "optional", "signed_in"]
_POLICIES = ("public", "optional", "signed_in")
_METHODS = ("get", "head", "post", "put", "patch", "delete")
#: Paths of the gateway itself, or internal paths of services. A document may not contain them.
_RESERVED = ("/internal", "/metrics", "/livez", "/readyz", "/healthz", "/docs", "/openapi")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*(:path)?\}")

DEFAULT_TIMEOUT_S = 15.0
#: Envoy's stream idle timeout: a request or response without progress for this long fails. No route's timeout may
#: exceed it.
IDLE_TIMEOUT_S = 60
#: The largest body any route may accept. Envoy holds a body in memory until it is complete.
MAX_BODY_BYTES = 32 * 1024 * 1024
#: The cluster of the agent's HTTP server.
AGENT = "gateway"
#: The service of the client application's files, which are compressed at build time.
WEB = "web"


class RouteError(Exception):
    """A document that cannot be turned into routes."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    service: str
    policy: Policy
    #: The class of rate limit; None for the default class.
    limit: str | None = None
    #: The permission without which a user is refused; None for none.
    needs: str | None = None
    #: Permissions with which the operation returns or allows more. The service checks them, not the gateway.
    more_with: tuple[str, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_body_bytes: int | None = None
    #: A streaming response, which has no deadline.
    stream: bool = False

    @property
    def retriable(self) -> bool:
        """Whether the request may be retried on another instance after 502, 503 or 504. Writes may move money, so never
        those.
        """
        return self.method in ("GET", "HEAD")

    @property
    def compressed(self) -> bool:
        """Whether responses may be compressed: those of GET, but not streams, which must arrive line by line.

        Responses to writes are small, and contain secrets (tokens): compressed together with the client's input, their
        length would reveal them (BREACH).
        """
        return self.method == "GET" and not self.stream and self.service != WEB


@dataclass(frozen=True, slots=True)
class Path:
    """The routes whose paths differ only in the names of their parameters."""

    template: str
    routes: tuple[Route, ...]

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.template.strip("/").split("/"))

    @property
    def literal(self) -> bool:
        return "{" not in self.template

    @property
    def allow(self) -> str:
        """The `Allow` header of a 405 response."""
        return ", ".join(sorted({route.method for route in self.routes}))

    @property
    def regex(self) -> str:
        """An expression that matches exactly this path."""
        return "".join(f"/{_segment_regex(segment)}" for segment in self.segments)

    @property
    def prefix(self) -> str:
        """The literal beginning, at most two segments. Envoy looks paths up by it before it tries expressions."""
        fixed: list[str] = []
        for segment in self.segments[:2]:
            if segment.startswith("{"):
                break
            fixed.append(segment)
        return "/" + "/".join(fixed)


def service_routes(documents: Mapping[str, Mapping[str, Any]]) -> list[Route]:
    """The routes of all services, from their OpenAPI documents by service name. Raises `RouteError`."""
    problems: list[str] = []
    routes: list[Route] = []
    owners: dict[tuple[str, str], str] = {}
    for service, document in sorted(documents.items()):
        for template, item in document.get("paths", {}).items():
            for method in _METHODS:
                if method not in item:
                    continue
                name = f"{service}: {method.upper()} {template}"
                try:
                    route = _route(service, template, method, item[method])
                except RouteError as error:
                    problems.append(f"{name}: {error}")
                    continue
                owner = owners.setdefault((route.method, _shape(template)), service)
                if owner != service:
                    problems.append(f"{name}: {owner} has this path already")
                    continue
                routes.append(route)
    if problems:
        raise RouteError("; ".join(problems))
    return routes


def check_limits(routes: Iterable[Route], known: Iterable[str]) -> None:
    """Raises `RouteError` for an unknown class of rate limit: a misspelt one would mean no limit."""
    classes = set(known)
    unknown = [
        f"{route.service}: {route.method} {route.template}: x-rate-limit {route.limit!r}"
        for route in routes
        if route.limit is not None and route.limit not in classes
    ]
    if unknown:
        raise RouteError(f"{'; '.join(unknown)}: there are {', '.join(sorted(classes))}")


def client_document(templates: Iterable[str]) -> dict[str, Any]:
    """The paths of the client application as a document like a service's, so that the same checks apply. They are
    public and accept GET and HEAD only.
    """
    reads = {method: {"x-policy": "public"} for method in ("get", "head")}
    return {"paths": dict.fromkeys(templates, reads)}


def edge_routes() -> list[Route]:
    """The gateway's own routes: its health, the API reference and the OpenAPI documents."""
    templates = ("/healthz", "/docs", "/docs/{asset}", "/openapi.json", "/openapi/{document}")
    return [Route(method, template, AGENT, "public") for template in templates for method in ("GET", "HEAD")]


def paths(routes: Iterable[Route]) -> list[Path]:
    """Routes grouped by path, the more specific first: a literal segment comes before a parameter."""
    shapes: dict[str, list[Route]] = {}
    for route in routes:
        shapes.setdefault(_shape(route.template), []).append(route)
    gathered = [Path(found[0].template, tuple(found)) for found in shapes.values()]
    return sorted(gathered, key=lambda path: tuple(_rank(segment) for segment in path.segments))


def paths_by_prefix(paths: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by prefix. Envoy uses only the longest matching prefix, so its list also has the matching paths of shorter
    ones.
    """
    known = list(paths)
    found: dict[str, list[Path]] = {}
    for prefix in sorted({path.prefix for path in known}):
        found[prefix] = [
            path
            for path in known
            if path.prefix == prefix
            or (path.literal and path.template.startswith(prefix))
            or (not path.literal and prefix.startswith(path.prefix))
        ]
    return found


def _route(service: str, template: str, method: str, operation: Mapping[str, Any]) -> Route:
    segments = template[1:].split("/") if template != "/" else []
    if not template.startswith("/") or not all(map(_SEGMENT.fullmatch, segments)):
        raise RouteError("not a path template")
    if template.startswith("/{"):
        raise RouteError("begins with a parameter, so it would take other services' paths")
    if any(template == reserved or template.startswith(reserved + "/") for reserved in _RESERVED):
        raise RouteError("is not for the outside")
    if "/{" in template and ":path}" in template and not template.endswith(":path}"):
        raise RouteError("only the last parameter can take the rest of the path")
    policy = operation.get("x-policy")
    if policy not in _POLICIES:
        raise RouteError(f"x-policy is {policy!r}, not one of {', '.join(_POLICIES)}")
    needs = _typed(operation, "x-needs", str)
    if needs is not None and policy != "signed_in":
        raise RouteError(f"x-needs goes with x-policy signed_in, not {policy}")
    if needs is not None and not roles_with(needs):
        raise RouteError(f"x-needs is {needs!r}, which no role has")
    timeout_s = float(_typed(operation, "x-timeout-s", int, float) or DEFAULT_TIMEOUT_S)
    if not 0 < timeout_s <= IDLE_TIMEOUT_S:
        raise RouteError(f"x-timeout-s is {timeout_s:g}, not within 0 and {IDLE_TIMEOUT_S}")
    max_body_bytes = _typed(operation, "x-max-body-bytes", int)
    if max_body_bytes is not None and not 0 < max_body_bytes <= MAX_BODY_BYTES:
        raise RouteError(f"x-max-body-bytes is {max_body_bytes}, not within 1 and {MAX_BODY_BYTES}")
    return Route(
        method=method.upper(),
        template=template,
        service=service,
        policy=cast("Policy", policy),
        limit=_typed(operation, "x-rate-limit", str),
        needs=needs,
        more_with=tuple(_typed(operation, "x-more-with", list) or ()),
        timeout_s=timeout_s,
        max_body_bytes=max_body_bytes,
        stream=bool(_typed(operation, "x-stream", bool)),
    )


def _typed(operation: Mapping[str, Any], name: str, *kinds: type) -> Any:
    value = operation.get(name)
    if value is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise RouteError(f"{name} is {value!r}")
    return value


def _shape(template: str) -> str:
    return re.sub(r"\{[^}:]+(:path)?\}", r"{\1}", template)


def _rank(segment: str) -> tuple[int, str]:
    if not segment.startswith("{"):
        return 0, segment
    return (2, "") if segment.endswith(":path}") else (1, "")


def _segment_regex(segment: str) -> str:
    if not segment.startswith("{"):
        return re.escape(segment)
    return ".+" if segment.endswith(":path}") else "[^/]+"
