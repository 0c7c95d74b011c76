"""HTTP/1.1 request smuggling: the gateway and the service must never read a request differently."""

from __future__ import annotations

import asyncio

import pytest

from tests.gateway.fake_services import SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response, read_response

POST = b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\n"
GET = b"GET /api/categories HTTP/1.1\r\nhost: x\r\n"
#: A second request hidden behind the first one, which only one of two parsers sees.
HIDDEN = b"GET /api/orders/stats HTTP/1.1\r\nhost: x\r\n\r\n"

#: Malformed requests by their defect. None may reach a service.
MALFORMED: dict[str, bytes] = {
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
    "a folded header": POST + b" transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
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
    "a target with user info": b"GET @elsewhere/api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "a target that is a star": b"GET * HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method in small letters": b"get /api/categories HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/1.0": b"GET /api/categories HTTP/1.0\r\nhost: x\r\n\r\n",
    "no version": b"GET /api/categories\r\n\r\n",
    "HTTP/9.9": b"GET /api/categories HTTP/9.9\r\nhost: x\r\n\r\n",
    "an upgrade to WebSocket": GET + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n",
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


async def _all_answers(gateway: GatewayProcess, request: bytes) -> list[Response]:
    """All responses on one connection, until the gateway closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    responses: list[Response] = []
    try:
        async with asyncio.timeout(30):
            writer.write(request)
            while True:
                responses.append(await read_response(reader))
    except (asyncio.IncompleteReadError, ConnectionError):
        return responses
    finally:
        writer.close()


async def test_ambiguous_requests_are_refused(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    # Envoy keeps a refused connection open for a second, so all requests are sent concurrently.
    answered = await asyncio.gather(*(_all_answers(gateway, request) for request in MALFORMED.values()))
    for name, responses in zip(MALFORMED, answered, strict=True):
        # One error response, then the connection is closed: what follows is not read as a request.
        assert len(responses) == 1, name
        assert responses[0].status in (400, 403, 426, 431, 501), (name, responses[0].status)
        assert responses[0].headers["content-type"] == "application/problem+json", name
    assert not upstream.received


@pytest.mark.parametrize("host", ["x\r\nhost: y", "x\r\nHost: x", "x,y", "x@y", "", "[::1", "x\r\n evil.example"])
async def test_a_request_needs_exactly_one_valid_host(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys, host: str
) -> None:
    upstream.received.clear()
    head = f"HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    (await gateway.raw(f"GET /api/categories {head}\r\n".encode())).problem(400, "bad_request")
    for role, path in (("customer", "/api/auth/me"), ("admin", "/api/monitoring/services")):
        token = f"authorization: Bearer {keys.token(role)}\r\n"
        assert (await gateway.raw(f"GET {path} {head}{token}\r\n".encode())).status in (400, 403)
    assert not upstream.received


@pytest.mark.parametrize(
    "host", ["localhost", "shop.example:8080", "127.0.0.1:1", "[::1]:8080", "xn--bcher-kva.example."]
)
async def test_every_valid_host_is_served(gateway: GatewayProcess, host: str) -> None:
    assert (await gateway.raw(f"GET /api/categories HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())).status == 200


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # What RFC 9112 (sections 5.2 and 2.2) lets a server repair reaches the service repaired.
        (b"x-a: b\r\n x-user-id: 1\r\n", {"x-a": "b x-user-id: 1"}),
        (b"x-a: b\r\n transfer-encoding: chunked\r\n", {"x-a": "b transfer-encoding: chunked"}),
        (b"x-a: b\rx-user-id: 1\r\n", {"x-a": "bx-user-id: 1"}),
        (b"x-a: b\nx-user-id: 1\nx-c: d\r\n", {"x-a": "b", "x-c": "d"}),
        (b"te: trailers\r\nkeep-alive: 1\r\nproxy-connection: close\r\n", {}),
        (b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n", {}),
        (b"connection: x-envoy-external-address\r\n", {"x-envoy-external-address": "127.0.0.1"}),
    ],
)
async def test_tolerated_headers_are_forwarded_in_strict_form(
    gateway: GatewayProcess, upstream: Upstream, lines: bytes, expected: dict[str, str]
) -> None:
    upstream.received.clear()
    assert (await gateway.raw(GET + lines + b"\r\n")).status == 200
    (received,) = upstream.received
    assert expected.items() <= received.headers.items()
    hop_by_hop = {"transfer-encoding", "connection", "upgrade", "http2-settings", "keep-alive", "proxy-connection"}
    assert not ({"x-user-id"} | hop_by_hop) & received.headers.keys()


async def test_trailers_and_chunk_extensions_are_not_forwarded(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    trailers = b"0\r\nx-user-id: 1\r\nauthorization: Service x\r\n\r\n"
    body = b"4;" + b"a" * 20_000 + b"\r\nabcd\r\n" + trailers
    assert (await gateway.raw(POST + b"transfer-encoding: chunked\r\n\r\n" + body)).status == 200
    (received,) = upstream.received
    assert received.body == b"abcd"
    assert received.headers["content-length"] == "4"
    assert not {"x-user-id", "authorization", "transfer-encoding"} & received.headers.keys()


async def test_the_host_of_an_absolute_target_is_used(gateway: GatewayProcess, upstream: Upstream) -> None:
    """RFC 9112, section 3.2.2: the target's host replaces the Host header."""
    upstream.received.clear()
    response = await gateway.raw(b"GET http://elsewhere.example/api/categories HTTP/1.1\r\nhost: x\r\n\r\n")
    assert response.status == 200
    assert upstream.received[-1].headers["host"] == "elsewhere.example"


async def test_the_body_of_a_get_is_not_read_as_a_second_request(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    body = b"GET /api/orders/stats HTTP/1.1\r\nhost: x\r\n\r\n"
    await gateway.raw(GET + b"content-length: %d\r\n\r\n" % len(body) + body)
    (received,) = upstream.received
    assert (received.path, received.body) == ("/api/categories", body)
