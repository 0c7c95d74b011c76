"""Starts child processes so that they can be stopped and never outlive the supervisor.

Each child leads its own session: Ctrl-C on the terminal reaches only the supervisor, which then stops the processes in
order, and a child's own children can be signalled with it. If the supervisor is killed, the kernel signals the child
(Linux). Elsewhere the next start cleans up.
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
    #: The signal that asks it to shut down.
    stop_signal: signal.Signals = signal.SIGTERM
    #: The signal that the kernel sends when the supervisor has died.
    orphan_signal: signal.Signals = signal.SIGKILL
    #: User and group to run as, if not the current ones. Needs root.
    user: int | None = None
    pass_fds: tuple[int, ...] = field(default=())


def launch(command: Command) -> subprocess.Popen[bytes]:
    """Start the command. Must run on the main thread, because PR_SET_PDEATHSIG refers to the forking *thread*."""
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
    """Wait until a process that was asked to stop has exited. After the timeout it is killed with its children."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        signal_group(process, signal.SIGKILL)
        process.wait()


def tie_to_parent(orphan_signal: signal.Signals) -> Callable[[], None]:
    """Returns what the child runs between fork and exec."""
    parent = os.getpid()

    def prepare() -> None:
        # A background shell starts us with these ignored, and exec would preserve that.
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(one, signal.SIG_DFL)
        if sys.platform == "linux":
            _set_batch_scheduling()
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, orphan_signal, 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def _set_batch_scheduling() -> None:
    """Sets SCHED_BATCH (sched(7)), so that a process that wakes up does not preempt a running one. Every request wakes
    several of our processes, which otherwise preempt each other and lose their CPU caches."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the child and its own children. Does nothing when all of them have exited."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
