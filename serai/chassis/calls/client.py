"""The base of the typed clients in `contracts`, by which services call each other.

A call chooses an instance through the load balancer. It carries a deadline (never later than that of the current
request), the trace and a token signed for the callee. A call that was never started (no connection, another service at
that address, an instance that sheds load) goes to another instance. A call that may have had an effect is repeated only
if its contract declares it retryable, and then no instance may use more than its share of the time. An error of the
callee is raised here as the same exception. When the callee cannot be reached, the client raises `Unavailable`, which
says whether the call may have been carried out.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

import aiohttp
import msgspec
from prometheus_client import Histogram

from serai.chassis import telemetry, tracing
from serai.chassis.auth.signer import Signer
from serai.chassis.calls import deadline
from serai.chassis.calls.directory import Directory
from serai.chassis.calls.load_balancer import LoadBalancer
from serai.chassis.calls.outlier_detector import Failure
from serai.chassis.calls.registry import Instance
from serai.chassis.errors import Overloaded, Problem, Unavailable, WrongAudience, from_document

T = TypeVar("T")

MAX_ANSWER_BYTES = 8 * 1024 * 1024
_CONNECT_TIMEOUT_S = 1.0
#: If a call may be repeated, one attempt may use at most 1/_ATTEMPTS of the remaining time.
_ATTEMPTS = 3
#: Error codes with which an instance reports that it cannot serve. Other errors are valid responses.
_UNHEALTHY_CODES = frozenset({"database_unavailable", "not_ready"})
_ERROR_CODES = frozenset({"internal", "unavailable", "service_unreachable"})


class ServiceUnreachable(Unavailable):
    """No instance answered in time."""

    code, detail = "service_unreachable", "A part of the shop is briefly not available; try again."

    def __init__(self, *, maybe_done: bool) -> None:
        super().__init__()
        self.maybe_done = maybe_done


class _AttemptFailed(Exception):
    """An attempt failed in a way that another instance might not. `refusal` is the error response, if there was one.
    `begun` says whether the call may have taken effect."""

    def __init__(self, refusal: Problem | None, *, begun: bool) -> None:
        self.refusal = refusal
        self.begun = begun


class _Request(msgspec.Struct, frozen=True, gc=False):
    """What every attempt sends."""

    method: str
    path: str
    payload: bytes | None
    query: Mapping[str, str] | None
    headers: Mapping[str, str]


class Calls:
    """The calling side of one process: connections, tokens and watches, shared by all its clients."""

    def __init__(self, service: str, allowed: tuple[str, ...], registry: Directory, signer: Signer) -> None:
        self._service = service
        self._allowed = allowed
        self._registry = registry
        self._signer = signer
        self._session: aiohttp.ClientSession | None = None
        self._load_balancers: dict[str, LoadBalancer] = {}

    def load_balancer(self, callee: str) -> LoadBalancer:
        """Raises `PermissionError` for a callee that the topology does not list for this service."""
        if callee not in self._allowed:
            raise PermissionError(f"topology does not let {self._service} call {callee}")
        if callee not in self._load_balancers:
            self._load_balancers[callee] = LoadBalancer(callee, self._registry)
        return self._load_balancers[callee]

    def watch_all(self) -> None:
        """Start to watch every callee, so that the first call need not wait. Needs a running event loop."""
        for load_balancer in self._load_balancers.values():
            load_balancer.watch()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=256, limit_per_host=128, keepalive_timeout=15.0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
            # aiohttp would repeat a GET, PUT or DELETE after a lost connection by itself. The contract decides whether
            # a call may be repeated.
            self._session._retry_connection = False
        return self._session

    def headers(self, callee: str, on_behalf_of: UUID | None) -> dict[str, str]:
        headers = {"authorization": f"Service {self._signer.token(callee, on_behalf_of)}"}
        if request_id := telemetry.request_id_var.get():
            headers["x-request-id"] = request_id
        if traceparent := tracing.traceparent():
            headers["traceparent"] = traceparent
        return headers

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class ServiceClient:
    """Base of the typed clients in `contracts`, whose methods each make one `_call`."""

    callee: str

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._load_balancer = calls.load_balancer(self.callee)
        #: By operation and outcome. Bounded by the number of methods times a few codes.
        self._observed: dict[tuple[str, str], Histogram] = {}

    async def _call(
        self,
        operation: str,
        method: str,
        path: str,
        answer: type[T],
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        on_behalf_of: UUID | None = None,
        timeout_s: float = 3.0,
        retryable: bool = False,
    ) -> T:
        """One call, which takes at most `timeout_s` in all. `retryable` declares that repeating it cannot have a second
        effect.

        Raises the callee's own error, or `ServiceUnreachable`, whose `maybe_done` is true when the request may have
        been carried out although no response came.
        """
        raw = await self._raw(
            operation,
            method,
            path,
            body=body,
            query=query,
            on_behalf_of=on_behalf_of,
            timeout_s=timeout_s,
            retryable=retryable,
        )
        return msgspec.json.decode(raw, type=answer) if raw else msgspec.convert(None, answer)

    async def _raw(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        on_behalf_of: UUID | None = None,
        timeout_s: float = 3.0,
        retryable: bool = False,
    ) -> bytes:
        """As `_call`, but returns the bytes of the response."""
        started = time.monotonic()
        outcome = "ok"
        try:
            with tracing.span("call", f"{self.callee}/{operation}") as span:
                span.attributes = {"http.request.method": method, "server.address": self.callee}
                headers = self._calls.headers(self.callee, on_behalf_of)
                payload = None if body is None else msgspec.json.encode(body)
                if payload is not None:
                    headers["content-type"] = "application/json"
                request = _Request(method, path, payload, query, headers)
                return await self._attempts(request, deadline.within(timeout_s), retryable)
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            self._measure(operation, outcome, time.monotonic() - started)

    def _measure(self, operation: str, outcome: str, seconds: float) -> None:
        observed = self._observed.get((operation, outcome))
        if observed is None:
            observed = telemetry.CLIENT_SECONDS.labels(self.callee, operation, outcome)
            self._observed[operation, outcome] = observed
        observed.observe(seconds)

    async def _attempts(self, request: _Request, end: float, retryable: bool) -> bytes:
        self._load_balancer.count_call()
        maybe_done = False
        tried: list[Instance] = []
        while True:
            instance = await self._load_balancer.pick(end, avoid=tried, repeatable=retryable)
            now = time.monotonic()
            if instance is None or now >= end:
                raise ServiceUnreachable(maybe_done=maybe_done)
            until = now + (end - now) / max(_ATTEMPTS - len(tried), 1)
            tried.append(instance)
            if not retryable or not self._load_balancer.has_untried(tried):
                until = end
            try:
                return await self._attempt(instance, request, until)
            except _AttemptFailed as attempt_failed:
                refusal, begun = attempt_failed.refusal, attempt_failed.begun
            maybe_done = maybe_done or begun
            # An overloaded instance is not retried.
            shed = isinstance(refusal, Overloaded)
            try_again = self._load_balancer.has_untried(tried) if shed else retryable or not begun
            pause = random.uniform(0, min(0.05 * 2 ** len(tried), 1.0))
            if not try_again or end - time.monotonic() <= pause or not self._load_balancer.may_retry():
                failure = refusal if isinstance(refusal, Unavailable) else ServiceUnreachable(maybe_done=maybe_done)
                failure.maybe_done = maybe_done
                raise failure
            await asyncio.sleep(pause)

    async def _attempt(self, instance: Instance, request: _Request, end: float) -> bytes:
        """The response of one instance. Records the outcome with the load balancer. Raises a final error, or
        `_AttemptFailed`."""
        began = time.monotonic()
        refusal: Problem | None = None
        failure: Failure | None
        try:
            raw = await self._send(instance, request, end)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            failure = Failure.UNREACHABLE
        except TimeoutError:
            failure = Failure.TIMEOUT
        except (aiohttp.ClientError, OSError):
            failure = Failure.UNHEALTHY
        except (Unavailable, Overloaded, WrongAudience) as problem:
            refusal, failure = problem, _failure_of(problem)
        except Problem:
            self._load_balancer.record_success(instance, began)
            raise
        else:
            self._load_balancer.record_success(instance, began)
            return raw
        if failure is None:
            self._load_balancer.record_success(instance, began)
        else:
            self._load_balancer.record_failure(instance, began, failure)
        raise _AttemptFailed(refusal, begun=failure is not Failure.UNREACHABLE and not isinstance(refusal, Overloaded))

    async def _send(self, instance: Instance, request: _Request, end: float) -> bytes:
        headers = {**request.headers, deadline.HEADER: deadline.left_ms(end)}
        with self._load_balancer.track(instance):
            async with asyncio.timeout(max(end - time.monotonic(), 0.001)):
                async with self._calls.session.request(
                    request.method,
                    instance.url + request.path,
                    data=request.payload,
                    params=request.query,
                    headers=headers,
                    allow_redirects=False,
                ) as response:
                    raw = await response.content.read(MAX_ANSWER_BYTES + 1)
                    while not response.content.at_eof() and len(raw) <= MAX_ANSWER_BYTES:
                        raw += await response.content.read(MAX_ANSWER_BYTES)
                    if len(raw) > MAX_ANSWER_BYTES:
                        raise aiohttp.ClientPayloadError("answer too large")
        if response.status < 400:
            return raw
        try:
            document = msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.MsgspecError:
            document = {}
        raise from_document(response.status, document)


def _failure_of(problem: Problem) -> Failure | None:
    """What an error response says about the instance; None when it is a valid response."""
    if isinstance(problem, WrongAudience):
        return Failure.UNREACHABLE
    if not isinstance(problem, Unavailable):
        return None
    if problem.code in _UNHEALTHY_CODES:
        return Failure.UNHEALTHY
    return Failure.ERROR if problem.code in _ERROR_CODES else None
