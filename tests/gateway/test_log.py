"""What the edge writes down of a request, and what it never does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.gateway.gate import Gate
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream


async def _lines(gate: Gate, *request_ids: str) -> list[dict[str, Any]]:
    """The lines of these requests, in their order; Envoy writes them some time after it has answered."""
    found: dict[str, dict[str, Any]] = {}
    try:
        async with asyncio.timeout(30):
            while not found.keys() >= set(request_ids):
                written = gate.log.rpartition("\n")[0].splitlines()
                lines = (json.loads(line) for line in written if '"message":"request"' in line)
                found = {line["request_id"]: line for line in lines}
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{set(request_ids) - found.keys()} have no line") from None
    return [found[request_id] for request_id in request_ids]


async def test_a_line_tells_what_was_asked_and_what_became_of_it(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    served = {"x-request-id": "log-served"}
    assert (await gate.ask("GET", "/api/users/u-4711", token=keys.token(), headers=served)).status == 200
    assert (await gate.get("/api/auth/me", **{"x-request-id": "log-refused"})).status == 401
    assert (await gate.get("/nobody/u-4711", **{"x-request-id": "log-unknown"})).status == 404
    done, refused, unknown = await _lines(gate, "log-served", "log-refused", "log-unknown")
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


async def test_nothing_that_a_client_sends_freely_is_in_it(gate: Gate, keys: Keys) -> None:
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
    assert (await gate.ask("GET", path, token=token, headers=headers)).status == 200
    ids = {name: value for name, value in headers.items() if name != "x-request-id"}
    bad = {**ids, "x-request-id": "log-canary-bad"}
    assert (await gate.ask("GET", path, token=f"{token}{secret}", headers=bad)).status == 401
    lost = {**ids, "x-request-id": "log-canary-lost"}
    assert (await gate.ask("POST", f"/{secret}?q={secret}", headers=lost, body=secret.encode())).status == 404
    broken = f"GET /api/x HTTP/1.1\r\nhost: x\r\nx-request-id: {secret}\r\n{secret}\r\n\r\n"
    assert (await gate.raw(broken.encode())).status == 400
    await _lines(gate, "log-canary-ask", "log-canary-bad", "log-canary-lost")
    # An id that is sane is a client's to choose, and the line's purpose; nothing else of it is there.
    lines = [line for line in gate.log.splitlines() if f'"request_id":"{secret}"' not in line]
    assert not [line for line in lines if secret in line]
    assert token not in gate.log
    assert token.rpartition(".")[2] not in gate.log


async def test_of_what_went_well_only_a_share_is_kept(
    fresh_gate: Callable[..., Gate], consul: Consul, upstream: Upstream
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = await fresh_gate(SERAI_GATEWAY_ACCESS_LOG_SAMPLE="0").start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    for number in range(200):
        assert (await gate.get("/api/categories", **{"x-request-id": f"log-well-{number}"})).status == 200
    for number in range(5):
        assert (await gate.get("/nothing", **{"x-request-id": f"log-amiss-{number}"})).status == 404
    await _lines(gate, *(f"log-amiss-{number}" for number in range(5)))
    assert "log-well-" not in gate.log


async def test_a_flood_that_is_refused_does_not_fill_the_log(
    fresh_gate: Callable[..., Gate], consul: Consul, upstream: Upstream
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = await fresh_gate(SERAI_LIMIT_DEFAULT="1").start()
    await gate.until(lambda answer: answer.status in (200, 429), "/api/categories")
    refused = [(await gate.get("/api/categories")).status for _ in range(300)].count(429)
    assert refused > 250
    assert (await gate.get("/nothing", **{"x-request-id": "log-after-the-flood"})).status == 404
    await _lines(gate, "log-after-the-flood")
    assert sum('"status":429' in line for line in gate.log.splitlines()) < refused / 4
