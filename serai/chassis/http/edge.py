"""The edge of a service: turns a raw request into a typed, authorised call, and an error into its problem document.

Order of the checks: capacity (429), authentication (401), authorisation (403), query parameters (422), content type and
JSON (415, 400), schema (422). Only then does the handler run.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, get_args, get_origin

import msgspec
from litestar import Litestar
from litestar import Request as LitestarRequest
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Histogram

from serai.chassis import telemetry, tracing
from serai.chassis.auth.principal import ANONYMOUS, POLICIES, Principal
from serai.chassis.auth.verifier import Verifier
from serai.chassis.calls import deadline
from serai.chassis.data.database import DatabaseUnavailable
from serai.chassis.data.idempotency import IdempotentRequest
from serai.chassis.errors import (
    BadRequest,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    Problem,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    UnsupportedMediaType,
)
from serai.chassis.http import body
from serai.chassis.http.admission import Admission, Priority

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
_CALLER = "serai_caller"
_TIMEOUT = deadline.HEADER.encode()
#: Default of responses that do not set Cache-Control.
_NO_STORE = (b"cache-control", b"no-store")
_CONNECTION_CLOSE = (b"connection", b"close")
PROBES = frozenset({"/livez", "/readyz", "/metrics"})
#: Not logged: machines request these every few seconds, which would bury the other lines.
_NOT_LOGGED = PROBES | frozenset({"/v1/agent/check/pass/{check_id}", "/internal/events", "shed"})
#: In place of the route: a request that is shed is not routed.
_SHED = "shed"
#: In place of the route: no route has this path.
_UNMATCHED = "unmatched"


class State:
    """The state that the edge of one process shares: its verifier, and the number of requests in flight."""

    verifier: Verifier
    ready: Callable[[], Awaitable[bool]]

    #: Returns the route and an app that sends a response from the service's own cache; None when it has none.
    cached_response: Callable[[HTTPScope], tuple[str, ASGIApp] | None] | None = None

    def __init__(self) -> None:
        self.active = 0
        #: While draining, every response closes its connection, so that the caller's next request goes elsewhere.
        self.draining = False
        #: When the last request other than a probe arrived, on the clock of `time.perf_counter`.
        self.last_request_at = 0.0
        self.admission = Admission()


class Request(LitestarRequest[Any, Any, Any]):
    """A request with an authenticated caller, whose JSON body is decoded strictly into the handler's type."""

    @property
    def caller(self) -> Principal:
        caller: Principal = self.scope["state"].get(_CALLER, ANONYMOUS)
        return caller

    async def json(self) -> Any:
        if self.content_type[0] not in ("application/json", "application/merge-patch+json"):
            raise UnsupportedMediaType
        if (declared := self.headers.get("content-length")) and not declared.isdigit():
            raise BadRequest("Content-Length is not a number.")
        return body.decode(await self.body(), self.scope["route_handler"].opt.get("body", Any))

    async def idempotency(self, *, caller: str | None = None, content: bytes | None = None) -> IdempotentRequest:
        """The request with its `Idempotency-Key`. Routes with `idempotency="required"` refuse a request without one.

        `caller` identifies a caller who is not a principal (a guest's cart). `content` replaces the body in the
        comparison with an earlier request, for bodies whose bytes differ each time (multipart boundaries)."""
        required = self.scope["route_handler"].opt.get("idempotency") == "required"
        keys = self.headers.getall("idempotency-key", [])
        if len(keys) > 1:
            raise BadRequest("Send one Idempotency-Key.", code="idempotency_key_malformed")
        who = caller or self.caller.idempotency_caller
        if not keys and not required:
            return IdempotentRequest(who, None, b"")
        body_bytes = await self.body() if content is None else content
        return IdempotentRequest.of(
            who, keys[0] if keys else None, self.method, self.url.path, body_bytes, required=required
        )


async def admit(request: LitestarRequest[Any, Any, Any]) -> None:
    """Runs before every handler and before the body is read: authentication, authorisation, query parameters.

    Not a Litestar guard, because that copies the handler's options for each request.
    """
    opt = request.scope["route_handler"].opt
    policy = opt["policy"]
    verifier: Verifier = request.app.state.edge.verifier
    authorization: str | None = None
    for name, value in request.scope["headers"]:
        if name == b"authorization":
            if authorization is not None:
                raise Unauthenticated("Send one Authorization header.")
            authorization = value.decode("latin-1")
    caller = await verifier.principal(authorization if policy != "public" else None)
    request.scope["state"][_CALLER] = await verifier.authorise(
        caller, policy, needs=opt["needs"], fresh="fresh" in opt and opt["fresh"]
    )
    if request.scope["query_string"]:
        _refuse_unknown_query(request, opt["query"], opt["query_text"])


