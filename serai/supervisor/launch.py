"""Starting a child so that it can be stopped, and so that it never outlives us.

Each child leads a session of its own: Ctrl-C on the terminal reaches the supervisor alone, which then stops the parts
in order, and what a child has started can be signalled together with it. If the supervisor is killed outright, the
kernel signals the child (Linux); elsewhere the next start cleans up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Command:
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    #: Asks it to finish what it does and leave.
    stop_signal: signal.Signals = signal.SIGTERM
    #: What the kernel sends it when we are gone.
    orphan_signal: signal.Signals = signal.SIGKILL
    #: Another user and group to run as; only root may ask for that.
    user: int | None = None
    pass_fds: tuple[int, ...] = field(default=())


def launch(command: Command) -> subprocess.Popen[bytes]:
    """Start it. Must be called on the main thread: the kernel takes the *thread* that forks for the parent."""
    log = os.open(command.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603  our own commands
            command.arguments,
            env=dict(command.environment),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=command.user,
            group=command.user,
            extra_groups=None if command.user is None else [],
            pass_fds=command.pass_fds,
            preexec_fn=tie_to_parent(command.orphan_signal),
        )
    finally:
        os.close(log)


def wait_or_kill(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """Wait until a process that was asked to stop is gone; what has not left in time is killed with its children."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)
        process.wait()


def tie_to_parent(orphan_signal: signal.Signals) -> Callable[[], None]:
    """What a child does between fork and exec."""
    parent = os.getpid()

    def prepare() -> None:
        # A background shell starts us with these ignored, and exec would hand that on.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(each, signal.SIG_DFL)
        if sys.platform == "linux":
            _take_turns()
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _take_turns() -> None:
    """One that wakes up does not interrupt one that works: every request wakes several of ours, which otherwise push
    each other off the processor and find its caches full of somebody else's (sched(7), SCHED_BATCH)."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child and what it started; nothing happens when all of them are gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
