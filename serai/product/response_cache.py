"""An answer kept as the bytes it is sent as, however often it is asked for: whole or as "not modified", for callers
with a token and without."""

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

#: Headers of an answer that nobody may keep.
PRIVATE = {"cache-control": "no-store"}
#: Anybody may keep it, but must ask whether it is still right: that costs one small answer.
_PUBLIC = (b"cache-control", b"public, no-cache")
_NO_STORE = (b"cache-control", b"no-store")
_VARY = (b"vary", b"authorization, accept-encoding")
_JSON = (b"content-type", b"application/json")
_GZIP = (b"content-encoding", b"gzip")
#: zlib's number for its usual window within a gzip header and trailer.
_GZIP_BITS = 31
#: So many are kept as they are too, for those who do not read gzip. To unpack a product takes 6 µs, a page 15.
_UNPACKED = 256


class CachedResponse(msgspec.Struct, gc=False):
    """A body as it is or compressed, with its entity tag; `as_of` is when it was asked of the database, by the
    monotonic clock.

    Not looked at by the garbage collector, which would stop the process for as long as there are many of them."""

    body: bytes
    tag: bytes
    is_gzip: bool = False
    as_of: float = 0.0

    @classmethod
    def of(cls, answer: msgspec.Struct, version: int | None = None) -> CachedResponse:
        """Tagged by its content; where a version is given the tag begins with it, which is what If-Match compares."""
        body = msgspec.json.encode(answer)
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        return cls(body, f'W/"{digest}"'.encode() if version is None else f'W/"{version}-{digest}"'.encode())

    def packed(self) -> CachedResponse:
        """The same, compressed: half the room for a product and a fifth for a page, and the way browsers take it."""
        compressor = zlib.compressobj(wbits=_GZIP_BITS)
        return CachedResponse(compressor.compress(self.body) + compressor.flush(), self.tag, True, self.as_of)

    @property
    def etag(self) -> str:
        return self.tag.decode()

    def answer(self, request: Request) -> Response[Any]:
        """It, or that what the client has is still right; whoever shows a token must not keep it."""
        return as_response(self._sent(request.scope, private=request.caller.user_id is not None))

    def answer_unknown(self, scope: HTTPScope) -> RawResponse:
        """The same for somebody who shows no token."""
        return self._sent(scope, private=False)

    def _sent(self, scope: HTTPScope, *, private: bool) -> RawResponse:
        about = [_VARY, (b"etag", self.tag), _NO_STORE if private else _PUBLIC]
        takes_gzip = False
        for name, value in scope["headers"]:
            if name == b"if-none-match" and self.is_named(value):
                return RawResponse(304, about, b"")
            if name == b"accept-encoding":
                takes_gzip = b"gzip" in accepted_encodings(value)
        body = self.body
        if self.is_gzip and takes_gzip:
            about.append(_GZIP)
        elif self.is_gzip:
            body = _unpacked(body)
        return RawResponse(200, [_JSON, (b"content-length", b"%d" % len(body)), *about], body)

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
    """An ASGI application that sends these bytes."""

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
    """A raw response for the framework, which would otherwise encode it and merge its headers for each request."""

    def __init__(self, sent: RawResponse) -> None:
        super().__init__(None)
        self._sent = sent

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self._sent


def mark_replayed(answer: Response[Any], replayed: bool) -> Response[Any]:
    """Say whether an earlier request with the same idempotency key had done it."""
    if replayed:
        answer.headers["idempotent-replayed"] = "true"
    return answer
