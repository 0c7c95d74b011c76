"""Runs a program of another project for one test, and sends it HTTP requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp

DEADLINE_S = 60.0


class RunningProgram:
    """A running program that listens at `url`."""

    def __init__(self, url: str, log: Path, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._log = log
        self._process = process
        self._http = http

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body; status 0 while it does not listen."""
        try:
            async with self._http.get(self.url + path) as response:
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError):
            return 0, ""

    async def until(self, path: str, fits: Callable[[int, str], Any]) -> str:
        """Requests `path` until the response fits. Fails with the last response and the program's log after 60 s."""
        status, body = 0, ""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    status, body = await self.get(path)
                    if fits(status, body):
                        return body
                    assert self._process.returncode is None, f"the program ended:\n{self._tail()}"
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{path} stays {status} {body[:2000]}\n{self._tail()}") from None

    def _tail(self) -> str:
        return self._log.read_text()[-4000:]


@contextlib.asynccontextmanager
async def run_program(folder: Path, url: str, program: Path, *arguments: str) -> AsyncIterator[RunningProgram]:
    """Starts the program and stops it afterwards. Does not wait until it listens: `until` does."""
    log = folder / "log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(program, *arguments, cwd=folder, stdout=out, stderr=out)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            yield RunningProgram(url, log, process, http)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
