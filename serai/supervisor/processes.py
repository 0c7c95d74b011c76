"""Keeps one process running: starts it, waits until it is ready, restarts it when it dies, stops it in time."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from serai.supervisor.launch import Command, launch, signal_group

READY_TIMEOUT_S = 90.0
#: A process that ended this often before it was ready is not started again.
START_ATTEMPTS = 3
MIN_PAUSE_S, MAX_PAUSE_S = 0.2, 10.0
#: After running this long, the restart pause is reset.
STABLE_S = 30.0
LOG_TAIL_LINES = 20


class StartFailed(Exception):
    """A process did not become ready; the message includes the end of its log."""


@dataclass
class ManagedProcess:
    """One process, and how to know that it is ready. `command` is called before every start."""

    name: str
    #: Its place among the processes of that name, which a successor takes over: order-1.
    slot: str
    #: Its id in the registry; a successor has another one.
    instance: str
    command: Callable[[], Command]
    is_ready: Callable[[int], Awaitable[bool]]
    say: Callable[[str], None]
    #: Its URL, if it has a fixed address.
    url: str = ""
    #: Called after every change of state.
    changed: Callable[[], None] = lambda: None
    #: Creates the process that replaces this one; None where only one process can use the address.
    successor: Callable[[], ManagedProcess] | None = None
    #: How often to check whether it is ready, in seconds.
    poll_s: float = 0.05
    state: str = "waiting"
    restarts: int = 0
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    _failed_starts: int = 0
    _was_ready: bool = False
    _is_awaited: bool = False
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _stop_signal: signal.Signals = signal.SIGTERM
    _restart_task: asyncio.Task[None] | None = None
    _log: Path | None = None

    @property
    def pid(self) -> int | None:
        return self.popen.pid if self.popen is not None and self.popen.returncode is None else None

    def start(self) -> None:
        """Start it, and again whenever it ends, until `stop`. Can be called again after `stop`."""
        self._failed_starts, self._was_ready = 0, False
        self._launch()
        self._restart_task = asyncio.create_task(self._restart_forever(), name=f"keep-{self.instance}")

    async def ready(self) -> None:
        """Wait until it is ready. Raises `StartFailed`."""
        self._is_awaited = True
        try:
            await self._ready(time.monotonic() + READY_TIMEOUT_S)
        finally:
            self._is_awaited = False

    async def _ready(self, deadline: float) -> None:
        while True:
            pid = self.pid
            if pid is not None and await self.is_ready(pid):
                self._was_ready = True
                self._set_state("running")
                return
            if self._failed_starts >= START_ATTEMPTS:
                raise StartFailed(f"{self.instance} ended {START_ATTEMPTS} times during its start.{self._log_tail()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.instance} was not ready after {READY_TIMEOUT_S:.0f} s.{self._log_tail()}")
            await asyncio.sleep(self.poll_s)

    def reap(self) -> None:
        """Called when any child has ended."""
        if self.popen is not None and self.popen.poll() is not None:
            self._ended.set()

    async def stop(self, deadline: float) -> bool:
        """Ask it to stop. At `deadline` (monotonic) it and its children are killed. Returns whether it stopped by
        itself."""
        stopped = True
        if self._restart_task is not None:
            self._restart_task.cancel()
        if self.popen is not None:
            if self.popen.poll() is None:
                self._set_state("stopping")
                self.popen.send_signal(self._stop_signal)
                try:
                    async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                        while self.popen.poll() is None:
                            self._ended.clear()
                            await self._ended.wait()
                except TimeoutError:
                    stopped = False
                    self.say(f"{self.instance} did not stop in time and was killed")
            signal_group(self.popen, signal.SIGKILL)
            self.popen.wait()
        self._set_state("stopped")
        return stopped

    async def _restart_forever(self) -> None:
        pause = MIN_PAUSE_S
        while True:
            await self._ended.wait()
            assert self.popen is not None
            if self.popen.poll() is None:
                self._ended.clear()
                continue
            # Its children (the gateway's Envoy) must not run beside the restarted process.
            signal_group(self.popen, signal.SIGKILL)
            if not self._was_ready:
                self._failed_starts += 1
            if time.monotonic() - self.started_at > STABLE_S:
                pause = MIN_PAUSE_S
            self._set_state("restarting")
            self.say(f"{self.instance} {_exit_reason(self.popen.returncode)}; restarting it in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, MAX_PAUSE_S)
            self.restarts += 1
            self._launch()
            if not self._is_awaited:
                asyncio.get_running_loop().create_task(self._report_recovery(), name=f"return-{self.instance}")

    async def _report_recovery(self) -> None:
        popen = self.popen
        while self.popen is popen and self.pid is not None:
            if await self.is_ready(self.pid):
                self._was_ready = True
                self._set_state("running")
                self.say(f"{self.instance} is back (pid {self.pid})")
                return
            await asyncio.sleep(self.poll_s)

    def _launch(self) -> None:
        self._ended.clear()
        command = self.command()
        self._log, self._stop_signal = command.log, command.stop_signal
        self.popen = launch(command)
        self.started_at = time.monotonic()
        self._set_state("starting")

    def _set_state(self, state: str) -> None:
        self.state = state
        self.changed()

    def _log_tail(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f" {self._log} ends:\n  " + "\n  ".join(lines)


def _exit_reason(returncode: int) -> str:
    if returncode < 0:
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"exited with status {returncode}"
