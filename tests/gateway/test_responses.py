"""The gateway's responses: request ids, security headers, limits, problem documents, compression."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it has no types
import pytest

from tests.gateway.fake_services import DOCUMENTS, LARGE, FakeConsul, SigningKeys, Upstream
from tests.gateway.gateway_process import GatewayProcess, Response, read_response


async def test_healthz_is_ok(gateway: GatewayProcess) -> None:
    response = await gateway.get("/healthz")
    assert (response.status, response.json) == (200, {"status": "ok"})


async def test_a_missing_request_id_is_generated(gateway: GatewayProcess, upstream: Upstream) -> None:
    response = await gateway.get("/api/categories")
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["x-request-id"])
    assert upstream.received[-1].headers["x-request-id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/api/categories", "/healthz", "/docs", "/nothing", "/api/auth/me"])
async def test_a_valid_request_id_is_kept(gateway: GatewayProcess, path: str) -> None:
    for valid in ("order.42_of-me", "0190f5c2-7a5b-4f00-8000-000000000001", "a" * 128):
        assert (await gateway.get(path, **{"x-request-id": valid})).headers["x-request-id"] == valid


@pytest.mark.parametrize("invalid", ["short", "a" * 129, 'a"b<script>', "with space", "ümläut-id", "a,b,c,d,e,f"])
async def test_an_invalid_request_id_is_replaced(gateway: GatewayProcess, upstream: Upstream, invalid: str) -> None:
    response = await gateway.get("/api/categories", **{"x-request-id": invalid})
    assert response.headers["x-request-id"] != invalid
    assert upstream.received[-1].headers["x-request-id"] == response.headers["x-request-id"]


async def test_traceparent_is_forwarded(gateway: GatewayProcess, upstream: Upstream) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await gateway.get("/api/categories", traceparent=trace)
    assert upstream.received[-1].headers["traceparent"] == trace


@pytest.mark.parametrize("path", ["/api/categories", "/healthz", "/docs", "/nothing", "/api/auth/me", "/api%2F"])
async def test_every_response_has_security_headers(gateway: GatewayProcess, path: str) -> None:
    headers = (await gateway.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"]
    assert headers["server"] == "serai"
    assert not [name for name in headers if name.startswith("x-envoy")]


async def test_an_error_response_of_a_service_is_not_changed(gateway: GatewayProcess) -> None:
    response = await gateway.get("/api/categories?status=404")
    assert response.status == 404
    assert response.json["from"] == "first"


async def test_a_body_of_one_mebibyte_is_forwarded_and_one_byte_more_is_too_large(
    gateway: GatewayProcess, upstream: Upstream
) -> None:
    limit = 1024 * 1024
    assert (await gateway.request("POST", "/api/payments/webhooks/stripe", body=b"x" * limit)).status == 200
    assert len(upstream.received[-1].body) == limit
    upstream.received.clear()
    (await gateway.request("POST", "/api/payments/webhooks/stripe", body=b"x" * (limit + 1))).problem(413, "too_large")
    assert not upstream.received


async def test_a_chunked_body_is_limited_too(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = b"POST /api/payments/webhooks/stripe HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    (await gateway.raw(head + chunk * 17 + b"0\r\n\r\n")).problem(413, "too_large")
    assert not upstream.received


async def test_a_route_may_accept_a_larger_body(gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys) -> None:
    body = b"x" * (2 * 1024 * 1024)
    path = "/api/products/1/images"
    assert (await gateway.request("POST", path, token=keys.token("admin"), body=body)).status == 200
    assert (await gateway.request("POST", path, token=keys.token("admin"), body=body + b"x")).status == 413


async def test_a_body_is_forwarded_unchanged(gateway: GatewayProcess, upstream: Upstream) -> None:
    body = b'{ "a":1 ,\r\n\t"b" :"\xc3\xa9\x00"}  '
    await gateway.request("POST", "/api/payments/webhooks/stripe", body=body, headers={"stripe-signature": "t=1,v1=2"})
    assert upstream.received[-1].body == body
    assert upstream.received[-1].headers["stripe-signature"] == "t=1,v1=2"


async def test_a_slow_body_reaches_the_service_only_when_complete(gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.received.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /api/payments/webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nab")
    await writer.drain()
    await gateway.get("/api/categories")
    assert [received.method for received in upstream.received] == ["GET"]
    writer.write(b"cd")
    assert (await read_response(reader)).status == 200
    assert upstream.received[-1].body == b"abcd"
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
async def test_a_malformed_request_is_a_400(gateway: GatewayProcess, upstream: Upstream, request_bytes: bytes) -> None:
    upstream.received.clear()
    (await gateway.raw(request_bytes)).problem(400, "bad_request")
    assert not upstream.received


async def test_too_many_headers_are_refused(gateway: GatewayProcess) -> None:
    (await gateway.get("/api/categories", **{f"x-{n}": "1" for n in range(200)})).problem(431, "headers_too_large")


async def test_requests_over_the_limit_get_429_with_retry_after(gateway: GatewayProcess) -> None:
    responses = [await gateway.request("POST", "/api/auth/login", body=b"{}") for _ in range(6)]
    assert [response.status for response in responses[:3]] == [200, 200, 200]
    refused = [response for response in responses if response.status != 200]
    assert refused
    for response in refused:
        response.problem(429, "too_many_requests")
        assert int(response.headers["retry-after"]) >= 1
        assert response.headers["ratelimit-remaining"] == "0"
        assert response.headers["ratelimit"].startswith('"sign_in";r=0;t=')
    # The limit of one route does not affect others.
    assert (await gateway.get("/api/categories")).status == 200


async def test_a_limited_route_reports_what_remains(
    new_gateway: Callable[..., GatewayProcess], consul: FakeConsul, upstream: Upstream, keys: SigningKeys
) -> None:
    for service in DOCUMENTS:
        await consul.set(service, upstream)
    gateway = await new_gateway(SERAI_LIMIT_ORDERS="1/5").start()
    await gateway.until_all_serve(keys.token("admin"))
    for remaining in (4, 3, 2, 1, 0):
        response = await gateway.request("POST", "/api/orders", token=keys.token(), body=b"{}")
        assert response.status == 200
        reported = {name: value for name, value in response.headers.items() if "ratelimit" in name}
        wait_s = reported.pop("ratelimit-reset")
        assert 0 <= int(wait_s) <= 60
        assert reported == {
            "ratelimit-limit": "5",
            "ratelimit-remaining": str(remaining),
            "ratelimit-policy": '"orders";q=5;w=300',
            "ratelimit": f'"orders";r={remaining};t={wait_s}',
        }
    response = await gateway.request("POST", "/api/orders", token=keys.token(), body=b"{}")
    response.problem(429, "too_many_requests")
    assert 1 <= int(response.headers["retry-after"]) <= 60


async def test_a_route_without_limit_has_no_ratelimit_headers(gateway: GatewayProcess) -> None:
    for path in ("/api/categories", "/api/products", "/api/products/1", "/docs", "/nothing"):
        assert not [name for name in (await gateway.get(path)).headers if "ratelimit" in name]


async def test_the_catalogue_has_no_limit(gateway: GatewayProcess) -> None:
    responses = await asyncio.gather(*(gateway.get("/api/products") for _ in range(100)))
    assert {response.status for response in responses} == {200}


async def test_a_late_response_is_a_504(gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys) -> None:
    upstream.release.clear()
    response = await gateway.request("GET", "/api/orders/stats", token=keys.token("admin"))
    upstream.release.set()
    response.problem(504, "gateway_timeout")


async def test_other_origins_get_no_cors_headers(gateway: GatewayProcess) -> None:
    response = await gateway.get("/api/categories", origin="https://evil.example")
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_the_api_reference_needs_no_other_origin(gateway: GatewayProcess) -> None:
    page = await gateway.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "/api/products/<i>{id_or_slug}</i>" in text
    assert "<script" not in text
    assert "//" not in re.sub(r"<!doctype[^>]*>", "", text)
    linked = re.findall(r'href="(/[^"]+)"', text)
    assert "/docs/reference.css" in linked
    for path in linked:
        assert (await gateway.get(path)).status == 200, path


async def test_the_documents_are_served_one_by_one_and_merged(gateway: GatewayProcess) -> None:
    assert "/api/cart" in (await gateway.get("/openapi/cart.json")).json["paths"]
    merged = (await gateway.get("/openapi.json")).json
    assert {"/api/cart", "/api/orders"} <= set(merged["paths"])
    (await gateway.get("/openapi/nothing.json")).problem(404, "not_found")


async def test_a_stream_arrives_line_by_line(gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys) -> None:
    upstream.release.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    token = keys.token("admin")
    request = f"GET /api/monitoring/logs/tail HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
    # If it were compressed, the first line would be buffered.
    writer.write(f"{request}accept-encoding: gzip, br\r\n\r\n".encode())
    async with asyncio.timeout(30):
        await reader.readuntil(b"data: first\n\n")
        upstream.release.set()
        await reader.readuntil(b"data: last\n\n")
    writer.close()


async def test_a_read_is_retried_and_a_write_is_not(
    gateway: GatewayProcess, upstream: Upstream, keys: SigningKeys
) -> None:
    upstream.received.clear()
    assert (await gateway.get("/api/categories?status=503")).status == 503
    assert len(upstream.received) == 3
    upstream.received.clear()
    response = await gateway.request("POST", "/api/orders?status=503", token=keys.token(), body=b"{}")
    assert response.status == 503
    assert len(upstream.received) == 1


def _plain(response: Response) -> bytes:
    match response.headers.get("content-encoding"):
        case "br":
            plain: bytes = brotli.decompress(response.body)
            return plain
        case "gzip":
            return gzip.decompress(response.body)
    return response.body


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
async def test_text_is_compressed_for_clients_that_accept_it(
    gateway: GatewayProcess, accepted: str, encoding: str | None
) -> None:
    response = await gateway.get("/api/categories?large=", **{"accept-encoding": accepted})
    assert response.status == 200
    assert response.headers.get("content-encoding") == encoding
    assert _plain(response) == LARGE
    assert (len(response.body) < len(LARGE) / 4) == (encoding is not None)
    # Caches must keep the encodings apart. The service's own Vary stays.
    assert response.headers["vary"].lower() == "authorization, accept-encoding"
    assert response.headers["etag"] == 'W/"1"'


async def test_small_binary_and_write_responses_are_not_compressed(gateway: GatewayProcess, keys: SigningKeys) -> None:
    both = {"accept-encoding": "gzip, br"}
    for path in (
        "/api/categories?large=1000",
        "/api/categories?large=&type=image/webp",
        "/media/a.webp?large=&type=image/webp",
    ):
        assert "content-encoding" not in (await gateway.get(path, **both)).headers
    # The response to a write may contain a token beside the client's input.
    response = await gateway.request("POST", "/api/orders?large=", token=keys.token(), headers=both, body=b"{}")
    assert "content-encoding" not in response.headers


async def test_a_response_that_a_service_compressed_is_not_changed(gateway: GatewayProcess) -> None:
    response = await gateway.get("/api/categories?large=&encoded=1", **{"accept-encoding": "br"})
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(response.body) == LARGE
    assert response.headers["content-length"] == str(len(response.body))


async def test_if_none_match_gets_304_whatever_encodings_are_accepted(gateway: GatewayProcess) -> None:
    response = await gateway.get("/api/categories?large=", **{"accept-encoding": "br", "if-none-match": 'W/"1"'})
    assert (response.status, response.headers["etag"], response.body) == (304, 'W/"1"', b"")
    assert "accept-encoding" in response.headers["vary"].lower()


async def test_compression_makes_a_strong_entity_tag_weak(gateway: GatewayProcess) -> None:
    path = '/api/categories?large=&tag="v1"'
    assert (await gateway.get(path)).headers["etag"] == '"v1"'
    assert (await gateway.get(path, **{"accept-encoding": "gzip"})).headers["etag"] == 'W/"v1"'


@pytest.mark.parametrize("path", ["/docs", "/docs/reference.css", "/openapi.json"])
async def test_the_api_reference_is_compressed(gateway: GatewayProcess, path: str) -> None:
    plain = await gateway.get(path)
    response = await gateway.get(path, **{"accept-encoding": "br"})
    assert response.headers["content-encoding"] == "br"
    assert _plain(response) == plain.body
