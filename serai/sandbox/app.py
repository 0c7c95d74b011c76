"""Runs the sandbox in one process: Stripe and its pages on one port, the inbox on another, SMTP on a third.

`settings.py` lists the environment. The actual addresses are written to `endpoints.json` in the sandbox's folder:
`{"stripe": url, "mail": url, "smtp": "host:port", "pid"}`.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO

import uvloop
from aiohttp import web

from serai.sandbox.api import Api
from serai.sandbox.control import Control
from serai.sandbox.hosted import Pages
from serai.sandbox.inbox import Inbox
from serai.sandbox.inbox_pages import InboxPages
from serai.sandbox.settings import Address, BadSettings, Settings, from_environment
from serai.sandbox.smtp import MailFaults, MailHandler, protocol
from serai.sandbox.store import Store
from serai.sandbox.stripe_state import Endpoint, StripeState
from serai.sandbox.webhooks import Dispatcher

MAX_BODY_BYTES = 1_000_000
#: How long requests in progress may take to end after a stop signal.
GRACE_S = 0.5
TICK_S = 0.25
PRUNE_EVERY_S = 3600.0

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """A port or the folder is in use; the message says which."""


def main(argv: Sequence[str] = ()) -> int:
    """Run until SIGTERM or SIGINT. Returns 0 after a clean stop, 1 when it could not start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        uvloop.run(serve(from_environment(os.environ)))
    except (BadSettings, CannotStart) as problem:
        print(f"sandbox: {problem}", file=sys.stderr)
        return 1
    return 0


async def serve(settings: Settings) -> None:
    stop_requested = _stop_event()
    settings.directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.enter_context(_lock(settings.directory))
        previous_port = _previous_ports(settings.directory)
        sockets = {
            name: stack.enter_context(_listen(name, address, previous_port.get(name)))
            for name, address in (("stripe", settings.stripe), ("mail", settings.mail), ("smtp", settings.smtp))
            if address is not None
        }
        stopping: list[Callable[[], None]] = []
        if "stripe" in sockets:
            stopping.append(await _start_stripe(stack, sockets["stripe"], settings))
        inbox, mail_faults = Inbox(settings.directory / "mail"), MailFaults()
        if "mail" in sockets:
            await _serve_http(stack, sockets["mail"], _mail(inbox, mail_faults))
        if "smtp" in sockets:
            await _serve_smtp(stack, sockets["smtp"], settings, MailHandler(inbox, mail_faults))
        _write_endpoints(settings.directory, sockets)
        log.info("%s", "  ".join(f"{name} {_place(listening)}" for name, listening in sockets.items()))
        await stop_requested.wait()
        for stop in stopping:
            stop()


async def _start_stripe(stack: AsyncExitStack, listening: socket.socket, settings: Settings) -> Callable[[], None]:
    """Serve the API and the pages. Returns a function that ends the requests that a fault keeps waiting."""
    store = Store(settings.directory / "stripe.sqlite")
    stack.callback(store.close)
    state = StripeState(store, settings.stripe_key, _endpoint(store, settings))
    state.site = settings.site or _url(listening)
    state.run_due()
    await _serve_http(stack, listening, _stripe(state, settings.webhook_url))
    for work in (Dispatcher(state).run(), _timers(state)):
        await stack.enter_async_context(_in_background(work))
    return state.stopping.set


def _stripe(state: StripeState, started_with_url: str | None) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(Pages(state).routes())
    app.add_routes(Control(state, started_with_url).routes())
    app.router.add_route("*", "/{rest:.*}", Api(state).handle)
    return app


def _mail(inbox: Inbox, faults: MailFaults) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.add_routes(InboxPages(inbox, faults).routes())
    return app


def _endpoint(store: Store, settings: Settings) -> Endpoint:
    """An endpoint set at run time is kept across restarts, unless the sandbox now starts with a different URL."""
    kept = store.setting("endpoint")
    if kept and kept["instead_of"] == settings.webhook_url:
        return Endpoint(kept["url"], kept["secret"], tuple(kept["enabled_events"]))
    return Endpoint(settings.webhook_url, settings.webhook_secret)


async def _serve_http(stack: AsyncExitStack, listening: socket.socket, app: web.Application) -> None:
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=GRACE_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listening).start()


async def _serve_smtp(
    stack: AsyncExitStack, listening: socket.socket, settings: Settings, handler: MailHandler
) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(settings, handler, loop), sock=listening)
    stack.callback(server.close)


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` until the block ends. If it fails, the process exits, because a partly working sandbox would be
    misleading."""
    task = asyncio.create_task(work)
    task.add_done_callback(_terminate_on_failure)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _terminate_on_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (problem := task.exception()):
        log.critical("a background task failed", exc_info=problem)
        os.kill(os.getpid(), signal.SIGTERM)


async def _timers(state: StripeState) -> None:
    """Apply what is due, and prune old data."""
    loop = asyncio.get_running_loop()
    prune_at = loop.time()
    while True:
        state.run_due()
        if loop.time() >= prune_at:
            state.prune()
            prune_at = loop.time() + PRUNE_EVERY_S
        await asyncio.sleep(TICK_S)


def _stop_event() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT. Later ones are ignored until the process exits.

    It does not use the loop's signal handlers, because the loop restores the default handlers when it closes, and a
    second signal would then kill the process.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def request_stop(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request_stop)
    return stop


def _lock(directory: Path) -> IO[str]:
    """Lock the folder: two sandboxes must not share one database."""
    lock = (directory / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CannotStart(f"another sandbox is running in {directory}") from None
    return lock


def _listen(name: str, address: Address, previous_port: int | None) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for attempt in [previous_port, 0] if previous_port and not port else [port]:
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, attempt))
            listening.listen(1024)
            listening.setblocking(False)
        except OSError as problem:
            listening.close()
            if attempt == previous_port and not port and problem.errno == errno.EADDRINUSE:
                log.warning("port %d, which %s had before, is in use; choosing another", attempt, name)
                continue
            raise CannotStart(f"cannot listen on {host}:{attempt} for {name}: {problem.strerror}") from None
        return listening
    raise CannotStart(f"no free port for {name} on {host}")


def _previous_ports(directory: Path) -> dict[str, int]:
    """The ports of the last run."""
    try:
        known = json.loads((directory / "endpoints.json").read_text())
        return {name: int(str(known[name]).rpartition(":")[2]) for name in ("stripe", "mail", "smtp") if name in known}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_endpoints(directory: Path, sockets: dict[str, socket.socket]) -> None:
    endpoints: dict[str, str | int] = {
        name: _place(listening) if name == "smtp" else _url(listening) for name, listening in sockets.items()
    }
    endpoints["pid"] = os.getpid()
    part = directory / "endpoints.json.part"
    part.write_text(json.dumps(endpoints) + "\n")
    os.replace(part, directory / "endpoints.json")


def _place(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _url(listening: socket.socket) -> str:
    return f"http://{_place(listening)}"
