"""What may be called from outside: read from the services' OpenAPI documents, never written twice.

Nothing is routed that no document names. An operation without a policy, or two services that claim one path, is an
error of the build and not a guess at run time.
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
#: Paths that belong to the edge itself or must never leave a service, whatever a document says.
_RESERVED = ("/internal", "/metrics", "/livez", "/readyz", "/healthz", "/docs", "/openapi")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*(:path)?\}")

DEFAULT_TIMEOUT_S = 15.0
#: A request or an answer that stands still for so long is given up, so no route can promise to wait longer.
SILENCE_S = 60
#: A body is held in memory until it is whole.
MAX_BODY_BYTES = 32 * 1024 * 1024
#: The cluster behind the pages that the agent serves itself.
AGENT = "gateway"
#: The service that sends the client application's files, compressed as they were built.
WEB = "web"


class RouteError(Exception):
    """A document that cannot be turned into routes."""


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    service: str
    policy: Policy
    #: Class of rate limit, None for none.
    limit: str | None = None
    #: The permission without which a user is refused, None for none.
    needs: str | None = None
    #: The permissions by which it does more than for everybody; its service looks at them.
    more_with: tuple[str, ...] = ()
    timeout_s: float = DEFAULT_TIMEOUT_S
    max_body_bytes: int | None = None
    #: An answer that goes on for as long as somebody listens: no deadline.
    stream: bool = False

    @property
    def retriable(self) -> bool:
        """Whether an answer of 502, 503 or 504 may be tried on another instance; never what may move money."""
        return self.method in ("GET", "HEAD")

    @property
    def compressed(self) -> bool:
        """Whether an answer may be compressed: what is read, but not what must arrive line by line. Answers to writes
        are small, and hold secrets (tokens) that must not change an answer's length along with what a client sent."""
        return self.method == "GET" and not self.stream and self.service != WEB


@dataclass(frozen=True, slots=True)
class Path:
    """All routes of one shape of path, whatever their parameters are called."""

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
        """The value of `Allow` for a method that is not there."""
        return ", ".join(sorted({route.method for route in self.routes}))

    @property
    def regex(self) -> str:
        """Matches exactly this path, from its first to its last character."""
        return "".join(f"/{_segment_regex(segment)}" for segment in self.segments)

    @property
    def stem(self) -> str:
        """The fixed beginning, two segments at most: paths are looked up by it before any expression is tried."""
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
    """Raises `RouteError` for a class of limit without figures: a misspelt one would mean no limit at all."""
    classes = set(known)
    unknown = [
        f"{route.service}: {route.method} {route.template}: x-rate-limit {route.limit!r}"
        for route in routes
        if route.limit is not None and route.limit not in classes
    ]
    if unknown:
        raise RouteError(f"{'; '.join(unknown)}: there are {', '.join(sorted(classes))}")


def client_document(templates: Iterable[str]) -> dict[str, Any]:
    """The addresses of the client application in the shape of a service's document, so that they keep to the same
    rules: anybody may read there, and nothing else is done there."""
    reads = {method: {"x-policy": "public"} for method in ("get", "head")}
    return {"paths": dict.fromkeys(templates, reads)}


def edge_routes() -> list[Route]:
    """What needs no service: whether the edge is up, the API reference and its documents."""
    templates = ("/healthz", "/docs", "/docs/{asset}", "/openapi.json", "/openapi/{document}")
    return [Route(method, template, AGENT, "public") for template in templates for method in ("GET", "HEAD")]


def paths(routes: Iterable[Route]) -> list[Path]:
    """Routes gathered by shape of path, the more specific first: a fixed segment goes before a parameter."""
    shapes: dict[str, list[Route]] = {}
    for route in routes:
        shapes.setdefault(_shape(route.template), []).append(route)
    gathered = [Path(found[0].template, tuple(found)) for found in shapes.values()]
    return sorted(gathered, key=lambda path: tuple(_rank(segment) for segment in path.segments))


def stems(gathered: Iterable[Path]) -> dict[str, list[Path]]:
    """Paths by stem, each list complete: a path that a longer stem would hide is in that list too."""
    known = list(gathered)
    found: dict[str, list[Path]] = {}
    for stem in sorted({path.stem for path in known}):
        found[stem] = [
            path
            for path in known
            if path.stem == stem
            or (path.literal and path.template.startswith(stem))
            or (not path.literal and stem.startswith(path.stem))
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
    if not 0 < timeout_s <= SILENCE_S:
        raise RouteError(f"x-timeout-s is {timeout_s:g}, not within 0 and {SILENCE_S}")
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
