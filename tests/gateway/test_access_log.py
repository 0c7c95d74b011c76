"""The access log: its fields, and the values that must never be in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.gateway.fake_services import DOCUMENTS, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess


async def _lines(gateway: GatewayProcess, *request_ids: str) -> list[dict[str, Any]]:
    """The log lines of these requests. Waits for them, because Envoy writes them after the response."""
    found: dict[str, dict[str, Any]] = {}
    try:
        async with asyncio.timeout(30):
            while not found.keys() >= set(request_ids):
                written = gateway.log.rpartition("\n")[0].splitlines()
                lines = (json.loads(line) for line in written if '"message":"request"' in line)
                found = {line["request_id"]: line for line in lines}
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{set(request_ids) - found.keys()} have no line") from None
    return [found[request_id] for request_id in request_ids]


async def test_a_line_has_the_request_and_its_result(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    served = {"x-request-id": "log-served"}
    assert (await gateway.request("GET", "/api/users/u-4711", token=keys.token(), headers=served)).status == 200
    assert (await gateway.get("/api/auth/me", **{"x-request-id": "log-refused"})).status == 401
    assert (await gateway.get("/unknown/u-4711", **{"x-request-id": "log-unknown"})).status == 404
    done, refused, unknown = await _lines(gateway, "log-served", "log-refused", "log-unknown")
    assert (done["service"], done["level"]) == ("gateway", "info")
    fields = done["fields"]
    assert fields.pop("duration_ms") >= 0
    assert fields.pop("bytes") > 0
    assert fields == {
        "method": "GET",
        "route": "GET /api/users/{id}",
        "status": 200,
        "callee": "user",
        "instance": f"127.0.0.1:{upstream.port}",
        "attempts": 1,
        "reason": "via_upstream",
        "flags": "-",
        "protocol": "HTTP/1.1",
    }
    assert (refused["fields"]["status"], refused["fields"]["route"]) == (401, "GET /api/auth/me")
    assert refused["fields"]["reason"].startswith("jwt_authn")
    assert (unknown["fields"]["status"], unknown["fields"]["callee"]) == (404, None)


async def test_the_log_contains_no_free_text_of_clients(gateway: GatewayProcess, keys: SigningKeys) -> None:
    token = keys.token()
    secret = "canary-4f1d"
    headers = {
        "x-request-id": "log-canary-ask",
        "cookie": f"serai_refresh={secret}",
        "idempotency-key": secret,
        "stripe-signature": secret,
        "referer": f"https://shop.example/{secret}",
        "user-agent": secret,
        "x-forwarded-for": secret,
    }
    path = f"/api/users/{secret}?token={secret}"
    assert (await gateway.request("GET", path, token=token, headers=headers)).status == 200
    ids = {name: value for name, value in headers.items() if name != "x-request-id"}
    bad = {**ids, "x-request-id": "log-canary-bad"}
    assert (await gateway.request("GET", path, token=f"{token}{secret}", headers=bad)).status == 401
    lost = {**ids, "x-request-id": "log-canary-lost"}
    assert (await gateway.request("POST", f"/{secret}?q={secret}", headers=lost, body=secret.encode())).status == 404
    broken = f"GET /api/x HTTP/1.1\r\nhost: x\r\nx-request-id: {secret}\r\n{secret}\r\n\r\n"
    assert (await gateway.raw(broken.encode())).status == 400
    await _lines(gateway, "log-canary-ask", "log-canary-bad", "log-canary-lost")
    # A valid request id is chosen by the client and logged. Nothing else of the client's text may be there.
    lines = [line for line in gateway.log.splitlines() if f'"request_id":"{secret}"' not in line]
    assert not [line for line in lines if secret in line]
    assert token not in gateway.log
    assert token.rpartition(".")[2] not in gateway.log


async def test_only_a_share_of_successful_requests_is_logged(
    new_gateway: Callable[..., GatewayProcess], consul: FakeConsul, upstream: Upstream
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = await new_gateway(SERAI_GATEWAY_ACCESS_LOG_SAMPLE="0").start()
    await gateway.until(lambda response: response.status == 200, "/api/categories")
    for number in range(200):
        assert (await gateway.get("/api/categories", **{"x-request-id": f"log-well-{number}"})).status == 200
    for number in range(5):
        assert (await gateway.get("/nothing", **{"x-request-id": f"log-amiss-{number}"})).status == 404
    await _lines(gateway, *(f"log-amiss-{number}" for number in range(5)))
    assert "log-well-" not in gateway.log


async def test_requests_over_the_limit_are_logged_by_sample(
    new_gateway: Callable[..., GatewayProcess], consul: FakeConsul, upstream: Upstream
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = await new_gateway(SERAI_LIMIT_DEFAULT="1").start()
    await gateway.until(lambda response: response.status in (200, 429), "/api/categories")
    refused = [(await gateway.get("/api/categories")).status for _ in range(300)].count(429)
    assert refused > 250
    assert (await gateway.get("/nothing", **{"x-request-id": "log-after-the-flood"})).status == 404
    await _lines(gateway, "log-after-the-flood")
    assert sum('"status":429' in line for line in gateway.log.splitlines()) < refused / 4
