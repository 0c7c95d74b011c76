"""An HTTP/2 connection to the gateway, frame by frame, so that tests can send invalid frames."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.gateway.gateway_process import Response

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WINDOW = 1 << 24


class StreamReset(Exception):
    """The gateway reset the stream."""


class ConnectionClosed(Exception):
    """The gateway closed the connection or sent GOAWAY."""


class Http2Connection:
    """One connection. `response` reads frames until the response of a stream is complete."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self.encoder = Encoder()
        self._decoder = Decoder()
        self._buffer = b""
        self._answers: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._whole: dict[int, Response] = {}
        self._reset: dict[int, int] = {}
        self._next = 1

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        settings = SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: _WINDOW, SettingsFrame.ENABLE_PUSH: 0})
        window = WindowUpdateFrame(0, window_increment=_WINDOW)
        await self.raw(PREFACE + settings.serialize() + window.serialize())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.writer.close()

    async def raw(self, content: bytes) -> None:
        """Raises `ConnectionClosed`."""
        try:
            self.writer.write(content)
            await self.writer.drain()
        except OSError as error:
            raise ConnectionClosed from error

    async def send(self, *frames: Frame) -> None:
        await self.raw(b"".join(frame.serialize() for frame in frames))

    def stream(self) -> int:
        """The id of a new stream."""
        number, self._next = self._next, self._next + 2
        return number

    def headers(
        self, stream: int, pairs: Iterable[tuple[str | bytes, str | bytes]], *, flags: Iterable[str] | None = None
    ) -> HeadersFrame:
        chosen = ("END_HEADERS", "END_STREAM") if flags is None else flags
        return HeadersFrame(stream, self.encoder.encode(list(pairs)), flags=list(chosen))

    async def request(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str | bytes, str | bytes]] = (),
        *,
        pseudo: Iterable[tuple[str | bytes, str | bytes]] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """The response to one request. `pseudo` replaces the usual four pseudo-headers.

        Raises `StreamReset` and `ConnectionClosed`.
        """
        usual = ((":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path))
        stream = self.stream()
        pairs = [*(usual if pseudo is None else pseudo), *headers]
        if body is None:
            await self.send(self.headers(stream, pairs))
        else:
            last = DataFrame(stream, body)
            last.flags.add("END_STREAM")
            await self.send(self.headers(stream, pairs, flags=("END_HEADERS",)), last)
        return await self.response(stream)

    async def response(self, stream: int) -> Response:
        async with asyncio.timeout(30):
            while stream not in self._whole:
                if stream in self._reset:
                    raise StreamReset(self._reset[stream])
                await self._read()
        return self._whole.pop(stream)

    async def wait_closed(self) -> None:
        """Reads until the gateway closes the connection or sends GOAWAY."""
        async with asyncio.timeout(30):
            while True:
                try:
                    await self._read()
                except ConnectionClosed:
                    return

    async def _read(self) -> None:
        frame = await self._frame()
        if isinstance(frame, HeadersFrame):
            pairs = self._decoder.decode(frame.data)
            found = {str(name): str(value) for name, value in pairs}
            self._answers.setdefault(frame.stream_id, ({}, bytearray()))[0].update(found)
        elif isinstance(frame, DataFrame):
            self._answers[frame.stream_id][1].extend(frame.data)
        elif isinstance(frame, RstStreamFrame):
            self._reset[frame.stream_id] = frame.error_code
        elif isinstance(frame, GoAwayFrame):
            raise ConnectionClosed(frame.error_code)
        elif isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
            await self.send(SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, PingFrame) and "ACK" not in frame.flags:
            await self.send(PingFrame(0, frame.opaque_data, flags=["ACK"]))
        if "END_STREAM" in frame.flags:
            headers, body = self._answers.pop(frame.stream_id)
            self._whole[frame.stream_id] = Response(int(headers.pop(":status")), headers, bytes(body))

    async def _frame(self) -> Frame:
        try:
            head = await self.reader.readexactly(9)
            frame, length = Frame.parse_frame_header(memoryview(head))
            frame.parse_body(memoryview(await self.reader.readexactly(length)))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise ConnectionClosed from error
        return frame
