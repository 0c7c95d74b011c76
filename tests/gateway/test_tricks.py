"""What an attacker tries over HTTP/1.1: the edge and the service must never disagree on what was asked, or by whom."""

from __future__ import annotations

import asyncio
import json
import re
import string
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.gateway.routes import Route, paths, service_routes
from tests.gateway.gate import Answer, Gate, read_answer
from tests.gateway.shop import DOCUMENTS, Consul, Keys, Upstream

POST = b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\n"
GET = b"GET /api/categories HTTP/1.1\r\nhost: x\r\n"
#: What an attacker hides behind the first request, hoping that only one of two readers sees it.
HIDDEN = b"GET /api/orders/stats HTTP/1.1\r\nhost: x\r\n\r\n"

#: By what is wrong with it. None of these may reach a service.
REFUSED: dict[str, bytes] = {
    "length and chunks": POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunks and length": POST + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": POST + b"content-length: 0\r\ncontent-length: 44\r\n\r\n" + HIDDEN,
    "the same length twice": POST + b"content-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
    "a list of lengths": POST + b"content-length: 4, 4\r\n\r\nabcd",
    "a signed length": POST + b"content-length: +4\r\n\r\nabcd",
    "a negative length": POST + b"content-length: -4\r\n\r\nabcd",
    "a hexadecimal length": POST + b"content-length: 0x4\r\n\r\nabcd",
    "a length beyond 64 bits": POST + b"content-length: 99999999999999999999\r\n\r\nabcd",
    "a space before the colon of a length": POST + b"content-length : 4\r\n\r\nabcd",
    "a tab before the colon of a length": POST + b"content-length\t: 4\r\n\r\nabcd",
    "a vertical tab before a length": POST + b"content-length:\x0b4\r\n\r\nabcd",
    "a coding that is nearly chunked": POST + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked and another line": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n",
    "chunked under gzip": POST + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked and identity": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity and a length": POST + b"transfer-encoding: identity\r\ncontent-length: 4\r\n\r\nabcd",
    "chunked in quotes": POST + b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked and a vertical tab": POST + b"transfer-encoding: chunked\x0b\r\n\r\n0\r\n\r\n",
    "a space before the colon of a coding": POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded host": POST + b" transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an underscore for a dash": POST + b"transfer_encoding: chunked\r\ncontent-length: 4\r\n\r\nabcd",
    "chunks that end in a bare line feed": POST + b"transfer-encoding: chunked\r\n\r\n4\nabcd\n0\n\n",
    "a line feed in a chunk's extension": POST + b"transfer-encoding: chunked\r\n\r\n4;a=\nb\r\nabcd\r\n0\r\n\r\n",
    "a signed chunk": POST + b"transfer-encoding: chunked\r\n\r\n+4\r\nabcd\r\n0\r\n\r\n",
    "a chunk in another notation": POST + b"transfer-encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
    "a chunk beyond 64 bits": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabcd\r\n0\r\n\r\n",
    "a chunk without an end": POST + b"transfer-encoding: chunked\r\n\r\n4\r\nabcdXX0\r\n\r\n",
    "no host": b"GET /api/categories HTTP/1.1\r\n\r\n",
    "a path in the host": b"GET /api/categories HTTP/1.1\r\nhost: x/y\r\n\r\n",
    "a host that is taken off as hop by hop": GET + b"connection: host\r\n\r\n",
    "the scheme taken off as hop by hop": GET + b"connection: x-forwarded-proto\r\n\r\n",
    "the client's address taken off as hop by hop": GET + b"connection: x-forwarded-for\r\n\r\n",
    "another scheme": b"GET https://elsewhere.example/api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "a file": b"GET file:///etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target without a slash": b"GET api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target that is a user's": b"GET @elsewhere/api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target that is a star": b"GET * HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method in small letters": b"get /api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "a version from long ago": b"GET /api/categories HTTP/1.0\r\nhost: x\r\n\r\n",
    "no version": b"GET /api/categories\r\n\r\n",
    "a version of the future": b"GET /api/categories HTTP/9.9\r\nhost: x\r\n\r\n",
    "another protocol": GET + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n",
    "a NUL in a value": GET + b"x-a: \x00\r\n\r\n",
    "a delete in a value": GET + b"x-a: \x7f\r\n\r\n",
    "a header without a name": GET + b": empty\r\n\r\n",
    "a header without a colon": GET + b"nocolon\r\n\r\n",
    "a name beyond ASCII": GET + b"x\xe9: 1\r\n\r\n",
    "a name with a space": GET + b"x a: 1\r\n\r\n",
    "a target of 40 kB": b"GET /api/categories?" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "a header of 40 kB": GET + b"x-a: " + b"a" * 40_000 + b"\r\n\r\n",
    "a hundred headers and more": GET + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n",
}