def _refuse_unknown_query(request: LitestarRequest[Any, Any, Any], known: frozenset[str], text: frozenset[str]) -> None:
    """Refuse unknown parameters: a misspelt filter must not silently mean "no filter"."""
    seen: set[str] = set()
    errors: list[dict[str, str]] = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            errors.append({"field": name, "message": "is not a known query parameter"})
        elif name in seen:
            errors.append({"field": name, "message": "is given twice"})
        elif "\x00" in value:
            errors.append({"field": name, "message": "cannot contain NUL"})
        elif value.lower() == "null" and name not in text:
            # Litestar would read it as a missing parameter.
            errors.append({"field": name, "message": "is not a value; leave the parameter out"})
        seen.add(name)
    if errors:
        raise Invalid(errors=errors)


def require_policies(app: Litestar, permissions: frozenset[str]) -> None:
    """Deny by default: a service does not start with a route that declares neither a policy nor the permission it
    needs, or a permission that is not among `permissions`. Also prepares the check of each route's query parameters."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if "OPTIONS" in handler.http_methods:
                handler.opt["policy"] = "public"
            _require_policy(f"{sorted(handler.http_methods)} {route.path}", handler.opt, permissions)
            if isinstance(handler, HTTPRouteHandler) and handler.parsed_data_field is not None:
                handler.opt["body"] = _without_framework_markers(handler.parsed_data_field.raw)
            model = handler.create_kwargs_model(path_parameters=route.path_parameters)
            handler.opt["query"] = frozenset(parameter.field_alias for parameter in model.expected_query_params)
            fields = handler.parsed_fn_signature.parameters
            handler.opt["query_text"] = frozenset(
                parameter.field_alias
                for parameter in model.expected_query_params
                if (field := fields.get(parameter.field_name))
                and (field.is_subclass_of(str) or field.has_inner_subclass_of(str))
            )


def _require_policy(name: str, opt: dict[str, Any], permissions: frozenset[str]) -> None:
    needs = opt.setdefault("needs", None)
    if needs is not None and "policy" in opt:
        raise RuntimeError(f"{name} declares both a policy and a permission, which implies one")
    if needs is not None:
        opt["policy"] = "signed_in"
    if opt.get("policy") not in POLICIES:
        raise RuntimeError(f"{name} declares no policy")
    used = ({needs} if needs is not None else set()) | set(opt.get("more_with", ()))
    if unknown := used - permissions:
        raise RuntimeError(f"{name} declares permissions that no role has: {', '.join(sorted(unknown))}")


def rank_routes(app: Litestar) -> None:
    """Read two marks of routes for the admission control: `urgent=True` for a request that continues something already
    begun (such as paying an order), `stream=True` for a response that lasts as long as the client reads it."""
    handlers = [
        (route.path, handler.opt)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
    ]
    app.state.edge.admission.set_path_priorities(
        high=[path for path, opt in handlers if opt.get("urgent")],
        exempt=[path for path, opt in handlers if opt.get("stream")],
    )


def _without_framework_markers(annotation: Any) -> Any:
    """The type of a body with its bounds but without Litestar's markers, which are slow to hash for every request."""
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *marks = get_args(annotation)
    for bound in (mark for mark in marks if isinstance(mark, msgspec.Meta)):
        kind = Annotated[kind, bound]
    return kind


