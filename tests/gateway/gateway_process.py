"""Runs a gateway process (agent and Envoy) and sends it raw HTTP/1.1, including invalid requests."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from serai.supervisor.ports import find_free

_STARTED = '"the gate is up"'


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem document, after checking its status, its code and that it is complete."""
        assert self.status == status, (self.status, self.body)
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = self.json
        assert document["code"] == code
        assert document["status"] == status
        assert document["type"]
        assert document["title"]
        assert document["detail"]
        assert document["request_id"]
        assert document["request_id"] == self.headers["x-request-id"]
        return document


class GatewayProcess:
    def __init__(self, home: Path, environ: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.port = find_free()
        self.home = home
        self._environ = environ
        self.tls = tls
        self._process: asyncio.subprocess.Process | None = None
        #: When all services answered last, by the monotonic clock.
        self.all_served_at = float("-inf")

    async def start(self) -> GatewayProcess:
        starts = self.log.count(_STARTED)
        await self.launch()
        # Envoy serves a moment before the agent knows it, and must not be disturbed until then.
        await self.until(lambda response: response.status == 200 and self.log.count(_STARTED) > starts, "/healthz")
        return self

    async def launch(self) -> None:
        """Starts the process without waiting until it serves."""
        environ = {
            **os.environ,
            "SERAI_MODE": "local",
            "SERAI_HOME": str(self.home),
            "SERAI_PORT": str(self.port),
            **self._environ,
        }
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "serai.gateway.app"),
                env=environ,
                stdout=log,
                stderr=log,
                # Tests may run under nohup, which ignores SIGHUP. The gateway must not inherit that.
                preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        path = self.home / "log"
        return path.read_text() if path.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait_ended(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(60):
            return await self._process.wait()

    async def stop(self) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(60):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            raise

    async def get(self, path: str, **headers: str) -> Response:
        return await self.request("GET", path, headers=headers)

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        token: str | None = None,
        body: bytes | None = None,
    ) -> Response:
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        if token is not None:
            pairs.append(("authorization", f"Bearer {token}"))
        if body is not None:
            pairs.append(("content-length", str(len(body))))
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close"]
        lines += [f"{name}: {value}" for name, value in pairs]
        return await self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    async def raw(self, request: bytes) -> Response:
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
            try:
                writer.write(request)
                return await read_response(reader, head=request.startswith(b"HEAD "))
            finally:
                writer.close()

    async def until_all_serve(self, token: str) -> None:
        """Waits until every service of `DOCUMENTS` answers. `token` must be an admin's.

        Envoy learns each service's instances separately, so an answer of one service says nothing about the others.
        """
        headers = {"authorization": f"Bearer {token}"}
        for path in (
            "/.well-known/jwks.json",
            "/api/categories",
            "/api/cart",
            "/api/orders",
            "/api/notifications/settings",
            "/api/monitoring/services",
        ):
            await self.until(lambda response: response.status == 200, path, **headers)
        await self.until(
            lambda response: response.status == 200, "/api/payments/webhooks/stripe", method="POST", **headers
        )
        self.all_served_at = time.monotonic()

    async def until(
        self, fits: Callable[[Response], bool], path: str, *, method: str = "GET", **headers: str
    ) -> Response:
        """Requests `path` until the response fits. Fails with the gateway's log after 60 s."""
        last: object = None
        try:
            async with asyncio.timeout(60):
                while True:
                    try:
                        response = await self.request(method, path, headers=headers)
                        if fits(response):
                            return response
                        last = response
                    except (OSError, asyncio.IncompleteReadError) as error:
                        last = error
                    if self._process is not None and self._process.returncode is not None:
                        raise AssertionError(f"the gateway ended:\n{self.log[-4000:]}")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{path} stays {last}\n{self.log[-4000:]}") from None


async def read_response(reader: asyncio.StreamReader, *, head: bool = False) -> Response:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        assert name.lower() not in headers or name.lower() == "set-cookie", f"{name} twice"
        headers[name.lower()] = value
    if head:
        body = b""
    elif headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Response(int(start.split(" ")[1]), headers, body)
