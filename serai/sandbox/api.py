"""Stripe's API over HTTP: authentication, idempotency and the format of responses. The operations are elsewhere.

Idempotency is Stripe's (docs.stripe.com/api/idempotent_requests). The first result of an *executed* request is stored
with its effect and replayed, including 500s and card declines. A request that failed validation, or that met a conflict
or a rate limit, binds nothing. The same key with other parameters is an error, and so is a second request while the
first is in progress.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
import re
from typing import Any

import msgspec
from aiohttp import web

from serai.sandbox import errors, params, reads
from serai.sandbox.call import new_id
from serai.sandbox.faults import AFTER, BEFORE, Fault
from serai.sandbox.operations import Operation, match
from serai.sandbox.store import StoredResponse
from serai.sandbox.stripe_state import StripeState

MAX_KEY = 255
_VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z_]+)?")

log = logging.getLogger(__name__)


class Api:
    def __init__(self, state: StripeState) -> None:
        self._state = state

    async def handle(self, request: web.Request) -> web.StreamResponse:
        request_id = new_id("req_", 14)
        try:
            return await self._answer(request, request_id)
        except errors.StripeError as problem:
            return _response(request, request_id, problem.status, json.dumps(problem.body()), problem.headers)
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            failure = errors.ServerError(executed=False)
            return _response(request, request_id, failure.status, json.dumps(failure.body()), failure.headers)

    async def _answer(self, request: web.Request, request_id: str) -> web.StreamResponse:
        self._authenticate(request.headers.get("Authorization", ""))
        version = request.headers.get("Stripe-Version")
        if version is not None and not _VERSION.fullmatch(version):
            raise errors.BadParameter(f"Invalid Stripe API version: {version[:40]}")
        found = match(request.method, request.path)
        if found is None:
            raise errors.UnknownUrl(
                f"Unrecognized request URL ({request.method}: {request.path[:200]}). Please see "
                "https://stripe.com/docs or we can help at https://support.stripe.com/."
            )
        operation, path = found
        encoded = await _parameters(request)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is None:
            return await self._execute(request, request_id, operation, path, encoded, None, "")
        if not 1 <= len(key) <= MAX_KEY:
            raise errors.BadParameter(f"Idempotency keys are at most {MAX_KEY} characters long.")
        fingerprint = hashlib.sha256(
            f"{request.method} {request.path}\n{params.canonical(encoded)}".encode()
        ).hexdigest()
        if stored := self._state.store.stored_response(key):
            return await self._replay(request, request_id, operation, key, fingerprint, stored)
        if key in self._state.keys_in_use:
            raise errors.IdempotencyInUse(
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                code="idempotency_key_in_use",
            )
        self._state.keys_in_use.add(key)
        try:
            return await self._execute(request, request_id, operation, path, encoded, key, fingerprint)
        finally:
            self._state.keys_in_use.discard(key)

    def _authenticate(self, header: str) -> None:
        scheme, _, credential = header.partition(" ")
        key = credential.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(credential).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        if scheme.lower() not in ("bearer", "basic") or not key:
            raise errors.Unauthenticated(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        if not hmac.compare_digest(key.encode(), self._state.secret_key.encode()):
            raise errors.Unauthenticated(
                f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:] if len(key) > 12 else ''}"
            )

    async def _replay(
        self,
        request: web.Request,
        request_id: str,
        operation: Operation,
        key: str,
        fingerprint: str,
        stored: StoredResponse,
    ) -> web.StreamResponse:
        if stored.fingerprint != fingerprint:
            raise errors.IdempotencyMismatch(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                f"using a key other than '{key}' if you meant to execute a different request."
            )
        await self._before(operation)
        headers = {"Idempotent-Replayed": "true", "Original-Request": stored.request_id, "Idempotency-Key": key}
        if stored.status >= 500:
            headers["Stripe-Should-Retry"] = "false"
        return _response(request, request_id, stored.status, stored.body, headers)

    async def _execute(
        self,
        request: web.Request,
        request_id: str,
        operation: Operation,
        path: dict[str, str],
        encoded: str,
        key: str | None,
        fingerprint: str,
    ) -> web.StreamResponse:
        await self._before(operation)
        parsed = params.parse(operation.name, encoded)
        after: Fault | None = None
        headers = {"Idempotency-Key": key, "Original-Request": request_id} if key else {}
        with self._state.transact(params=parsed, path=path, request_id=request_id, idempotency_key=key) as call:
            try:
                answer: dict[str, Any] = reads.expanded(call, operation.run(call))
                status = 200
            except errors.StripeError as problem:
                if not problem.executed:
                    raise
                answer, status = problem.body(), problem.status
            after = self._state.faults.take(operation.name, AFTER)
            if after and after.fault == "execute_then_500":
                failure = errors.ServerError(executed=True)
                answer, status = failure.body(), failure.status
                headers |= failure.headers
            body = msgspec.json.encode(answer).decode()
            if key is not None:
                self._state.store.store_response(key, StoredResponse(fingerprint, status, body, request_id), call.now)
        if after and after.fault == "execute_then_timeout":
            # The request is executed and stored, so a retry is a replay, not a conflict.
            self._state.keys_in_use.discard(key or "")
            await hang(self._state, request, after)
        return _response(request, request_id, status, body, headers)

    async def _before(self, operation: Operation) -> None:
        await apply_fault_before(self._state, operation.name)


async def apply_fault_before(state: StripeState, target: str) -> None:
    """Apply a fault that takes effect before the execution."""
    fault = state.faults.take(target, BEFORE)
    if fault is None:
        return
    match fault.fault:
        case "delay":
            await asyncio.sleep(fault.delay_ms / 1000)
        case "409":
            raise errors.LockTimeout(
                "This object cannot be accessed right now because another API request or Stripe process is currently "
                "accessing it.",
                code="lock_timeout",
            )
        case "429":
            raise errors.RateLimited("Request rate limit exceeded.", code="rate_limit")
        case _:
            raise errors.ServerError(executed=False)


async def hang(state: StripeState, request: web.Request, fault: Fault) -> None:
    """Send no response: the connection stays silent for the fault's time and is then closed."""
    try:
        await asyncio.wait_for(state.stopping.wait(), fault.delay_ms / 1000)
    except TimeoutError:
        pass
    finally:
        if request.transport is not None:
            request.transport.abort()


async def _parameters(request: web.Request) -> str:
    if request.method == "GET":
        return request.rel_url.raw_query_string
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge as problem:
        raise errors.TooLarge("The request is too large.") from problem
    if body and request.content_type != "application/x-www-form-urlencoded":
        raise errors.BadParameter(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any "
            "questions, we can help at https://support.stripe.com/."
        )
    try:
        return body.decode("ascii")
    except UnicodeDecodeError as problem:
        raise errors.BadParameter("Invalid request: the parameters are not form-encoded.") from problem


def _response(request: web.Request, request_id: str, status: int, body: str, headers: dict[str, str]) -> web.Response:
    always = {"Request-Id": request_id, "Stripe-Version": request.headers.get("Stripe-Version", params.API_VERSION)}
    return web.Response(text=body, status=status, content_type="application/json", headers=always | headers)
