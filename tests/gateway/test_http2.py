"""HTTP/2: malformed requests, policies, and floods (denial of service). The tests use clear-text HTTP/2 (h2c)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.gateway.fake_services import SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response
from tests.gateway.http2_connection import ConnectionClosed, Http2Connection, StreamReset
from tests.gateway.test_forged_headers import FORGED_HEADERS

pytestmark = pytest.mark.slow

Pairs = list[tuple[str | bytes, str | bytes]]
#: The HTTP/2 error code CANCEL (RFC 9113, section 7).
CANCEL = 8


def _pseudo(method: str = "GET", path: str | None = "/api/categories", **changed: str | None) -> Pairs:
    usual = {"method": method, "scheme": "http", "authority": "localhost", "path": path} | changed
    return [(f":{name}", value) for name, value in usual.items() if value is not None]


#: Malformed requests by their defect: pseudo-headers, and headers after them.
MALFORMED: dict[str, tuple[Pairs, Pairs]] = {
    "a capital letter in a name": (_pseudo(), [("X-User-Id", "1")]),
    "a header of one connection": (_pseudo(), [("connection", "keep-alive")]),
    "keep-alive": (_pseudo(), [("keep-alive", "1")]),
    "an upgrade": (_pseudo(), [("upgrade", "h2c")]),
    "a transfer coding": (_pseudo("POST", "/api/cart/items"), [("transfer-encoding", "chunked")]),
    "te that is not trailers": (_pseudo(), [("te", "gzip")]),
    "a line break in a value": (_pseudo(), [("x-a", "1\r\nx-user-id: 1")]),
    "a line feed in a value": (_pseudo(), [("x-a", "1\nx-user-id: 1")]),
    "a NUL in a value": (_pseudo(), [("x-a", "1\x00")]),
    "a line break in a name": (_pseudo(), [("x-a: 1\r\nx-user-id", "1")]),
    "a colon in a name": (_pseudo(), [("x-a:", "1")]),
    "a space in a name": (_pseudo(), [("x a", "1")]),
    "an empty name": (_pseudo(), [("", "1")]),
    "an underscore in a name": (_pseudo(), [("x_user_id", "1")]),
    "a path after a header": (_pseudo(), [("x-a", "1"), (":path", "/api/auth/me")]),
    "two paths": ([*_pseudo(), (":path", "/api/auth/me")], []),
    "two methods": ([*_pseudo(), (":method", "DELETE")], []),
    "two hosts": ([*_pseudo(), (":authority", "elsewhere.example")], []),
    "no path": (_pseudo(path=None), []),
    "an empty path": (_pseudo(path=""), []),
    "a path without a slash": (_pseudo(path="api/categories"), []),
    "a path that is a whole address": (_pseudo(path="http://x/api/categories"), []),
    "a request in the path": (_pseudo(path="/api/categories HTTP/1.1\r\nx-user-id: 1\r\n\r\n"), []),
    "a space in the path": (_pseudo(path="/api/categories /api/auth/me"), []),
    "a fragment in the path": (_pseudo(path="/api/categories#x"), []),
    "no method": (_pseudo()[1:], []),
    "a path in the method": (_pseudo("GET /api/auth/me HTTP/1.1"), []),
    "a line break in the method": (_pseudo("GET\r\n"), []),
    "no scheme": (_pseudo(scheme=None), []),
    "a scheme that is an address": (_pseudo(scheme="http://evil.example/"), []),
    "no host": (_pseudo(authority=None), []),
    "a user in the host": (_pseudo(authority="admin@localhost"), []),
    "a path in the host": (_pseudo(authority="localhost/api"), []),
    "a list of hosts": (_pseudo(authority="a,b"), []),
    "a line break in the host": (_pseudo(authority="localhost\r\nx-a: 1"), []),
    "an answer's pseudo-header": ([*_pseudo(), (":status", "200")], []),
    "an unknown pseudo-header": ([*_pseudo(), (":user", "1")], []),
    "a tunnel": ([(":method", "CONNECT"), (":authority", "127.0.0.1:22")], []),
    "a tunnel for sockets": ([*_pseudo("CONNECT"), (":protocol", "websocket")], []),
    "two lengths": (_pseudo("POST", "/api/cart/items"), [("content-length", "0"), ("content-length", "4")]),
    "a negative length": (_pseudo("POST", "/api/cart/items"), [("content-length", "-1")]),
    "a hundred headers and more": (_pseudo(), [(f"x-{n}", "1") for n in range(101)]),
    "thousands of cookies": (_pseudo(), [("cookie", f"a{n}=1") for n in range(5_000)]),
}


async def _outcome(gateway: GatewayProcess, pseudo: Pairs, headers: Pairs) -> int | str:
    """The status of the error response, "reset" or "closed"."""
    async with Http2Connection(gateway.port) as connection:
        try:
            return (await connection.request("", "", headers, pseudo=pseudo)).status
        except StreamReset:
            return "reset"
        except ConnectionClosed:
            return "closed"


async def test_a_malformed_request_reaches_no_service(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    # Envoy keeps a refused connection open for a second, so all requests are sent concurrently.
    found = await asyncio.gather(*(_outcome(gateway, *given) for given in MALFORMED.values()))
    wrong = {name: how for name, how in zip(MALFORMED, found, strict=True) if how not in ("reset", "closed", 400, 403)}
    assert not wrong
    assert not upstream.received


@pytest.mark.parametrize("length", ["2", "10"])
async def test_a_body_must_match_its_content_length(gateway: GatewayProcess, upstream: Upstream, length: str) -> None:
    upstream.received.clear()
    async with Http2Connection(gateway.port) as connection:
        with pytest.raises(StreamReset):
            await connection.request("POST", "/api/cart/items", [("content-length", length)], body=b"abcdef")
    assert not upstream.received


async def test_policies_and_path_rules_are_those_of_http_1(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    async with Http2Connection(gateway.port) as connection:
        upstream.received.clear()
        (await connection.request("GET", "/api/auth/me")).problem(401, "unauthenticated")
        (await connection.request("GET", "/api/categories/../auth/me")).problem(401, "unauthenticated")
        (await connection.request("GET", "/internal/events")).problem(404, "not_found")
        (await connection.request("DELETE", "/api/categories")).problem(405, "method_not_allowed")
        (await connection.request("GET", "/api/products/a%2fb")).problem(400, "bad_request")
        customer = ("authorization", f"Bearer {keys.token()}")
        (await connection.request("GET", "/api/monitoring/services", [customer])).problem(403, "forbidden")
        (await connection.request("GET", "/api/auth/me", [customer, customer])).problem(401, "unauthenticated")
        (await connection.request("GET", "/api/auth/me", [("authorization", f"Service {keys.token()}")])).problem(
            401, "unauthenticated"
        )
        assert not upstream.received
        assert (await connection.request("GET", "/api/auth/me", [customer])).status == 200
        response = await connection.request("POST", "/api/payments/webhooks/stripe", body=b"x" * 16_000)
        assert response.status == 200
        assert upstream.received[-1].body == b"x" * 16_000


async def test_identity_headers_of_clients_are_removed(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    forged: Pairs = [(name.lower(), value) for name, value in FORGED_HEADERS.items() for _ in range(2)]
    token = ("authorization", f"Bearer {keys.token()}")
    async with Http2Connection(gateway.port) as connection:
        upstream.received.clear()
        assert (await connection.request("GET", "/api/auth/me", [*forged, token])).status == 200
        (received,) = upstream.received
        for name, value in FORGED_HEADERS.items():
            assert value not in received.headers.get(name.lower(), ""), name
        upstream.received.clear()
        assert (await connection.request("GET", "/api/auth/me", forged)).status == 401
        assert not upstream.received


async def test_the_authority_replaces_the_host_header(gateway: GatewayProcess, upstream: Upstream) -> None:
    async with Http2Connection(gateway.port) as connection:
        assert (await connection.request("GET", "/api/categories", [("host", "evil.example")])).status == 200
    assert upstream.received[-1].headers["host"] == "localhost"


async def test_the_scheme_of_the_client_is_not_forwarded(gateway: GatewayProcess, upstream: Upstream) -> None:
    async with Http2Connection(gateway.port) as connection:
        await connection.request("", "", pseudo=_pseudo(scheme="https"))
    assert upstream.received[-1].headers["x-forwarded-proto"] == "http"


async def test_the_number_of_concurrent_streams_is_limited(gateway: GatewayProcess) -> None:
    async with Http2Connection(gateway.port) as connection:
        streams = [connection.stream() for _ in range(101)]
        waiting = ("END_HEADERS",)
        await connection.send(
            *(connection.headers(s, _pseudo("POST", "/api/cart/items"), flags=waiting) for s in streams)
        )
        with pytest.raises(StreamReset):
            await connection.response(streams[-1])
        # The other streams are not affected.
        last = DataFrame(streams[0], b"{}")
        last.flags.add("END_STREAM")
        await connection.send(last)
        assert (await connection.response(streams[0])).status == 200


# Floods. Each ends with the attacker's connection and does not affect other connections.


async def _rapid_resets(connection: Http2Connection) -> None:
    """CVE-2023-44487 (rapid reset): each request is reset immediately."""
    for _ in range(500):
        frames: list[Frame] = []
        for _ in range(20):
            stream = connection.stream()
            frames += [connection.headers(stream, _pseudo()), RstStreamFrame(stream, error_code=CANCEL)]
        await connection.send(*frames)


async def _refused_requests(connection: Http2Connection) -> None:
    """A variant of rapid reset: invalid requests, which the gateway itself resets."""
    for _ in range(500):
        await connection.send(
            *(connection.headers(connection.stream(), [*_pseudo(), ("x_bad", "1")]) for _ in range(20))
        )


async def _endless_headers(connection: Http2Connection) -> None:
    """CVE-2024-27983 and similar: CONTINUATION frames without end."""
    await connection.send(HeadersFrame(connection.stream(), connection.encoder.encode(_pseudo()), flags=["END_STREAM"]))
    more = ContinuationFrame(1, connection.encoder.encode([("x-a", "a" * 4_000)])).serialize()
    for _ in range(2_000):
        await connection.raw(more)


async def _empty_headers(connection: Http2Connection) -> None:
    await connection.send(HeadersFrame(connection.stream(), connection.encoder.encode(_pseudo()), flags=["END_STREAM"]))
    for _ in range(200):
        await connection.send(*(ContinuationFrame(1, b"") for _ in range(100)))


async def _empty_bodies(connection: Http2Connection) -> None:
    """CVE-2019-9518: empty DATA frames without end."""
    stream = connection.stream()
    await connection.send(connection.headers(stream, _pseudo("POST", "/api/cart/items"), flags=("END_HEADERS",)))
    for _ in range(200):
        await connection.send(*(DataFrame(stream, b"") for _ in range(100)))


def _flood(frame: Frame) -> Callable[[Http2Connection], Awaitable[None]]:
    async def flood(connection: Http2Connection) -> None:
        for _ in range(200):
            await connection.raw(frame.serialize() * 100)

    return flood


async def _oversized_table(connection: Http2Connection) -> None:
    """A larger header compression table than allowed (RFC 7541, section 6.3)."""
    grow = b"\x3f\xe1\xff\xff\x7f"
    await connection.send(
        HeadersFrame(
            connection.stream(), grow + connection.encoder.encode(_pseudo()), flags=["END_HEADERS", "END_STREAM"]
        )
    )


async def _unknown_table_entry(connection: Http2Connection) -> None:
    await connection.send(HeadersFrame(connection.stream(), b"\xff\xff\xff\x0f", flags=["END_HEADERS", "END_STREAM"]))


async def _oversized_frame(connection: Http2Connection) -> None:
    await connection.send(connection.headers(connection.stream(), [*_pseudo(), ("x-a", "a" * 40_000)]))


async def _server_stream_id(connection: Http2Connection) -> None:
    await connection.send(connection.headers(2, _pseudo()))


FLOODS: dict[str, Callable[[Http2Connection], Awaitable[None]]] = {
    "rapid resets": _rapid_resets,
    "refused requests": _refused_requests,
    "endless headers": _endless_headers,
    "empty headers": _empty_headers,
    "empty bodies": _empty_bodies,
    "pings": _flood(PingFrame(0, b"12345678")),
    "settings": _flood(SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 1})),
    "priorities": _flood(PriorityFrame(1, depends_on=0, stream_weight=1)),
    "windows": _flood(WindowUpdateFrame(0, window_increment=1)),
    "a window overflow": _flood(WindowUpdateFrame(0, window_increment=2**31 - 1)),
    "an oversized table": _oversized_table,
    "an unknown table entry": _unknown_table_entry,
    "an oversized frame": _oversized_frame,
    "a stream id of the server": _server_stream_id,
}


async def _until_closed(gateway: GatewayProcess, flood: Callable[[Http2Connection], Awaitable[None]]) -> None:
    async with Http2Connection(gateway.port) as connection:
        try:
            await flood(connection)
        except ConnectionClosed:
            return
        await connection.wait_closed()


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_ends_with_its_connection_and_affects_no_other(gateway: GatewayProcess, name: str) -> None:
    async with Http2Connection(gateway.port) as other:
        flood = asyncio.create_task(_until_closed(gateway, FLOODS[name]))
        async with asyncio.timeout(60):
            while not flood.done():
                assert (await other.request("GET", "/api/categories")).status == 200
            await flood
        assert (await other.request("GET", "/api/categories")).status == 200
    response = await gateway.get("/api/categories")
    assert response.status == 200


async def test_a_header_compression_bomb_is_refused(gateway: GatewayProcess, upstream: Upstream) -> None:
    """A few kilobytes on the wire, megabytes when decompressed."""
    async with Http2Connection(gateway.port) as connection:
        assert (await connection.request("GET", "/api/categories", [("x-bomb", "a" * 3_500)])).status == 200
        upstream.received.clear()
        stream = connection.stream()
        again = b"\xbe"  # the newest entry of the dynamic table
        block = connection.encoder.encode(_pseudo()) + again * 8_000
        await connection.send(HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"]))
        with pytest.raises((StreamReset, ConnectionClosed)):
            await connection.response(stream)
    assert not upstream.received


async def test_occasional_resets_are_no_flood(gateway: GatewayProcess) -> None:
    """A browser resets some requests when its user leaves a page."""
    async with Http2Connection(gateway.port) as connection:
        responses: list[Response] = []
        for number in range(300):
            responses.append(await connection.request("GET", "/api/categories"))
            if number % 3 == 0:
                stream = connection.stream()
                await connection.send(connection.headers(stream, _pseudo()), RstStreamFrame(stream, error_code=CANCEL))
        assert {response.status for response in responses} == {200}
