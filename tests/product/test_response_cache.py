"""An answer that is kept: its entity tag, and in which form it is sent to whom."""

from __future__ import annotations

import gzip
from typing import Any, cast

import msgspec
import pytest
from litestar.types import HTTPScope

from serai.product.response_cache import CachedResponse


class Thing(msgspec.Struct):
    name: str


async def sent(answer: CachedResponse, *headers: tuple[bytes, bytes]) -> tuple[int, dict[bytes, bytes], bytes]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = cast(HTTPScope, {"headers": list(headers)})
    await answer.answer_unknown(scope)(scope, cast(Any, None), send)
    start, body = messages
    return start["status"], dict(start["headers"]), body["body"]


def test_the_tag_stands_for_the_content_and_begins_with_the_version() -> None:
    one, other = CachedResponse.of(Thing("a")), CachedResponse.of(Thing("b"))
    assert one.etag != other.etag
    assert one.etag == CachedResponse.of(Thing("a")).etag
    versioned = CachedResponse.of(Thing("a"), 3)
    assert versioned.etag == one.etag.replace('"', '"3-', 1)
    assert versioned.packed().etag == versioned.etag


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        (b"*", 304),
        (b'W/"TAG"', 304),
        (b'"TAG"', 304),
        (b'"other", W/"TAG"', 304),
        (b'"other"', 200),
        (b"TAG", 200),
        (b"", 200),
    ],
)
async def test_tags_are_compared_weakly(if_none_match: bytes, status: int) -> None:
    answer = CachedResponse.of(Thing("a"))
    known = if_none_match.replace(b"TAG", answer.tag[3:-1])
    assert (await sent(answer, (b"if-none-match", known)))[0] == status


async def test_a_packed_answer_is_unpacked_for_whoever_does_not_read_gzip() -> None:
    answer = CachedResponse.of(Thing("a" * 500)).packed()
    status, headers, body = await sent(answer, (b"accept-encoding", b"br, gzip"))
    assert (status, headers[b"content-encoding"]) == (200, b"gzip")
    assert len(body) == int(headers[b"content-length"]) < 100
    status, headers, plain = await sent(answer, (b"accept-encoding", b"gzip;q=0"))
    assert (status, b"content-encoding" in headers) == (200, False)
    assert plain == gzip.decompress(body) == b'{"name":"%s"}' % (b"a" * 500)
    assert len(plain) == int(headers[b"content-length"])
