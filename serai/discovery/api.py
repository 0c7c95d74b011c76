"""The registry's routes, which are those of Consul's HTTP API.

Reads need no token; writes need the registry's token. Errors are plain text with Consul's statuses, as its clients
expect.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request as LitestarRequest
from litestar import Response, Router, get, put
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.types import Guard

from serai.chassis.data.database import Database
from serai.chassis.errors import BadRequest, Forbidden, Problem
from serai.chassis.http.edge import Request
from serai.discovery import actions, consul_json
from serai.discovery.blocking_queries import BlockingQueries, Topic
from serai.discovery.domain import Snapshot, Status

MAX_BODY_BYTES = 64 * 1024
MAX_NAME = 256


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    blocking_queries: BlockingQueries


# Reading


@get("/catalog/services", policy="public")
async def catalog_services(request: Request, deps: NamedDependency[Deps]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, None)
    return _answer(snapshot, consul_json.catalog_services(snapshot))


@get("/catalog/service/{name:str}", policy="public")
async def catalog_service(request: Request, deps: NamedDependency[Deps], name: FromPath[str]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, _valid_name(name))
    return _answer(snapshot, consul_json.catalog_service(snapshot, request.query_params.getall("tag", [])))


@get("/health/service/{name:str}", policy="public")
async def health_service(request: Request, deps: NamedDependency[Deps], name: FromPath[str]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, _valid_name(name))
    tags = request.query_params.getall("tag", [])
    passing = request.query_params.get("passing", "false") not in ("0", "false")
    return _answer(snapshot, consul_json.health_service(snapshot, tags, passing=passing))


@get("/health/state/{status:str}", policy="public")
async def health_state(request: Request, deps: NamedDependency[Deps], status: FromPath[str]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, None)
    return _answer(snapshot, consul_json.health_state(snapshot, status))


@get("/sd/prometheus", policy="public")
async def prometheus(request: Request, deps: NamedDependency[Deps]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, None)
    return _answer(snapshot, consul_json.prometheus_targets(snapshot))


@get("/agent/self", policy="public")
async def agent_self(request: Request, deps: NamedDependency[Deps]) -> Response[bytes]:
    snapshot = await _snapshot(request, deps, None)
    return _answer(snapshot, consul_json.agent_self(request.url.hostname or ""))


@get("/status/leader", policy="public")
async def status_leader(request: Request, deps: NamedDependency[Deps]) -> Response[bytes]:
    """The address of this replica: replicas are equal, there is no leader."""
    snapshot = await _snapshot(request, deps, None)
    return _answer(snapshot, request.url.netloc)


# Writing


@put("/agent/service/register", policy="public")
async def register(request: Request, deps: NamedDependency[Deps]) -> Response[bytes]:
    body = consul_json.decode(await request.body(), consul_json.Register)
    registration, status = body.registration(request.client.host if request.client else "")
    await actions.register(deps.database, registration, status)
    return _ok()


@put("/agent/service/deregister/{instance_id:str}", policy="public")
async def deregister(deps: NamedDependency[Deps], instance_id: FromPath[str]) -> Response[bytes]:
    await actions.deregister(deps.database, _valid_name(instance_id))
    return _ok()


@put("/agent/service/maintenance/{instance_id:str}", policy="public")
async def maintenance(request: Request, deps: NamedDependency[Deps], instance_id: FromPath[str]) -> Response[bytes]:
    enable = request.query_params.get("enable", "").lower()
    if enable not in ("true", "false", "1", "0"):
        raise BadRequest("Missing value for enable")
    reason = (
        consul_json.truncate_output(request.query_params.get("reason", ""))
        or "Maintenance mode is enabled for this service"
    )
    await actions.maintain(deps.database, _valid_name(instance_id), reason if enable in ("true", "1") else None)
    return _ok()


@put("/agent/check/pass/{check_id:str}", policy="public")
async def check_pass(request: Request, deps: NamedDependency[Deps], check_id: FromPath[str]) -> Response[bytes]:
    return await _report(request, deps, check_id, "passing")


@put("/agent/check/warn/{check_id:str}", policy="public")
async def check_warn(request: Request, deps: NamedDependency[Deps], check_id: FromPath[str]) -> Response[bytes]:
    return await _report(request, deps, check_id, "warning")


@put("/agent/check/fail/{check_id:str}", policy="public")
async def check_fail(request: Request, deps: NamedDependency[Deps], check_id: FromPath[str]) -> Response[bytes]:
    return await _report(request, deps, check_id, "critical")


@put("/agent/check/update/{check_id:str}", policy="public")
async def check_update(request: Request, deps: NamedDependency[Deps], check_id: FromPath[str]) -> Response[bytes]:
    update = consul_json.decode(await request.body(), consul_json.Update)
    await actions.report(
        deps.database, _valid_name(check_id), update.status, consul_json.truncate_output(update.output)
    )
    return _ok()


async def _report(request: Request, deps: Deps, check_id: str, status: Status) -> Response[bytes]:
    await actions.report(
        deps.database, _valid_name(check_id), status, consul_json.truncate_output(request.query_params.get("note", ""))
    )
    return _ok()


async def _snapshot(request: Request, deps: Deps, topic: Topic) -> Snapshot:
    """The snapshot that a GET answers with: the current one, or with `index` the next change within `wait`."""
    params = request.query_params
    if "filter" in params:
        # Ignoring the filter would return a wrong result.
        raise BadRequest("Filter expressions are not supported")
    index = params.get("index") or "0"
    if not index.isdecimal() or len(index) > 19:
        raise BadRequest("Invalid index")
    try:
        wait = consul_json.parse_duration(params["wait"]) if params.get("wait") else consul_json.DEFAULT_WAIT
    except ValueError:
        raise BadRequest("Invalid wait time") from None
    snapshot = deps.blocking_queries.snapshot(topic, int(index), min(wait, consul_json.MAX_WAIT).total_seconds())
    return await (_while_connected(request, snapshot) if int(index) else snapshot)


async def _while_connected(request: Request, work: Coroutine[Any, Any, Snapshot]) -> Snapshot:
    """Ends the wait when the client disconnects; otherwise it could occupy a place for up to ten minutes."""
    working, listening = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise BadRequest("The client disconnected")
        return working.result()
    finally:
        working.cancel()
        listening.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _valid_name(name: str) -> str:
    """A name from a path, if the database can be queried for it. Raises `BadRequest` otherwise."""
    if "\x00" in name or len(name) > MAX_NAME:
        raise BadRequest("Invalid name")
    return name


def _answer(snapshot: Snapshot, body: Any) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body),
        media_type="application/json",
        headers={
            "x-consul-index": str(snapshot.index),
            "x-consul-knownleader": "true",
            "x-consul-lastcontact": "0",
            "cache-control": "no-store",
        },
    )


def _ok() -> Response[bytes]:
    return Response(b"", media_type="text/plain")


def _require_token(token: str) -> Guard:
    """A guard that requires the registry's token, compared in constant time."""

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = connection.headers.get("x-consul-token", "")
        if not given:
            scheme, _space, rest = connection.headers.get("authorization", "").partition(" ")
            given = rest.strip() if scheme.lower() == "bearer" else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise Forbidden("Permission denied")

    return guard