async def _all_answers(gate: Gate, request: bytes) -> list[Answer]:
    """Every answer on one connection, until the gate closes it or is asked to."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    answers: list[Answer] = []
    try:
        async with asyncio.timeout(30):
            writer.write(request)
            while True:
                answers.append(await read_answer(reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        return answers
    finally:
        writer.close()


async def test_what_two_readers_might_read_differently_is_refused(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    # A connection that was refused is held for a second, so all are tried at once.
    answered = await asyncio.gather(*(_all_answers(gate, request) for request in REFUSED.values()))
    for name, answers in zip(REFUSED, answered, strict=True):
        # One refusal, and the connection is given up: what stands behind it is nobody's request.
        assert len(answers) == 1, name
        assert answers[0].status in (400, 403, 426, 431, 501), (name, answers[0].status)
        assert answers[0].headers["content-type"] == "application/problem+json", name
    assert not upstream.seen


@pytest.mark.parametrize("host", ["x\r\nhost: y", "x\r\nHost: x", "x,y", "x@y", "", "[::1", "x\r\n evil.example"])
async def test_a_request_is_for_one_host(gate: Gate, upstream: Upstream, keys: Keys, host: str) -> None:
    upstream.seen.clear()
    head = f"HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    (await gate.raw(f"GET /api/categories {head}\r\n".encode())).problem(400, "bad_request")
    for role, path in (("customer", "/api/auth/me"), ("admin", "/api/monitoring/services")):
        token = f"authorization: Bearer {keys.token(role)}\r\n"
        assert (await gate.raw(f"GET {path} {head}{token}\r\n".encode())).status in (400, 403)
    assert not upstream.seen


@pytest.mark.parametrize(
    "host", ["localhost", "shop.example:8080", "127.0.0.1:1", "[::1]:8080", "xn--bcher-kva.example."]
)
async def test_any_host_that_is_one_is_served(gate: Gate, host: str) -> None:
    assert (await gate.raw(f"GET /api/categories HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())).status == 200


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # What RFC 9112 lets a server mend (5.2, 2.2) reaches the service mended.
        (b"x-a: b\r\n x-user-id: 1\r\n", {"x-a": "b x-user-id: 1"}),
        (b"x-a: b\r\n transfer-encoding: chunked\r\n", {"x-a": "b transfer-encoding: chunked"}),
        (b"x-a: b\rx-user-id: 1\r\n", {"x-a": "bx-user-id: 1"}),
        (b"x-a: b\nx-user-id: 1\nx-c: d\r\n", {"x-a": "b", "x-c": "d"}),
        (b"te: trailers\r\nkeep-alive: 1\r\nproxy-connection: close\r\n", {}),
        (b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n", {}),
        (b"connection: x-envoy-external-address\r\n", {"x-envoy-external-address": "127.0.0.1"}),
    ],
)
async def test_what_is_read_generously_is_passed_on_strictly(
    gate: Gate, upstream: Upstream, lines: bytes, expected: dict[str, str]
) -> None:
    upstream.seen.clear()
    assert (await gate.raw(GET + lines + b"\r\n")).status == 200
    (seen,) = upstream.seen
    assert expected.items() <= seen.headers.items()
    hop_by_hop = {"transfer-encoding", "connection", "upgrade", "http2-settings", "keep-alive", "proxy-connection"}
    assert not ({"x-user-id"} | hop_by_hop) & seen.headers.keys()


async def test_trailers_and_chunk_extensions_end_at_the_edge(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    trailers = b"0\r\nx-user-id: 1\r\nauthorization: Service x\r\n\r\n"
    body = b"4;" + b"a" * 20_000 + b"\r\nabcd\r\n" + trailers
    assert (await gate.raw(POST + b"transfer-encoding: chunked\r\n\r\n" + body)).status == 200
    (seen,) = upstream.seen
    assert seen.body == b"abcd"
    assert seen.headers["content-length"] == "4"
    assert not {"x-user-id", "authorization", "transfer-encoding"} & seen.headers.keys()


async def test_a_target_with_a_host_is_asked_of_that_host(gate: Gate, upstream: Upstream) -> None:
    """RFC 9112, 3.2.2: the target's host counts, never the header's, so that both ends speak of one."""
    upstream.seen.clear()
    answer = await gate.raw(b"GET http://elsewhere.example/api/categories HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.status == 200
    assert upstream.seen[-1].headers["host"] == "elsewhere.example"


async def test_a_body_where_none_belongs_is_no_second_request(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    body = b"GET /api/orders/stats HTTP/1.1\r\nhost: x\r\n\r\n"
    await gate.raw(GET + b"content-length: %d\r\n\r\n" % len(body) + body)
    (seen,) = upstream.seen
    assert (seen.path, seen.body) == ("/api/categories", body)


SPELLINGS = {
    # What a decoder too many, or one too few, would make of these is somebody else's order.
    401: [
        "/api\\auth\\me",
        "/api/categories\\..\\auth\\me",
        "/api/categories/..;/auth/me",
        "/api/categories/%2e%2e/auth/me",
        "/api/categories/.%2e/auth/me",
        "/../api/auth/me",
        "/media/../api/auth/me",
        "/media/%2e%2e/api/auth/me",
        "/media/a/../../api/auth/me",
        "/api/auth/m%65",
        "/api/auth/me??x",
    ],
    400: [
        "/%2fapi/auth/me",
        "/media/..%2fapi/auth/me",
        "/media/%5c..%5cx",
        "/media/.%00./x",
        "/api/auth/me%00",
        "/api/auth/me%00.json",
        "/api/products/%00",
        "/api/auth/me#",
        "/api/products/a b",
        "/api/products/\u00e9",
    ],
    404: [
        "/api/auth/me;x=1",
        "/api/auth;x/me",
        "/api;/auth/me",
        "/;/api/auth/me",
        "/api/auth/ME",
        "/api/auth/me/",
        "/api/auth/me/.",
        "/api/auth/me%20",
        "/api/auth/me%0d%0a",
        "/api/auth/me%3fx",
        "/api%3f/auth/me",
        "/api/%252e%252e/auth/me",
        "/api/%c0%ae%c0%ae/auth/me",
        "/api/auth%c0%afme",
        "/api/auth%e0%80%afme",
        "/api/auth%u002fme",
        "/api/categories/../../internal/events",
        "/media/../internal/events",
        "/../../../../etc/passwd",
    ],
}


async def test_no_spelling_walks_past_the_door(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    for status, spellings in SPELLINGS.items():
        requests = [f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in spellings]
        answers = await asyncio.gather(*map(gate.raw, requests))
        assert {p: a.status for p, a in zip(spellings, answers, strict=True)} == dict.fromkeys(spellings, status)
    assert not upstream.seen


@pytest.mark.parametrize(
    "name", ["%C0%AF", "%c0%ae%c0%ae", "%252e%252e", "%252f", "%25%32%66", "%zz", "%", "%u002e", "..%c0%af", "1%3Bx"]
)
async def test_what_stands_for_nothing_is_passed_on_to_the_letter(gate: Gate, upstream: Upstream, name: str) -> None:
    """Such a name is one segment to the edge and one to the service: neither decodes it further."""
    upstream.seen.clear()
    assert (await gate.get(f"/api/products/{name}")).status == 200
    (seen,) = upstream.seen
    assert seen.path.count("/") == 3
    assert unquote(seen.path, errors="replace") == unquote(f"/api/products/{name}", errors="replace")


FORGED = {
    "x-user-id": "1",
    "X-User-Role": "admin",
    "x-user-": "1",
    "x-service-name": "order",
    "x-service-token": "1",
    "x-envoy-original-path": "/internal",
    "x-envoy-original-url": "/internal",
    "x-envoy-decorator-operation": "1",
    "x-envoy-external-address": "203.0.113.9",
    "x-envoy-internal": "true",
    "x-envoy-retry-on": "5xx",
    "x-envoy-max-retries": "9",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-upstream-rq-per-try-timeout-ms": "1",
    "x-envoy-force-trace": "true",
    "x-serai-anything": "1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example",
    "x-forwarded-prefix": "/evil",
    "x-forwarded-user": "admin",
    "x-forwarded-client-cert": "Subject=admin",
    "forwarded": "for=203.0.113.9;host=evil.example",
    "x-real-ip": "203.0.113.9",
    "x-http-method-override": "DELETE",
    "x-original-url": "/internal",
    "x-rewrite-url": "/internal",
    "proxy": "http://evil.example",
}


async def test_no_header_says_who_is_calling(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    upstream.seen.clear()
    twice = [pair for pair in FORGED.items() for _ in range(2)]
    assert (await gate.ask("GET", "/api/auth/me", headers=twice, token=keys.token())).status == 200
    (seen,) = upstream.seen
    for name, value in FORGED.items():
        assert value not in seen.headers.get(name.lower(), ""), name
    assert seen.path == "/api/auth/me"


async def test_no_header_stands_for_a_token(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    assert (await gate.ask("GET", "/api/auth/me", headers=FORGED)).status == 401
    assert not upstream.seen


@pytest.mark.parametrize("sent", [b"", b"GET /api/categories HT", b"GET /api/categories HTTP/1.1\r\nhost: x\r\n"])
async def test_headers_that_do_not_come_are_not_waited_for(slow_gate: Gate, upstream: Upstream, sent: bytes) -> None:
    upstream.seen.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", slow_gate.port)
    writer.write(sent)
    if sent:
        answer = await asyncio.wait_for(read_answer(reader), 30)
        answer.problem(408, "request_timeout")
    else:
        # Nobody has asked anything: such a connection is dropped when it has been idle for long.
        assert (await slow_gate.get("/api/categories")).status == 200
    writer.close()
    assert all(seen.path == "/api/categories" for seen in upstream.seen)


async def test_a_body_that_does_not_come_is_not_waited_for(slow_gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", slow_gate.port)
    writer.write(POST + b"content-length: 1000\r\n\r\nab")

    async def drip() -> None:
        # A byte now and then keeps it from standing still, and gains nothing.
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    answer = await asyncio.wait_for(read_answer(reader), 30)
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    answer.problem(408, "request_timeout")
    assert not upstream.seen
    writer.close()


async def test_many_that_are_slow_keep_nobody_waiting(slow_gate: Gate) -> None:
    slow = [await asyncio.open_connection("127.0.0.1", slow_gate.port) for _ in range(200)]
    for number, (_, writer) in enumerate(slow):
        writer.write(GET if number % 2 else POST + b"content-length: 10\r\n\r\n")
    async with asyncio.timeout(30):
        for _ in range(10):
            assert (await slow_gate.get("/api/categories")).status == 200
        # Each of them is told so and let go, not one is kept.
        for reader, writer in slow:
            assert (await read_answer(reader)).status == 408
            writer.close()


@pytest.fixture(scope="module")
async def slow_gate(
    tmp_path_factory: pytest.TempPathFactory, documents: Path, upstream: Upstream
) -> AsyncIterator[Gate]:
    """A gate that loses its patience soon."""
    consul = await Consul().start()
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    environ = {
        "SERAI_OPENAPI": str(documents),
        "SERAI_DISCOVERY_URL": f"http://127.0.0.1:{consul.port}",
        "SERAI_JWKS": json.dumps(upstream.jwks),
        "SERAI_HEADERS_TIMEOUT_S": "1",
        "SERAI_REQUEST_TIMEOUT_S": "2",
        "SERAI_GATEWAY_ACCESS_LOG": "0",
    }
    gate = Gate(tmp_path_factory.mktemp("slow"), environ)
    await gate.start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    yield gate
    await gate.stop()
    await consul.stop()


# Paths that nobody thought of: the answer must be the one that the table of routes gives to the plain path.

_SEGMENTS = st.sampled_from(
    sorted({segment for document in DOCUMENTS.values() for path in document["paths"] for segment in path.split("/")})
)
_ODD = st.text(alphabet=string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@%/\\ \t?#\x00\x7f\u00e9", max_size=8)
_DOTS = st.sampled_from(
    [".", "..", "%2e", "%2E%2e", ".%2e", "..;", "%2f", "%5c", "%00", "", "%252e", ";a=b", "internal"]
)
_TARGET = st.lists(st.one_of(_SEGMENTS, _DOTS, _ODD), min_size=1, max_size=8).map(lambda parts: "/" + "/".join(parts))
ROUTES = service_routes(DOCUMENTS)


def _route(method: str, path: str) -> Route | None:
    """What the table of routes says of a path that is spelt plainly."""
    for found in paths(ROUTES):
        if re.fullmatch(found.regex, path):
            return next((route for route in found.routes if route.method == method), None)
    return None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=_TARGET, method=st.sampled_from(["GET", "GET", "POST", "PUT", "DELETE", "HEAD"]))
async def test_no_path_reaches_a_service_without_the_token_that_it_needs(
    gate: Gate, upstream: Upstream, target: str, method: str
) -> None:
    upstream.seen.clear()
    head = f"{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    body = "content-length: 0\r\n\r\n" if method in ("POST", "PUT") else "\r\n"
    answer = await gate.raw((head + body).encode())
    for seen in upstream.seen:
        route = _route(seen.method, seen.path.partition("?")[0])
        assert route is not None, (target, seen.path)
        assert route.policy in ("public", "optional"), (target, seen.path)
        assert seen.method == method
        assert not seen.path.startswith("/internal")
    if not upstream.seen:
        # The edge, its pages, those of the client application, behind which there is nobody here, or the test's own
        # server, which takes no target with a line break in it.
        assert answer.status in (200, 304, 307, 400, 401, 404, 405, 413, 426, 429, 431, 503), (target, answer.status)
