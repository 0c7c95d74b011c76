"""A response that is encoded once and sent many times: complete or as 304, to callers with and without a token."""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from typing import Any

import msgspec
from litestar.response import Response
from litestar.types import HTTPScope, Receive, Scope, Send

from serai.chassis.http.accept_encoding import accepted_encodings
from serai.chassis.http.edge import Request

#: Headers of a response that must not be cached.
PRIVATE = {"cache-control": "no-store"}
#: Caches may store it, but have to revalidate it for each use, which costs a 304.
_PUBLIC = (b"cache-control", b"public, no-cache")
_NO_STORE = (b"cache-control", b"no-store")
_VARY = (b"vary", b"authorization, accept-encoding")
_JSON = (b"content-type", b"application/json")
_GZIP = (b"content-encoding", b"gzip")
#: zlib's `wbits` for the default window with a gzip header and trailer.
_GZIP_BITS = 31
#: The number of unpacked bodies that are cached, for clients that do not accept gzip. Unpacking a product takes 6 µs, a
#: page 15 µs.
_UNPACKED = 256


class CachedResponse(msgspec.Struct, gc=False):
    """A body, compressed or not, with its entity tag. `as_of` is when its read from the database began, on the
    monotonic clock.

    The garbage collector does not track it (`gc=False`): with many cached responses each collection would block the
    process."""

    body: bytes
    tag: bytes
    is_gzip: bool = False
    as_of: float = 0.0

    @classmethod
    def of(cls, answer: msgspec.Struct, version: int | None = None) -> CachedResponse:
        """The tag is a digest of the content. If a version is given, the tag begins with it; If-Match compares it."""
        body = msgspec.json.encode(answer)
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return cls(body, f'W/"{digest}"'.encode() if version is None else f'W/"{version}-{digest}"'.encode())

    def packed(self) -> CachedResponse:
        """The same response compressed with gzip: half the size for a product, a fifth for a page."""
        compressor = zlib.compressobj(wbits=_GZIP_BITS)
        return CachedResponse(compressor.compress(self.body) + compressor.flush(), self.tag, True, self.as_of)

    @property
    def etag(self) -> str:
        return self.tag.decode()

    def answer(self, request: Request) -> Response[Any]:
        """200 or 304. A caller with a token gets `no-store`."""
        return as_response(self._sent(request.scope, private=request.caller.user_id is not None))

    def answer_unknown(self, scope: HTTPScope) -> RawResponse:
        """The same for a request without a token that the framework has not parsed."""
        return self._sent(scope, private=False)

    def _sent(self, scope: HTTPScope, *, private: bool) -> RawResponse:
        headers = [_VARY, (b"etag", self.tag), _NO_STORE if private else _PUBLIC]
        takes_gzip = False
        for name, value in scope["headers"]:
            if name == b"if-none-match" and self.is_named(value):
                return RawResponse(304, headers, b"")
            if name == b"accept-encoding":
                takes_gzip = b"gzip" in accepted_encodings(value)
        body = self.body
        if self.is_gzip and takes_gzip:
            headers.append(_GZIP)
        elif self.is_gzip:
            body = _unpacked(body)
        return RawResponse(200, [_JSON, (b"content-length", b"%d" % len(body)), *headers], body)

    def is_named(self, if_none_match: bytes) -> bool:
        """Weak comparison (RFC 9110, 8.8.3.2)."""
        if if_none_match.strip() == b"*":
            return True
        tag = self.tag.removeprefix(b"W/")
        return any(one.strip().removeprefix(b"W/") == tag for one in if_none_match.split(b","))


@lru_cache(maxsize=_UNPACKED)
def _unpacked(packed: bytes) -> bytes:
    return zlib.decompress(packed, _GZIP_BITS)


class RawResponse:
    """An ASGI application that sends a complete response."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._status = status
        self._headers = headers
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def as_response(sent: RawResponse) -> Response[Any]:
    return _RawResponseAdapter(sent)


class _RawResponseAdapter(Response[Any]):
    """Wraps a raw response for Litestar, which would otherwise encode the body and merge headers for each request."""

    def __init__(self, sent: RawResponse) -> None:
        super().__init__(None)
        self._sent = sent

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self._sent


def mark_replayed(answer: Response[Any], replayed: bool) -> Response[Any]:
    """Add the header that says that an earlier request with the same idempotency key had been executed."""
    if replayed:
        answer.headers["idempotent-replayed"] = "true"
    return answer
