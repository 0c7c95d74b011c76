"""`docs/routes.md`: who may call what and how often, written from the same routes that the edge is made of."""

from __future__ import annotations

from collections.abc import Iterable

from serai.gateway.filters import ENCODINGS
from serai.gateway.limits import Limit
from serai.gateway.listener import MAX_HEADERS, MAX_HEADERS_KIB, MAX_STREAMS
from serai.gateway.routes import MAX_BODY_BYTES, SILENCE_S, Route, edge_routes
from serai.gateway.settings import GatewaySettings

_WHO = {
    "public": "anyone",
    "optional": "anyone; a token counts",
    "signed_in": "signed in",
}
_HEAD = "| Method | Path | Who may call | Limit | Deadline | Largest body | Tried again | Compressed |"
_MIB, _KIB = 1024 * 1024, 1024


def route_table(routes: Iterable[Route]) -> str:
    """The whole page, with the figures that hold where nothing is set. A class of limit that is not there: KeyError."""
    settings = GatewaySettings()
    limits = settings.limits()
    by_service: dict[str, list[Route]] = {}
    for route in routes:
        by_service.setdefault(route.service, []).append(route)
    sections = [_section(service, found, limits, settings) for service, found in sorted(by_service.items())]
    return f"""# Routes

Written by `make openapi` from the services' documents, which come from their code, and from the client application's
list of pages. What is not listed is not there: the gate answers 404 to any other path, and 405 to another method of a
path below. Whatever the gate lets through, the service checks again. *Who may call* names a permission where one is
needed; `serai/permissions.py` says which roles have it.

{"".join(sections)}## The gate's own pages

{_lines(f"- `{template}`" for template in dict.fromkeys(route.template for route in edge_routes()))}
## Limits

Per client address and gateway process, counted apart for each route of a class. A limited route tells what is left in
`RateLimit`, `RateLimit-Policy` and the older `RateLimit-Limit`, `-Remaining` and `-Reset`; above it the answer is 429
with `Retry-After`. A limit is set as requests a minute and, after a slash, how many at once: `60/30`, or `off`.

| Class | Setting | Unless set |
|---|---|---|
{_lines(f"| {name} | `SERAI_LIMIT_{name.upper()}` | {_figure(limit)} |" for name, limit in limits.items())}
## What holds for all

- A request's headers come within {settings.headers_timeout_s:g} s (`SERAI_HEADERS_TIMEOUT_S`), all of it within
  {settings.request_timeout_s:g} s (`SERAI_REQUEST_TIMEOUT_S`), or the answer is 408. What stands still for
  {SILENCE_S} s is given up, so no deadline is longer.
- Headers take up to {MAX_HEADERS_KIB} KiB and {MAX_HEADERS} lines, or the answer is 431. One HTTP/2 connection has
  up to {MAX_STREAMS} requests under way.
- The deadline counts from when the request is complete, tries included; then the answer is 504.
- A body is read whole before a service hears of it. `SERAI_MAX_BODY_BYTES` is for routes that name no size of their
  own; none takes more than {_bytes(MAX_BODY_BYTES)}.
- Every request may be tried again where no service has seen it. *Tried again* means also after a 502, 503 or 504.
- *Compressed*: {" or ".join(ENCODINGS)}, for text of a kilobyte or more that its service has not compressed.
  The client application's files come compressed as they were built.
"""


def _section(service: str, routes: list[Route], limits: dict[str, Limit | None], settings: GatewaySettings) -> str:
    rows = (
        " | ".join(
            (
                f"| {route.method}",
                f"`{route.template}`",
                _who(route),
                _class(route, limits),
                "while it is read" if route.stream else f"{route.timeout_s:g} s",
                _body(route, settings),
                "yes" if route.retriable else "no",
                "yes |" if route.compressed else "no |",
            )
        )
        for route in sorted(routes, key=lambda route: (route.template, route.method))
    )
    return f"## {service}\n\n{_HEAD}\n|{'---|' * 8}\n{_lines(rows)}\n"


def _who(route: Route) -> str:
    if route.needs is not None:
        return f"`{route.needs}`"
    return ", ".join((_WHO[route.policy], *(f"more with `{permission}`" for permission in route.more_with)))


def _class(route: Route, limits: dict[str, Limit | None]) -> str:
    limit = limits[route.limit or "default"]
    return "none" if limit is None else f"{route.limit or 'default'}: {_figure(limit)}"


def _figure(limit: Limit | None) -> str:
    return "none" if limit is None else f"{limit.per_minute} a minute, {limit.burst} at once"


def _body(route: Route, settings: GatewaySettings) -> str:
    if route.method in ("GET", "HEAD", "DELETE") and route.max_body_bytes is None:
        return ""
    return _bytes(route.max_body_bytes or settings.max_body_bytes)


def _bytes(count: int) -> str:
    for size, name in ((_MIB, "MiB"), (_KIB, "KiB")):
        if count % size == 0:
            return f"{count // size} {name}"
    return f"{count} bytes"


def _lines(rows: Iterable[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
