"""The same doors over HTTP/2, and the floods that only HTTP/2 knows. The gate takes it in clear text too."""

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

from tests.gateway.gate import Answer, Gate
from tests.gateway.shop import Keys, Upstream
from tests.gateway.test_tricks import FORGED
from tests.gateway.wire import Gone, Reset, Wire

Pairs = list[tuple[str | bytes, str | bytes]]
#: What HTTP/2 gives up with a connection that takes back what it asked (RFC 9113, 7).
CANCEL = 8


def _pseudo(method: str = "GET", path: str | None = "/api/categories", **changed: str | None) -> Pairs:
    usual = {"method": method, "scheme": "http", "authority": "localhost", "path": path} | changed
    return [(f":{name}", value) for name, value in usual.items() if value is not None]


#: By what is wrong with it: pseudo-headers, and headers after them.
MALFORMED: dict[str, tuple[Pairs, Pairs]] = {
    "a capital letter in a name": (_pseudo(), [("X-User-Id", "1")]),
    "a header of one connection": (_pseudo(), [("connection", "keep-alive")]),
    "a header kept alive": (_pseudo(), [("keep-alive", "1")]),
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


async def _refusal(gate: Gate, pseudo: Pairs, headers: Pairs) -> int | str:
    """The status of the refusal, or how it was refused."""
    async with Wire(gate.port) as wire:
        try:
            return (await wire.ask("", "", headers, pseudo=pseudo)).status
        except Reset:
            return "reset"
        except Gone:
            return "gone"


async def test_a_malformed_request_reaches_nobody(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    # A connection that was refused is held for a second, so all are tried at once.
    found = await asyncio.gather(*(_refusal(gate, *given) for given in MALFORMED.values()))
    wrong = {name: how for name, how in zip(MALFORMED, found, strict=True) if how not in ("reset", "gone", 400, 403)}
    assert not wrong
    assert not upstream.seen


@pytest.mark.parametrize("length", ["2", "10"])
async def test_a_body_is_as_long_as_was_said(gate: Gate, upstream: Upstream, length: str) -> None:
    upstream.seen.clear()
    async with Wire(gate.port) as wire:
        with pytest.raises(Reset):
            await wire.ask("POST", "/api/cart/items", [("content-length", length)], body=b"abcdef")
    assert not upstream.seen


async def test_the_policies_are_the_same(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    async with Wire(gate.port) as wire:
        upstream.seen.clear()
        (await wire.ask("GET", "/api/auth/me")).problem(401, "unauthenticated")
        (await wire.ask("GET", "/api/categories/../auth/me")).problem(401, "unauthenticated")
        (await wire.ask("GET", "/internal/events")).problem(404, "not_found")
        (await wire.ask("DELETE", "/api/categories")).problem(405, "method_not_allowed")
        (await wire.ask("GET", "/api/products/a%2fb")).problem(400, "bad_request")
        customer = ("authorization", f"Bearer {keys.token()}")
        (await wire.ask("GET", "/api/monitoring/services", [customer])).problem(403, "forbidden")
        (await wire.ask("GET", "/api/auth/me", [customer, customer])).problem(401, "unauthenticated")
        (await wire.ask("GET", "/api/auth/me", [("authorization", f"Service {keys.token()}")])).problem(
            401, "unauthenticated"
        )
        assert not upstream.seen
        assert (await wire.ask("GET", "/api/auth/me", [customer])).status == 200
        answer = await wire.ask("POST", "/api/payments/webhooks/stripe", body=b"x" * 16_000)
        assert answer.status == 200
        assert upstream.seen[-1].body == b"x" * 16_000


async def test_no_header_says_who_is_calling(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    forged: Pairs = [(name.lower(), value) for name, value in FORGED.items() for _ in range(2)]
    token = ("authorization", f"Bearer {keys.token()}")
    async with Wire(gate.port) as wire:
        upstream.seen.clear()
        assert (await wire.ask("GET", "/api/auth/me", [*forged, token])).status == 200
        (seen,) = upstream.seen
        for name, value in FORGED.items():
            assert value not in seen.headers.get(name.lower(), ""), name
        upstream.seen.clear()
        assert (await wire.ask("GET", "/api/auth/me", forged)).status == 401
        assert not upstream.seen


async def test_the_authority_counts_and_not_the_host(gate: Gate, upstream: Upstream) -> None:
    async with Wire(gate.port) as wire:
        assert (await wire.ask("GET", "/api/categories", [("host", "evil.example")])).status == 200
    assert upstream.seen[-1].headers["host"] == "localhost"


async def test_a_claimed_scheme_is_not_believed(gate: Gate, upstream: Upstream) -> None:
    async with Wire(gate.port) as wire:
        await wire.ask("", "", pseudo=_pseudo(scheme="https"))
    assert upstream.seen[-1].headers["x-forwarded-proto"] == "http"


async def test_so_many_streams_at_once_and_no_more(gate: Gate) -> None:
    async with Wire(gate.port) as wire:
        streams = [wire.stream() for _ in range(101)]
        waiting = ("END_HEADERS",)
        await wire.send(*(wire.headers(s, _pseudo("POST", "/api/cart/items"), flags=waiting) for s in streams))
        with pytest.raises(Reset):
            await wire.answer(streams[-1])
        # Nothing was lost by it for the others.
        last = DataFrame(streams[0], b"{}")
        last.flags.add("END_STREAM")
        await wire.send(last)
        assert (await wire.answer(streams[0])).status == 200


# Floods. Each ends with the attacker's connection; nobody else notices.


async def _rapid_resets(wire: Wire) -> None:
    """CVE-2023-44487: ask, and take it back at once."""
    for _ in range(500):
        frames: list[Frame] = []
        for _ in range(20):
            stream = wire.stream()
            frames += [wire.headers(stream, _pseudo()), RstStreamFrame(stream, error_code=CANCEL)]
        await wire.send(*frames)


async def _refused_requests(wire: Wire) -> None:
    """Its sister: ask what will be refused at once, so that the gate takes it back."""
    for _ in range(500):
        await wire.send(*(wire.headers(wire.stream(), [*_pseudo(), ("x_bad", "1")]) for _ in range(20)))


async def _endless_headers(wire: Wire) -> None:
    """CVE-2024-27983 and its like: headers that never end."""
    await wire.send(HeadersFrame(wire.stream(), wire.encoder.encode(_pseudo()), flags=["END_STREAM"]))
    more = ContinuationFrame(1, wire.encoder.encode([("x-a", "a" * 4_000)])).serialize()
    for _ in range(2_000):
        await wire.raw(more)


async def _empty_headers(wire: Wire) -> None:
    await wire.send(HeadersFrame(wire.stream(), wire.encoder.encode(_pseudo()), flags=["END_STREAM"]))
    for _ in range(200):
        await wire.send(*(ContinuationFrame(1, b"") for _ in range(100)))


async def _empty_bodies(wire: Wire) -> None:
    """CVE-2019-9518."""
    stream = wire.stream()
    await wire.send(wire.headers(stream, _pseudo("POST", "/api/cart/items"), flags=("END_HEADERS",)))
    for _ in range(200):
        await wire.send(*(DataFrame(stream, b"") for _ in range(100)))


def _flood(frame: Frame) -> Callable[[Wire], Awaitable[None]]:
    async def flood(wire: Wire) -> None:
        for _ in range(200):
            await wire.raw(frame.serialize() * 100)

    return flood


async def _huge_table(wire: Wire) -> None:
    """A compression table larger than was allowed (RFC 7541, 6.3)."""
    grow = b"\x3f\xe1\xff\xff\x7f"
    await wire.send(
        HeadersFrame(wire.stream(), grow + wire.encoder.encode(_pseudo()), flags=["END_HEADERS", "END_STREAM"])
    )


async def _unknown_entry(wire: Wire) -> None:
    await wire.send(HeadersFrame(wire.stream(), b"\xff\xff\xff\x0f", flags=["END_HEADERS", "END_STREAM"]))


async def _too_large_a_frame(wire: Wire) -> None:
    await wire.send(wire.headers(wire.stream(), [*_pseudo(), ("x-a", "a" * 40_000)]))


async def _a_stream_of_ours(wire: Wire) -> None:
    await wire.send(wire.headers(2, _pseudo()))


FLOODS: dict[str, Callable[[Wire], Awaitable[None]]] = {
    "rapid resets": _rapid_resets,
    "refused requests": _refused_requests,
    "endless headers": _endless_headers,
    "headers of nothing": _empty_headers,
    "bodies of nothing": _empty_bodies,
    "pings": _flood(PingFrame(0, b"12345678")),
    "settings": _flood(SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 1})),
    "priorities": _flood(PriorityFrame(1, depends_on=0, stream_weight=1)),
    "windows": _flood(WindowUpdateFrame(0, window_increment=1)),
    "a window too wide": _flood(WindowUpdateFrame(0, window_increment=2**31 - 1)),
    "a huge table": _huge_table,
    "an unknown entry": _unknown_entry,
    "too large a frame": _too_large_a_frame,
    "a stream of ours": _a_stream_of_ours,
}


async def _until_gone(gate: Gate, flood: Callable[[Wire], Awaitable[None]]) -> None:
    async with Wire(gate.port) as wire:
        try:
            await flood(wire)
        except Gone:
            return
        await wire.gone()


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_ends_with_its_connection(gate: Gate, name: str) -> None:
    async with Wire(gate.port) as honest:
        flood = asyncio.create_task(_until_gone(gate, FLOODS[name]))
        async with asyncio.timeout(60):
            while not flood.done():
                assert (await honest.ask("GET", "/api/categories")).status == 200
            await flood
        assert (await honest.ask("GET", "/api/categories")).status == 200
    answer = await gate.get("/api/categories")
    assert answer.status == 200


async def test_headers_that_unpack_to_much_are_refused(gate: Gate, upstream: Upstream) -> None:
    """A few kilobytes on the wire, megabytes when unpacked."""
    async with Wire(gate.port) as wire:
        assert (await wire.ask("GET", "/api/categories", [("x-bomb", "a" * 3_500)])).status == 200
        upstream.seen.clear()
        stream = wire.stream()
        again = b"\xbe"  # the newest entry of the table
        block = wire.encoder.encode(_pseudo()) + again * 8_000
        await wire.send(HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"]))
        with pytest.raises((Reset, Gone)):
            await wire.answer(stream)
    assert not upstream.seen


async def test_somebody_who_gives_up_now_and_then_is_no_flood(gate: Gate) -> None:
    """A browser takes back what its user has left behind; most of what it asks it wants."""
    async with Wire(gate.port) as wire:
        answers: list[Answer] = []
        for number in range(300):
            answers.append(await wire.ask("GET", "/api/categories"))
            if number % 3 == 0:
                stream = wire.stream()
                await wire.send(wire.headers(stream, _pseudo()), RstStreamFrame(stream, error_code=CANCEL))
        assert {answer.status for answer in answers} == {200}
