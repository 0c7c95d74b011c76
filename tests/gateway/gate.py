"""Runs a real gateway process (agent and Envoy) and speaks HTTP to it byte by byte, as no polite client would."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from serai.supervisor.ports import find_free

_UP = '"the gate is up"'


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem document, after making sure that it is the one expected and complete."""
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


class Gate:
    def __init__(self, home: Path, environ: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.port = find_free()
        self.home = home
        self._environ = environ
        self.tls = tls
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Gate:
        ups = self.log.count(_UP)
        await self.begin()
        # Envoy answers a moment before the agent has heard that it does, and must not be disturbed until then.
        await self.until(lambda answer: answer.status == 200 and self.log.count(_UP) > ups, "/healthz")
        return self

    async def begin(self) -> None:
        """Starts the process and waits for nothing."""
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
                # Whoever has these tests run under nohup does not mean the gate.
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

    async def ended(self) -> int:
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

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        token: str | None = None,
        body: bytes | None = None,
    ) -> Answer:
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        if token is not None:
            pairs.append(("authorization", f"Bearer {token}"))
        if body is not None:
            pairs.append(("content-length", str(len(body))))
        lines = [f"{method} {path} HTTP/1.1", "host: localhost", "connection: close"]
        lines += [f"{name}: {value}" for name, value in pairs]
        return await self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))

    async def raw(self, request: bytes) -> Answer:
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
            try:
                writer.write(request)
                return await read_answer(reader, head=request.startswith(b"HEAD "))
            finally:
                writer.close()

    async def until(self, fits: Callable[[Answer], bool], path: str, **headers: str) -> Answer:
        """Ask again until the answer fits; fails with the gateway's log when it never does."""
        last: object = None
        try:
            async with asyncio.timeout(60):
                while True:
                    try:
                        answer = await self.get(path, **headers)
                        if fits(answer):
                            return answer
                        last = answer
                    except (OSError, asyncio.IncompleteReadError) as error:
                        last = error
                    if self._process is not None and self._process.returncode is not None:
                        raise AssertionError(f"the gateway ended:\n{self.log[-4000:]}")
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"{path} stays {last}\n{self.log[-4000:]}") from None


async def read_answer(reader: asyncio.StreamReader, *, head: bool = False) -> Answer:
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
    return Answer(int(start.split(" ")[1]), headers, body)
