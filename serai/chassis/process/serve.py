"""One service process: bind, become ready, register, serve; on SIGTERM leave without losing a request.

Granian's embedded server runs on our own event loop, so the pid that is registered is the pid that serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import time

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar import Litestar

from serai.chassis.calls.registry import Instance
from serai.chassis.process.app import Service

log = logging.getLogger(__name__)

TTL_S = 10.0
#: An instance that leaves goes on serving until nobody has asked it anything for this long, but not for ever: some
#: ask whoever answers at a known address, and never hear of it.
_SPREAD_S = 0.5
_SPREAD_AT_MOST_S = 2.5
#: How long its requests may take to end then.
_DRAIN_S = 8.0


class AddressTaken(Exception):
    """The address to listen on belongs to another process."""


def run(service: Service) -> None:
    """Serve until SIGTERM or SIGINT. Raises `AddressTaken` before anything has started."""
    held, host, port = hold_address(service.settings.bind)
    with held:
        uvloop.run(_serve(service, service.app(), host, port))


def hold_address(bind: str) -> tuple[socket.socket, str, int]:
    """Find out that the address is free and keep it ours until the server listens on it.

    Granian listens with SO_REUSEPORT, which would quietly share a port with another process; the socket held here,
    bound but not listening, keeps the kernel from handing a port it chose to anyone else.
    """
    host, _, port_text = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), int(port_text)))
        held = socket.socket(family, socket.SOCK_STREAM)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host.strip("[]"), int(port_text)))
    except OSError as error:
        raise AddressTaken(f"cannot listen on {bind}: {error.strerror}; choose another SERAI_BIND") from None
    return held, host.strip("[]"), held.getsockname()[1]


async def _serve(service: Service, app: Litestar, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(keep_alive=True, header_read_timeout=30_000),
        log_enabled=False,
        websockets=False,
        backlog=1024,
    )
    serving = asyncio.create_task(server.serve(), name="granian")
    joining = asyncio.create_task(_join(service, host, port), name="join")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        while not serving.done() and not stopping.done():
            await asyncio.wait({serving, stopping, joining}, return_when=asyncio.FIRST_COMPLETED)
            if joining.done():
                # Whatever ended it: a process that serves but is not registered is of no use to anybody.
                log.error("registration ended: %r", None if joining.cancelled() else joining.exception())
                await asyncio.sleep(0.5)
                joining = asyncio.create_task(_join(service, host, port), name="join")
        if serving.done():
            await serving
            raise RuntimeError("the server ended by itself")
        log.info("leaving", extra={"signal": "TERM"})
        joining.cancel()
        await _leave(service)
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(serving, 5.0)


async def _join(service: Service, host: str, port: int) -> None:
    """Register as soon as the service can do its work, then keep the lease alive."""
    while not await service.ready():
        await asyncio.sleep(0.05)
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
        # What a request makes is gone with its answer; looking for rings every 700 objects took 3 % of a purchase.
        gc.set_threshold(10_000, 20, 20)
    log.info("ready", extra={"port": port, "pid": os.getpid(), "version": service.version})
    if not service.settings.discovery_url:
        # Nothing to keep alive; but whoever waits for this would take its end for a failure.
        await asyncio.Event().wait()
    instance = Instance(
        id=service.instance,
        service=service.name,
        host=service.settings.advertise or host,
        port=port,
        meta={"version": service.version, "pid": str(os.getpid())},
    )
    while True:
        try:
            await service.registry.register(instance, TTL_S)
            break
        except Exception as error:
            log.warning("cannot register yet: %r", error)
            await asyncio.sleep(0.5)
    await service.registry.heartbeat_forever()


async def _leave(service: Service) -> None:
    """Draining first, so that nobody sends anything new; then what is running ends; then the lease."""
    service.state.draining = True
    registered = bool(service.settings.discovery_url)
    if registered:
        with contextlib.suppress(Exception):
            await service.registry.set_draining()
        await _spread(service)
    service.feed.stop_waiting()
    for wake in service.on_leave:
        wake()
    deadline = asyncio.get_running_loop().time() + _DRAIN_S
    while _is_busy(service) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)
    for end in service.on_left:
        end()
    if registered:
        with contextlib.suppress(Exception):
            await service.registry.deregister()


def _is_busy(service: Service) -> bool:
    return service.state.active > 0 or any(count() for count in service.in_hand)


async def _spread(service: Service) -> None:
    """Until nobody sends us anything any more: whoever still does has not heard yet that we leave."""
    told_at = time.perf_counter()
    while time.perf_counter() - told_at < _SPREAD_AT_MOST_S:
        await asyncio.sleep(0.05)
        if time.perf_counter() - max(told_at, service.state.asked_at) > _SPREAD_S:
            return
