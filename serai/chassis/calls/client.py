"""How one service calls another: the same few lines behind every typed client in `contracts`.

A call finds an instance through discovery, takes the less busy of two at random that stand (`standing`), carries a
deadline (never later than that of the request it is made for), the trace and a token signed for the callee. What never
began (no connection, somebody else at that address, an instance that sheds load) goes to another instance; what may
have had an effect is repeated only where its contract calls it retryable, and then no instance keeps it for longer
than its share of the time. A refusal arrives as the exception it left as; a callee that cannot be reached is
`Unavailable`, which says whether the call may have been carried out.
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

from serai.chassis import telemetry
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
#: Where a call may be repeated, no instance keeps it for longer than one of so many parts of what time is left.
_ATTEMPTS = 3
#: By which an instance says that it cannot work itself; other refusals are answers.
_ILL = frozenset({"database_unavailable", "not_ready"})
_ERRORS = frozenset({"internal", "unavailable", "service_unreachable"})


class ServiceUnreachable(Unavailable):
    """No instance answered in time."""

    code, detail = "service_unreachable", "A part of the shop is briefly not available; try again."

    def __init__(self, *, maybe_done: bool) -> None:
        super().__init__()
        self.maybe_done = maybe_done


class _Fruitless(Exception):
    """An attempt that another one might better, with the refusal it met if it was answered at all."""

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
    """The calling side of one process: connections, tokens and watches shared by all its clients."""

    def __init__(self, service: str, allowed: tuple[str, ...], registry: Directory, signer: Signer) -> None:
        self._service = service
        self._allowed = allowed
        self._registry = registry
        self._signer = signer
        self._session: aiohttp.ClientSession | None = None
        self._targets: dict[str, LoadBalancer] = {}

    def target(self, callee: str) -> LoadBalancer:
        """Raises `PermissionError` for a callee that the topology does not list for this service."""
        if callee not in self._allowed:
            raise PermissionError(f"topology does not let {self._service} call {callee}")
        if callee not in self._targets:
            self._targets[callee] = LoadBalancer(callee, self._registry)
        return self._targets[callee]

    def watch_all(self) -> None:
        """Begin to follow every callee, so that the first call need not wait; inside the event loop."""
        for target in self._targets.values():
            target.watch()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=256, limit_per_host=128, keepalive_timeout=15.0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
            # aiohttp would send a GET, PUT or DELETE once more by itself after a lost connection. Whether a call may
            # be repeated is for its contract to say.
            self._session._retry_connection = False
        return self._session

    def headers(self, callee: str, on_behalf_of: UUID | None) -> dict[str, str]:
        headers = {"authorization": f"Service {self._signer.token(callee, on_behalf_of)}"}
        if request_id := telemetry.request_id_var.get():
            headers["x-request-id"] = request_id
        if traceparent := telemetry.traceparent():
            headers["traceparent"] = traceparent
        return headers

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class ServiceClient:
    """Base of the typed clients in `contracts`: each method there is one `_call`."""

    callee: str

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._target = calls.target(self.callee)
        #: By operation and outcome; as many as the contract has methods, times a few codes.
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
        """One call within `timeout_s` in all. `retryable` says that repeating it cannot have a second effect.

        Raises the callee's own refusal, or `ServiceUnreachable`, whose `maybe_done` is true when the request may have
        been carried out although no answer came.
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
        """As `_call`, with the answer's bytes as they came."""
        started = time.monotonic()
        outcome = "ok"
        try:
            with telemetry.span("call", operation):
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
        self._target.count_call()
        maybe_done = False
        tried: list[Instance] = []
        while True:
            instance = await self._target.pick(end, avoid=tried, repeatable=retryable)
            now = time.monotonic()
            if instance is None or now >= end:
                raise ServiceUnreachable(maybe_done=maybe_done)
            until = now + (end - now) / max(_ATTEMPTS - len(tried), 1)
            tried.append(instance)
            if not retryable or not self._target.others(tried):
                until = end
            try:
                return await self._attempt(instance, request, until)
            except _Fruitless as fruitless:
                refusal, begun = fruitless.refusal, fruitless.begun
            maybe_done = maybe_done or begun
            # One that sheds load wants to be left alone; the caller's caller is told.
            shed = isinstance(refusal, Overloaded)
            worth_it = self._target.others(tried) if shed else retryable or not begun
            pause = random.uniform(0, min(0.05 * 2 ** len(tried), 1.0))
            if not worth_it or end - time.monotonic() <= pause or not self._target.may_retry():
                failure = refusal if isinstance(refusal, Unavailable) else ServiceUnreachable(maybe_done=maybe_done)
                failure.maybe_done = maybe_done
                raise failure
            await asyncio.sleep(pause)

    async def _attempt(self, instance: Instance, request: _Request, end: float) -> bytes:
        """The answer of one instance, which is judged by it. Raises a refusal that is final, and `_Fruitless`."""
        began = time.monotonic()
        refusal: Problem | None = None
        how: Failure | None
        try:
            raw = await self._once(instance, request, end)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            how = Failure.UNREACHED
        except TimeoutError:
            how = Failure.LATE
        except (aiohttp.ClientError, OSError):
            how = Failure.LOST
        except (Unavailable, Overloaded, WrongAudience) as problem:
            refusal, how = problem, _verdict(problem)
        except Problem:
            self._target.answered(instance, began)
            raise
        else:
            self._target.answered(instance, began)
            return raw
        if how is None:
            self._target.answered(instance, began)
        else:
            self._target.failed(instance, began, how)
        raise _Fruitless(refusal, begun=how is not Failure.UNREACHED and not isinstance(refusal, Overloaded))

    async def _once(self, instance: Instance, request: _Request, end: float) -> bytes:
        headers = {**request.headers, deadline.HEADER: deadline.left_ms(end)}
        with self._target.busy(instance):
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


def _verdict(problem: Problem) -> Failure | None:
    """What a refusal says of the instance that gave it; None when it is an answer like any other."""
    if isinstance(problem, WrongAudience):
        return Failure.UNREACHED
    if not isinstance(problem, Unavailable):
        return None
    if problem.code in _ILL:
        return Failure.LOST
    return Failure.ERROR if problem.code in _ERRORS else None
