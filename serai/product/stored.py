"""An answer kept as the bytes it is sent as, however often it is asked for: whole or as "not modified", for callers
with a token and without."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.response import Response
from litestar.types import HTTPScope, Receive, Scope, Send

from serai.chassis.edge import Request

#: Anybody may keep it, but must ask whether it is still right: that costs one small answer.
_PUBLIC = (b"cache-control", b"public, no-cache")
_PRIVATE = (b"cache-control", b"no-store")
_VARY = (b"vary", b"authorization")
_JSON = (b"content-type", b"application/json")


class Stored(msgspec.Struct, gc=False):
    """A body with its entity tag; `as_of` is when it was asked of the database, by the monotonic clock.

    Not looked at by the garbage collector, which would stop the process for as long as there are many of them."""

    body: bytes
    tag: bytes
    as_of: float = 0.0

    @property
    def etag(self) -> str:
        return self.tag.decode()

    def answer(self, request: Request) -> Response[Any]:
        """It, or that what the client has is still right; whoever shows a token must not keep it."""
        return framed(self._sent(request.scope, private=request.caller.user_id is not None))

    def answer_unknown(self, scope: HTTPScope) -> Sent:
        """The same for somebody who shows no token."""
        return self._sent(scope, private=False)

    def _sent(self, scope: HTTPScope, *, private: bool) -> Sent:
        about = [_VARY, (b"etag", self.tag), _PRIVATE if private else _PUBLIC]
        for name, value in scope["headers"]:
            if name == b"if-none-match" and self.is_named(value):
                return Sent(304, about, b"")
        return Sent(200, [_JSON, (b"content-length", b"%d" % len(self.body)), *about], self.body)

    def is_named(self, if_none_match: bytes) -> bool:
        """Weak comparison (RFC 9110, 8.8.3.2)."""
        if if_none_match.strip() == b"*":
            return True
        tag = self.tag.removeprefix(b"W/")
        return any(one.strip().removeprefix(b"W/") == tag for one in if_none_match.split(b","))


class Sent:
    """An ASGI application that sends these bytes."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._status = status
        self._headers = headers
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def framed(sent: Sent) -> Response[Any]:
    return _Framed(sent)


class _Framed(Response[Any]):
    """The same for the framework, which would otherwise encode it and merge its headers for each request."""

    def __init__(self, sent: Sent) -> None:
        super().__init__(None)
        self._sent = sent

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return self._sent
