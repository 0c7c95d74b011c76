"""The foreground run behind `serai up`. Everything that can prevent the start is checked before anything is started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from serai.chassis.process.ports import is_free
from serai.supervisor import control, environment, orphans
from serai.supervisor.home import AlreadyRunning, Home
from serai.supervisor.postgres import PostgresFailed
from serai.supervisor.supervisor import Supervisor


class CannotStart(Exception):
    """Something prevents the start; the message says what to do about it."""


def up(replicas: Mapping[str, int]) -> int:
    """Run the shop until it is stopped. Raises `CannotStart`."""
    home = Home.from_environment()
    try:
        home.create()
        with home.lock():
            if count := orphans.kill_all(home):
                print(f"Killed {count} processes of an earlier run.", flush=True)
            control.remove_stale_socket(home)
            _check_currency()
            port, bind = _free_gateway_port()
            return asyncio.run(_run(home, replicas, port, bind))
    except AlreadyRunning:
        raise CannotStart(
            f"the shop in {home.path} is already running: `serai status` shows its addresses. For a second shop choose "
            "another folder and port: SERAI_HOME=.serai2 SERAI_PORT=8081 serai up"
        ) from None
    except PostgresFailed as problem:
        raise CannotStart(str(problem)) from problem
    except OSError as problem:
        raise CannotStart(f"{home.path} cannot be used: {problem}. Choose another folder with SERAI_HOME") from problem


async def _run(home: Home, replicas: Mapping[str, int], port: int, bind: str) -> int:
    return await Supervisor(home, replicas, port=port, bind=bind).run()


def _check_currency() -> None:
    try:
        environment.currency(os.environ)
    except ValueError as problem:
        raise CannotStart(str(problem)) from problem


def _free_gateway_port() -> tuple[int, str]:
    try:
        port, bind = environment.gateway_port(), environment.gateway_bind()
    except ValueError as problem:
        raise CannotStart(str(problem)) from problem
    if not is_free(port, bind):
        raise CannotStart(
            f"port {port} on {bind} is in use by another program. "
            f"Choose another port: SERAI_PORT={_free_after(port)} make up"
        )
    return port, bind


def _free_after(port: int) -> int:
    nearby = (candidate for candidate in range(port + 1, min(port + 100, 65536)) if is_free(candidate))
    return next(nearby, 8080)
