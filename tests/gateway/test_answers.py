"""What the edge says by itself has the same words and shape as what the services say."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.gateway.gate import Answer, Gate, read_answer
from tests.gateway.shop import DOCUMENTS, LARGE, Consul, Keys, Upstream


async def test_the_edge_says_that_it_is_up(gate: Gate) -> None:
    answer = await gate.get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_an_id_is_made_where_none_was_sent(gate: Gate, upstream: Upstream) -> None:
    answer = await gate.get("/api/categories")
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])
    assert upstream.seen[-1].headers["x-request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/categories", "/healthz", "/docs", "/nothing", "/api/auth/me"])
async def test_a_sane_id_is_kept_to_the_letter(gate: Gate, path: str) -> None:
    for sane in ("order.42_of-me", "0190f5c2-7a5b-4f00-8000-000000000001", "a" * 128):
        assert (await gate.get(path, **{"x-request-id": sane})).headers["x-request-id"] == sane


@pytest.mark.parametrize("insane", ["short", "a" * 129, 'a"b<script>', "with space", "ümläut-id", "a,b,c,d,e,f"])
async def test_any_other_id_is_replaced(gate: Gate, upstream: Upstream, insane: str) -> None:
    answer = await gate.get("/api/categories", **{"x-request-id": insane})
    assert answer.headers["x-request-id"] != insane
    assert upstream.seen[-1].headers["x-request-id"] == answer.headers["x-request-id"]


async def test_the_caller_s_trace_goes_on(gate: Gate, upstream: Upstream) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await gate.get("/api/categories", traceparent=trace)
    assert upstream.seen[-1].headers["traceparent"] == trace


@pytest.mark.parametrize("path", ["/api/categories", "/healthz", "/docs", "/nothing", "/api/auth/me", "/api%2F"])
async def test_every_answer_is_guarded(gate: Gate, path: str) -> None:
    headers = (await gate.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"]
    assert headers["server"] == "serai"
    assert not [name for name in headers if name.startswith("x-envoy")]


async def test_a_service_s_own_refusal_is_not_touched(gate: Gate) -> None:
    answer = await gate.get("/api/categories?status=404")
    assert answer.status == 404
    assert answer.json["from"] == "first"


async def test_a_body_of_a_mebibyte_is_passed_and_one_byte_more_is_too_large(gate: Gate, upstream: Upstream) -> None:
    limit = 1024 * 1024
    assert (await gate.ask("POST", "/api/payments/webhooks/stripe", body=b"x" * limit)).status == 200
    assert len(upstream.seen[-1].body) == limit
    upstream.seen.clear()
    (await gate.ask("POST", "/api/payments/webhooks/stripe", body=b"x" * (limit + 1))).problem(413, "too_large")
    assert not upstream.seen


async def test_a_chunked_body_is_counted_too(gate: Gate, upstream: Upstream) -> None:
    upstream.seen.clear()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = b"POST /api/payments/webhooks/stripe HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    (await gate.raw(head + chunk * 17 + b"0\r\n\r\n")).problem(413, "too_large")
    assert not upstream.seen


async def test_a_route_may_take_a_larger_body(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    body = b"x" * (2 * 1024 * 1024)
    path = "/api/products/1/images"
    assert (await gate.ask("POST", path, token=keys.token("admin"), body=body)).status == 200
    assert (await gate.ask("POST", path, token=keys.token("admin"), body=body + b"x")).status == 413


async def test_a_raw_body_passes_unchanged(gate: Gate, upstream: Upstream) -> None:
    body = b'{ "a":1 ,\r\n\t"b" :"\xc3\xa9\x00"}  '
    await gate.ask("POST", "/api/payments/webhooks/stripe", body=body, headers={"stripe-signature": "t=1,v1=2"})
    assert upstream.seen[-1].body == body
    assert upstream.seen[-1].headers["stripe-signature"] == "t=1,v1=2"


async def test_a_body_that_comes_slowly_does_not_reach_a_service_before_it_is_whole(
    gate: Gate, upstream: Upstream
) -> None:
    upstream.seen.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(b"POST /api/payments/webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
    await writer.drain()
    await gate.get("/api/categories")
    assert [seen.method for seen in upstream.seen] == ["GET"]
    writer.write(b"cd")
    assert (await read_answer(reader)).status == 200
    assert upstream.seen[-1].body == b"abcd"
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/categories HTTP/1.1\r\n\r\n",
        b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/cart/items HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /api/categories HTTP/1.1\r\nhost: x\r\n continued: y\r\n\r\n",
        b"GET /api/categories HTTP/1.1\r\nhost: x\r\nbad header: y\r\n\r\n",
        b"not http at all\r\n\r\n",
    ],
)
async def test_what_cannot_be_read_is_a_400(gate: Gate, upstream: Upstream, request_bytes: bytes) -> None:
    upstream.seen.clear()
    (await gate.raw(request_bytes)).problem(400, "bad_request")
    assert not upstream.seen


async def test_too_many_headers_are_refused(gate: Gate) -> None:
    (await gate.get("/api/categories", **{f"x-{n}": "1" for n in range(200)})).problem(431, "headers_too_large")


async def test_a_flood_is_told_when_to_come_back(gate: Gate) -> None:
    answers = [await gate.ask("POST", "/api/auth/login", body=b"{}") for _ in range(6)]
    assert [answer.status for answer in answers[:3]] == [200, 200, 200]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    for answer in refused:
        answer.problem(429, "too_many_requests")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["ratelimit-remaining"] == "0"
        assert answer.headers["ratelimit"].startswith('"sign_in";r=0;t=')
    # The flood on one route is not held against others.
    assert (await gate.get("/api/categories")).status == 200


async def test_a_limited_route_tells_what_is_left(
    fresh_gate: Callable[..., Gate], consul: Consul, upstream: Upstream, keys: Keys
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gate = await fresh_gate(SERAI_LIMIT_ORDERS="1/5").start()
    await gate.until(lambda answer: answer.status == 200, "/api/categories")
    for left in (4, 3, 2, 1, 0):
        answer = await gate.ask("POST", "/api/orders", token=keys.token(), body=b"{}")
        assert answer.status == 200
        told = {name: value for name, value in answer.headers.items() if "ratelimit" in name}
        wait_s = told.pop("ratelimit-reset")
        assert 0 <= int(wait_s) <= 60
        assert told == {
            "ratelimit-limit": "5",
            "ratelimit-remaining": str(left),
            "ratelimit-policy": '"orders";q=5;w=300',
            "ratelimit": f'"orders";r={left};t={wait_s}',
        }
    answer = await gate.ask("POST", "/api/orders", token=keys.token(), body=b"{}")
    answer.problem(429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_what_has_no_limit_says_nothing_of_limits(gate: Gate) -> None:
    for path in ("/api/categories", "/api/products", "/api/products/1", "/docs", "/nothing"):
        assert not [name for name in (await gate.get(path)).headers if "ratelimit" in name]


async def test_the_catalogue_has_no_limit(gate: Gate) -> None:
    answers = await asyncio.gather(*(gate.get("/api/products") for _ in range(100)))
    assert {answer.status for answer in answers} == {200}


async def test_an_answer_that_does_not_come_in_time_is_a_504(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    upstream.let_go.clear()
    answer = await gate.ask("GET", "/api/orders/stats", token=keys.token("admin"))
    upstream.let_go.set()
    answer.problem(504, "gateway_timeout")


async def test_a_browser_elsewhere_is_told_nothing(gate: Gate) -> None:
    answer = await gate.get("/api/categories", origin="https://evil.example")
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_reference_needs_nothing_from_elsewhere(gate: Gate) -> None:
    page = await gate.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "/api/products/<i>{id_or_slug}</i>" in text
    assert "<script" not in text
    assert "//" not in re.sub(r"<!doctype[^>]*>", "", text)
    linked = re.findall(r'href="(/[^"]+)"', text)
    assert "/docs/reference.css" in linked
    for path in linked:
        assert (await gate.get(path)).status == 200, path


async def test_the_documents_are_served_one_by_one_and_joined(gate: Gate) -> None:
    assert "/api/cart" in (await gate.get("/openapi/cart.json")).json["paths"]
    whole = (await gate.get("/openapi.json")).json
    assert {"/api/cart", "/api/orders"} <= set(whole["paths"])
    (await gate.get("/openapi/nothing.json")).problem(404, "not_found")


async def test_a_stream_arrives_line_by_line(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    upstream.let_go.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    token = keys.token("admin")
    request = f"GET /api/monitoring/logs/tail HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
    # Compressed, the first line would wait for more to come.
    writer.write(f"{request}accept-encoding: gzip, br\r\n\r\n".encode())
    async with asyncio.timeout(30):
        await reader.readuntil(b"data: first\n\n")
        upstream.let_go.set()
        await reader.readuntil(b"data: last\n\n")
    writer.close()


async def test_a_read_is_tried_again_and_a_write_is_not(gate: Gate, upstream: Upstream, keys: Keys) -> None:
    upstream.seen.clear()
    assert (await gate.get("/api/categories?status=503")).status == 503
    assert len(upstream.seen) == 3
    upstream.seen.clear()
    answer = await gate.ask("POST", "/api/orders?status=503", token=keys.token(), body=b"{}")
    assert answer.status == 503
    assert len(upstream.seen) == 1


def _plain(answer: Answer) -> bytes:
    match answer.headers.get("content-encoding"):
        case "br":
            plain: bytes = brotli.decompress(answer.body)
            return plain
        case "gzip":
            return gzip.decompress(answer.body)
    return answer.body


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("br", "br"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("identity", None),
        ("zstd", None),
        ("gzip;q=0", None),
        ("", None),
    ],
)
async def test_text_is_compressed_for_those_who_can_read_it(gate: Gate, accepted: str, encoding: str | None) -> None:
    answer = await gate.get("/api/categories?large=", **{"accept-encoding": accepted})
    assert answer.status == 200
    assert answer.headers.get("content-encoding") == encoding
    assert _plain(answer) == LARGE
    assert (len(answer.body) < len(LARGE) / 4) == (encoding is not None)
    # What is in front must keep them apart, and the service's own reasons stay.
    assert answer.headers["vary"].lower() == "authorization, accept-encoding"
    assert answer.headers["etag"] == 'W/"1"'


async def test_what_is_not_worth_it_stays_as_it_is(gate: Gate, keys: Keys) -> None:
    both = {"accept-encoding": "gzip, br"}
    for path in (
        "/api/categories?large=1000",
        "/api/categories?large=&type=image/webp",
        "/media/a.webp?large=&type=image/webp",
    ):
        assert "content-encoding" not in (await gate.get(path, **both)).headers
    # A write's answer may hold a token beside what the client sent.
    answer = await gate.ask("POST", "/api/orders?large=", token=keys.token(), headers=both, body=b"{}")
    assert "content-encoding" not in answer.headers


async def test_what_a_service_compressed_is_not_touched(gate: Gate) -> None:
    answer = await gate.get("/api/categories?large=&encoded=1", **{"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == LARGE
    assert answer.headers["content-length"] == str(len(answer.body))


async def test_a_client_that_has_it_is_told_so_whatever_it_reads(gate: Gate) -> None:
    answer = await gate.get("/api/categories?large=", **{"accept-encoding": "br", "if-none-match": 'W/"1"'})
    assert (answer.status, answer.headers["etag"], answer.body) == (304, 'W/"1"', b"")
    assert "accept-encoding" in answer.headers["vary"].lower()


async def test_a_strong_tag_becomes_a_weak_one_when_the_bytes_change(gate: Gate) -> None:
    path = '/api/categories?large=&tag="v1"'
    assert (await gate.get(path)).headers["etag"] == '"v1"'
    assert (await gate.get(path, **{"accept-encoding": "gzip"})).headers["etag"] == 'W/"v1"'


@pytest.mark.parametrize("path", ["/docs", "/docs/reference.css", "/openapi.json"])
async def test_the_reference_is_compressed_too(gate: Gate, path: str) -> None:
    plain = await gate.get(path)
    answer = await gate.get(path, **{"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    assert _plain(answer) == plain.body