class Envelope:
    """Wraps every request: request id and trace, the number in flight, one log line and one measurement."""

    def __init__(self, app: ASGIApp, state: State, log: telemetry.RequestLog) -> None:
        self._app = app
        self._state = state
        self._log = log
        #: By method, route and status. Bounded by the number of routes times a few.
        self._observed: dict[tuple[str, str, int], Histogram] = {}
        telemetry.REQUESTS_ACTIVE.set_function(lambda: state.active)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET:
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id: str | None = None
        traceparent: str | None = None
        timeout: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"x-request-id":
                request_id = value.decode("latin-1")
            elif name == b"traceparent":
                traceparent = value.decode("latin-1")
            elif name == _TIMEOUT:
                timeout = value
        deadline.accept(timeout)
        request_id = telemetry.request_id_from(request_id)
        telemetry.request_id_var.set(request_id)
        id_header = (b"x-request-id", request_id.encode())
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], id_header]
                if self._state.draining:
                    headers.append(_CONNECTION_CLOSE)
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append(_NO_STORE)
                message["headers"] = headers
            await send(message)

        self._state.active += 1
        if scope["path"] not in PROBES:
            self._state.last_request_at = started
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        route = _UNMATCHED
        priority = self._state.admission.priority(scope["path"])
        # Probes and open streams are not recorded: they would use up the budget of traces.
        recorded = priority is not Priority.EXEMPT
        with tracing.span("request", method, traceparent, recorded=recorded) as span:
            try:
                route = await self._answer(scope, receive, answer, started, request_id, priority)
            finally:
                self._state.active -= 1
                self._describe(span, method, route, status)
                self._measure(method, route, status, time.perf_counter() - started)

    async def _answer(
        self, scope: HTTPScope, receive: Receive, answer: Send, started: float, request_id: str, priority: Priority
    ) -> str:
        """The route that answered."""
        cached_response = self._state.cached_response(scope) if self._state.cached_response is not None else None
        if cached_response is not None:
            route, app = cached_response
            await app(scope, receive, answer)
            return route
        admission = self._state.admission
        if not admission.enter(priority):
            await _refuse(answer, request_id)
            return _SHED
        asyncio.get_running_loop().call_soon(admission.record_loop_delay, started)
        try:
            await self._app(scope, receive, answer)
        finally:
            admission.leave(priority)
        return str(scope.get("path_template") or _UNMATCHED)

    @staticmethod
    def _describe(span: tracing.Span, method: str, route: str, status: int) -> None:
        """Name and attributes of a server's span in the semantic conventions of HTTP."""
        span.attributes["http.request.method"] = method
        span.attributes["http.response.status_code"] = status
        if route != _UNMATCHED:
            span.name = f"{method} {route}"
            span.attributes["http.route"] = route
        if status >= 500:
            span.failed = True
            span.attributes.setdefault("error.type", str(status))

    def _measure(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method, route, status)
        observed = self._observed.get(key)
        if observed is None:
            observed = self._observed[key] = telemetry.REQUEST_SECONDS.labels(method, route, str(status))
        observed.observe(seconds)
        if route not in _NOT_LOGGED:
            self._log.add(method, route, status, seconds)


async def _refuse(send: Send, request_id: str) -> None:
    """Send a 429 as cheaply as possible, because the process is overloaded."""
    problem = Overloaded()
    document = msgspec.json.encode(problem.document(request_id))
    headers = {"content-type": PROBLEM_JSON, "content-length": str(len(document)), **problem.headers()}
    raw_headers = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw_headers})
    await send({"type": "http.response.body", "body": document, "more_body": False})


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _problem(_: LitestarRequest[Any, Any, Any], problem: Problem) -> Response[Any]:
    if isinstance(problem, DatabaseUnavailable):
        log.warning("database unavailable: %r", problem.__cause__)
    elif problem.status == 500:
        log.error("unexpected error", exc_info=problem)
    return Response(
        problem.document(telemetry.request_id_var.get()),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={**problem.headers(), "cache-control": "no-store"},
    )


def _framework(request: LitestarRequest[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Turn the framework's own errors into problem documents."""
    if isinstance(error, ValidationException):
        details = error.extra if isinstance(error.extra, list) else []
        return _problem(
            request,
            Invalid(errors=[{"field": str(one.get("key", "")), "message": str(one["message"])} for one in details]),
        )
    kinds: dict[int, type[Problem]] = {
        401: Unauthenticated,
        404: NotFound,
        405: MethodNotAllowed,
        413: TooLarge,
        415: UnsupportedMediaType,
        429: TooManyRequests,
    }
    if error.status_code >= 500:
        return _unexpected(request, error)
    response = _problem(request, kinds.get(error.status_code, BadRequest)())
    for name, value in (error.headers or {}).items():
        response.set_header(name, value)
    return response


def _unexpected(request: LitestarRequest[Any, Any, Any], error: Exception) -> Response[Any]:
    log.error("unexpected error", exc_info=error)
    return _problem(request, Problem())


EXCEPTION_HANDLERS: Any = {Problem: _problem, HTTPException: _framework, Exception: _unexpected}
