"""Keeping one process of ours running: start it, see that it is ready, start it again when it dies, stop it in time."""

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
#: A part that ends this often before it was ever ready will not get better by itself.
START_ATTEMPTS = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
#: Having run this long, the next end is a new misfortune and not the old one going on.
STEADY_S = 30.0
LOG_TAIL_LINES = 20


class StartFailed(Exception):
    """A part did not become ready; the message says what it said last."""


@dataclass
class Part:
    """One process, and how to know that it is ready. `command` is asked anew before every start."""

    name: str
    #: Its place among the parts of that name, which a successor takes over: order-1.
    slot: str
    #: What it is called in the registry; a successor has another one.
    instance: str
    command: Callable[[], Command]
    is_ready: Callable[[int], Awaitable[bool]]
    say: Callable[[str], None]
    #: Where it is to be found, for what has an address before it runs.
    url: str = ""
    #: Told after every change of state, so that it can be written down.
    changed: Callable[[], None] = lambda: None
    #: Makes the one that takes over before this one leaves; None where only one process can have the address.
    successor: Callable[[], Part] | None = None
    #: How often it is asked whether it is ready.
    poll_s: float = 0.05
    state: str = "waiting"
    restarts: int = 0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    _failed_starts: int = 0
    _was_ready: bool = False
    _awaited: bool = False
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _stop_signal: signal.Signals = signal.SIGTERM
    _keeper: asyncio.Task[None] | None = None
    _log: Path | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    def start(self) -> None:
        """Start it now and again whenever it ends, until `stop`; after which it may be started anew."""
        self._failed_starts, self._was_ready = 0, False
        self._launch()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.instance}")

    async def ready(self) -> None:
        """Wait until it can do its work. Raises `StartFailed`."""
        self._awaited = True
        try:
            await self._ready(time.monotonic() + READY_TIMEOUT_S)
        finally:
            self._awaited = False

    async def _ready(self, deadline: float) -> None:
        while True:
            pid = self.pid
            if pid is not None and await self.is_ready(pid):
                self._was_ready = True
                self._move("running")
                return
            if self._failed_starts >= START_ATTEMPTS:
                raise StartFailed(f"{self.instance} ended {START_ATTEMPTS} times while it started.{self._last_words()}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.instance} was not ready after {READY_TIMEOUT_S:.0f} s.{self._last_words()}")
            await asyncio.sleep(self.poll_s)

    def reap(self) -> None:
        """Called when some child has ended."""
        if self.process is not None and self.process.poll() is not None:
            self._ended.set()

    async def stop(self, deadline: float) -> bool:
        """Ask it to leave; at `deadline` (monotonic) it and whatever it started are killed. Whether it left itself."""
        left = True
        if self._keeper is not None:
            self._keeper.cancel()
        if self.process is not None:
            if self.process.poll() is None:
                self._move("stopping")
                self.process.send_signal(self._stop_signal)
                try:
                    async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                        while self.process.poll() is None:
                            self._ended.clear()
                            await self._ended.wait()
                except TimeoutError:
                    left = False
                    self.say(f"{self.instance} did not leave in time and was killed")
            signal_group(self.process, signal.SIGKILL)
            self.process.wait()
        self._move("stopped")
        return left

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            await self._ended.wait()
            assert self.process is not None
            if self.process.poll() is None:
                self._ended.clear()
                continue
            # What it started (the gateway's Envoy) must not go on beside its successor.
            signal_group(self.process, signal.SIGKILL)
            if not self._was_ready:
                self._failed_starts += 1
            if time.monotonic() - self.started_at > STEADY_S:
                pause = FIRST_PAUSE_S
            self._move("restarting")
            self.say(f"{self.instance} {_how_it_ended(self.process.returncode)}; starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            self._launch()
            if not self._awaited:
                asyncio.get_running_loop().create_task(self._report_return(), name=f"return-{self.instance}")

    async def _report_return(self) -> None:
        process = self.process
        while self.process is process and self.pid is not None:
            if await self.is_ready(self.pid):
                self._was_ready = True
                self._move("running")
                self.say(f"{self.instance} is back (pid {self.pid})")
                return
            await asyncio.sleep(self.poll_s)

    def _launch(self) -> None:
        self._ended.clear()
        command = self.command()
        self._log, self._stop_signal = command.log, command.stop_signal
        self.process = launch(command)
        self.started_at = time.monotonic()
        self._move("starting")

    def _move(self, state: str) -> None:
        self.state = state
        self.changed()

    def _last_words(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            file.seek(max(0, self._log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f" {self._log} ends:\n  " + "\n  ".join(lines)


def _how_it_ended(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with status {returncode}"