async def _any_query(_: LitestarRequest[Any, Any, Any]) -> None:
    """Accepts every query parameter: Consul's clients send some that have no meaning here (`dc`, `stale`, `near`)."""


def _plain_problem(_: LitestarRequest[Any, Any, Any], problem: Problem) -> Response[str]:
    return Response(problem.detail, status_code=problem.status, media_type="text/plain", headers=problem.headers())


def _plain_refusal(_: LitestarRequest[Any, Any, Any], error: HTTPException) -> Response[str]:
    return Response(error.detail, status_code=error.status_code, media_type="text/plain", headers=error.headers)


_PLAIN: Any = {Problem: _plain_problem, HTTPException: _plain_refusal}


def routers(token: str) -> list[Router]:
    """The routes. Those that write require `token`."""
    reads = Router(
        "/v1",
        before_request=_any_query,
        exception_handlers=_PLAIN,
        route_handlers=[
            catalog_services,
            catalog_service,
            health_service,
            health_state,
            prometheus,
            agent_self,
            status_leader,
        ],
    )
    writes = Router(
        "/v1",
        before_request=_any_query,
        guards=[_require_token(token)],
        exception_handlers=_PLAIN,
        request_max_body_size=MAX_BODY_BYTES,
        route_handlers=[
            register,
            deregister,
            maintenance,
            check_pass,
            check_warn,
            check_fail,
            check_update,
        ],
    )
    return [reads, writes]
