"""Runs one service process: bind, become ready, register, serve; on SIGTERM drain without losing a request.

Granian's embedded server runs on our own event loop, so the registered pid is that of the process that serves.
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
from serai.chassis.settings import SettingsError

log = logging.getLogger(__name__)

TTL_S = 10.0
#: A draining instance goes on serving until no request has come for `_IDLE_S`, but at most for `_MAX_IDLE_WAIT_S`:
#: callers that use a fixed address never learn that it drains.
_IDLE_S = 0.5
_MAX_IDLE_WAIT_S = 2.5
#: How long the requests in flight may then take to end.
_DRAIN_TIMEOUT_S = 8.0


class AddressInUse(Exception):
    """Another process listens on the address."""


def run(service: Service) -> None:
    """Serve until SIGTERM or SIGINT. Raises `AddressInUse` before anything has started."""
    held, host, port = reserve_address(service.settings.bind)
    with held:
        uvloop.run(_serve(service, service.app(), host, port))


def reserve_address(bind: str) -> tuple[socket.socket, str, int]:
    """Check that the address is free and reserve it until the server listens on it.

    Granian listens with SO_REUSEPORT, which would silently share a port with another process. The socket returned here
    is bound but does not listen; it keeps the kernel from giving an ephemeral port to another process meanwhile.
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
        raise AddressInUse(f"cannot listen on {bind}: {error.strerror}; choose another SERAI_BIND") from None
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
    registering = asyncio.create_task(_register(service, host, port), name="join")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        while not serving.done() and not stopping.done():
            await asyncio.wait({serving, stopping, registering}, return_when=asyncio.FIRST_COMPLETED)
            if registering.done():
                if not registering.cancelled() and isinstance(registering.exception(), SettingsError):
                    await registering
                # Register again whatever the reason: nobody can use a process that serves but is not registered.
                log.error("registration ended: %r", None if registering.cancelled() else registering.exception())
                await asyncio.sleep(0.5)
                registering = asyncio.create_task(_register(service, host, port), name="join")
        if serving.done():
            await serving
            raise RuntimeError("the server ended without a signal")
        log.info("draining", extra={"signal": "TERM"})
        registering.cancel()
        await _drain(service)
    finally:
        stopping.cancel()
        server.stop()  # type: ignore[no-untyped-call]  # Granian leaves it unannotated
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(serving, 5.0)


async def _register(service: Service, host: str, port: int) -> None:
    """Register when the service is ready and its database fits its settings, then send heartbeats. Raises
    `SettingsError`."""
    while not await service.ready():
        await asyncio.sleep(0.05)
    await service.check_data()
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
        # A request's objects are freed by reference counting when it ends. Searching for cycles every 700 objects took
        # 3 % of the time of a purchase.
        gc.set_threshold(10_000, 20, 20)
    log.info("ready", extra={"port": port, "pid": os.getpid(), "version": service.version})
    if not service.settings.discovery_url:
        # There is no lease to keep alive, but the caller takes the end of this task for a failure.
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
            log.warning("cannot register yet; trying again: %r", error)
            await asyncio.sleep(0.5)
    await service.registry.heartbeat_forever()


async def _drain(service: Service) -> None:
    """Mark the instance as draining so that no new requests come, wait for the requests and jobs in flight, then
    deregister."""
    service.state.draining = True
    registered = bool(service.settings.discovery_url)
    if registered:
        with contextlib.suppress(Exception):
            await service.registry.set_draining()
        await _wait_until_idle(service)
    service.feed.stop_waiting()
    for wake in service.on_drain:
        wake()
    deadline = asyncio.get_running_loop().time() + _DRAIN_TIMEOUT_S
    while _has_work(service) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)
    for end in service.on_drained:
        end()
    if registered:
        with contextlib.suppress(Exception):
            await service.registry.deregister()


def _has_work(service: Service) -> bool:
    return service.state.active > 0 or any(count() for count in service.active_jobs)


async def _wait_until_idle(service: Service) -> None:
    """Wait until no requests come: a caller that still sends some has not yet learned that this instance drains."""
    draining_since = time.perf_counter()
    while time.perf_counter() - draining_since < _MAX_IDLE_WAIT_S:
        await asyncio.sleep(0.05)
        if time.perf_counter() - max(draining_since, service.state.last_request_at) > _IDLE_S:
            return
