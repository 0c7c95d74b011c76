"""Starts the shop in order, keeps it running, and stops it in the reverse order.

First PostgreSQL, then the databases and their migrations, with the sandbox in parallel. Then the gateway, and in
parallel discovery with the demo data and after them all services. A new shop gets past orders before it is reported as
up. On INT or TERM the gateway stops first, so that no new requests come, and PostgreSQL last. A process that does not
stop in time is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from serai import __version__
from serai.supervisor import control, environment, keys, logs, ports
from serai.supervisor.control import IsListening, Refused, Say
from serai.supervisor.environment import Setup
from serai.supervisor.home import Home, read_json, write_json
from serai.supervisor.http import RequestFailed, get
from serai.supervisor.launch import Command, launch, signal_group
from serai.supervisor.postgres import Postgres
from serai.supervisor.process_specs import ProcessFactory
from serai.supervisor.processes import ManagedProcess, StartFailed
from serai.supervisor.restarting import Restart, select

#: When each group must have stopped, in seconds from the signal; all within 15.
STOP_BY_S = {"gateway": 4.5, "services": 11.5, "discovery": 12.5, "postgres": 14.0}
LOG_CHECK_S = 5.0
COMMAND_TIMEOUT_S = 600.0
#: Longer than the command's own timeout, so that its message says what is missing.
DEMO_ORDERS_TIMEOUT_S = 60.0
EDGE_TIMEOUT_S = 60.0


class Supervisor:
    """One run of one installation. The caller holds the installation's lock."""

    def __init__(self, home: Home, replicas: Mapping[str, int], *, port: int, bind: str) -> None:
        self._home = home
        self._keys = keys.load(home)
        self._logins = keys.logins(home)
        self._ports = ports.allocate(home, ports.port_names(replicas), taken=frozenset({port}))
        self._postgres: Postgres | None = None
        admin_url = os.environ.get("SERAI_DATABASE_URL", "")
        if not admin_url:
            connections = {"max_connections": str(environment.connections(replicas, os.environ))}
            self._postgres = Postgres(
                home.postgres, self._ports["postgres"], self._keys.postgres, home.log("postgres"), connections
            )
            admin_url = self._postgres.local_url
        self._setup = Setup(
            home=home,
            keys=self._keys,
            ports=self._ports,
            admin_url=admin_url,
            port=port,
            bind=bind,
            public_url=os.environ.get("SERAI_PUBLIC_URL") or f"http://localhost:{port}",
            environ=os.environ,
            replicas=replicas,
        )
        self._factory = ProcessFactory(self._setup, say, self._record)
        self._groups: dict[str, list[ManagedProcess]] = {"gateway": [], "services": [], "discovery": [], "postgres": []}
        self._phase = "starting"
        self._began = time.monotonic()
        self._stop = asyncio.Event()
        self._control = ""

    async def run(self) -> int:
        """Run until a signal comes or a process cannot be started. Returns the exit status."""
        self._watch_signals()
        self._record()
        starting = asyncio.create_task(self._start(), name="start")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        rotating = asyncio.create_task(self._truncate_logs(), name="logs")
        status = 0
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await self._serve_until(stopping)
        except StartFailed as problem:
            say(f"\n{problem}\n")
            status = 1
        finally:
            for task in (starting, stopping, rotating):
                task.cancel()
            await asyncio.gather(starting, stopping, rotating, return_exceptions=True)
            await self._stop_all()
        return status

    async def _serve_until(self, stopping: asyncio.Task[Any]) -> None:
        async with control.listen(self._handle_request) as path:
            self._phase, self._control = "ready", str(path)
            self._record()
            self._print_addresses()
            await stopping
            self._phase = "stopping"

    async def _handle_request(self, request: dict[str, Any], reply: Say, is_listening: IsListening) -> None:
        """Handle a request from the control socket. Raises `Refused`."""
        name = request.get("restart")
        if not isinstance(name, str):
            raise Refused("the only supported request is a restart")

        def say_both(line: str) -> None:
            say(line)
            reply(line)

        restart = Restart(
            self._groups,
            self._setup.discovery_urls,
            say=say_both,
            should_continue=lambda: is_listening() and not self._stop.is_set(),
            changed=self._record,
        )
        work = asyncio.create_task(restart.run(select(self._all_processes(), name)), name=f"restart {name}")
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Refused("the shop is stopping")
            work.result()
        finally:
            work.cancel()
            stopping.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)

    async def _start(self) -> None:
        say(f"Serai {__version__} in {self._home.path}")
        # Steps that do not depend on each other run in parallel, to use two cores.
        sandbox = [self._factory.sandbox()] if self._setup.sandboxed else []
        await _all_or_first_failure([self._up("services", sandbox), self._databases()])
        await _all_or_first_failure([self._up("gateway", self._factory.gateways()), self._services()])
        await _all_or_first_failure([self._wait_until_served(managed) for managed in self._groups["gateway"]])
        await self._demo_orders()

    async def _databases(self) -> None:
        if self._postgres is not None:
            first = not (self._home.postgres / "data").exists()
            self._postgres.prepare()
            await self._up("postgres", [self._factory.postgres(self._postgres)], "set up" if first else "")
        await self._command("databases", "migrate")

    async def _services(self) -> None:
        await _all_or_first_failure([self._up("discovery", self._factory.discovery()), self._seed()])
        await self._up("services", self._factory.services())

    async def _up(self, group: str, managed_processes: Sequence[ManagedProcess], note: str = "") -> None:
        self._groups[group] += managed_processes
        for managed in managed_processes:
            managed.start()

        async def ready(managed: ManagedProcess) -> None:
            await managed.ready()
            self._progress(managed.instance, note)

        await _all_or_first_failure([ready(managed) for managed in managed_processes])

    async def _seed(self) -> None:
        if (read_json(self._home.seeded) or {}).get("demo"):
            return
        await self._command("demo data", "seed")
        write_json(self._home.seeded, {"demo": True, "orders_wanted": self._setup.demo_orders})

    async def _demo_orders(self) -> None:
        """Add past orders to a new shop. If that fails, the shop starts without them and the next start tries again."""
        should_continue = (read_json(self._home.seeded) or {}).get("orders_wanted", False)
        if not should_continue or not self._setup.demo_orders:
            return
        try:
            await self._command("demo orders", "seed", "--orders", timeout_s=DEMO_ORDERS_TIMEOUT_S)
        except (StartFailed, TimeoutError) as problem:
            reason = (
                str(problem).splitlines()[-1] if str(problem) else f"not finished within {DEMO_ORDERS_TIMEOUT_S:.0f} s"
            )
            say(f"  {'demo orders':<16} incomplete; the next start will add the rest. {reason}")
        else:
            write_json(self._home.seeded, {"demo": True, "orders_wanted": False})

    async def _command(self, title: str, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        """Run one of our own commands as a child, so that the modules it imports do not stay in our memory."""
        log = self._home.log("-".join(word.strip("-") for word in words))
        log.unlink(missing_ok=True)
        process = launch(Command((sys.executable, "-m", "serai", *words), environment.for_command(self._setup), log))
        try:
            async with asyncio.timeout(timeout_s):
                while process.poll() is None:
                    await asyncio.sleep(0.01)
        except BaseException:
            signal_group(process, signal.SIGKILL)
            process.wait()
            raise
        if process.returncode != 0:
            last_words = log.read_text(errors="replace")[-4000:].strip() if log.exists() else ""
            raise StartFailed(f"serai {' '.join(words)} failed; {log} ends:\n{last_words}")
        self._progress(title)

    async def _wait_until_served(self, gateway: ManagedProcess) -> None:
        """Wait until the gateway serves the API, which is available first, and the pages."""
        deadline = time.monotonic() + EDGE_TIMEOUT_S
        for path in ("/api/categories", "/"):
            while not await self._is_served(gateway, path):
                if time.monotonic() > deadline:
                    raise StartFailed(f"{gateway.instance} does not serve {path}; see its log in {self._home.logs}")
                await asyncio.sleep(0.05)

    async def _is_served(self, gateway: ManagedProcess, path: str) -> bool:
        with suppress(RequestFailed):
            status, _ = await get(f"{gateway.url}{path}", host=self._setup.public_host)
            return status == 200
        return False

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Also when a background shell or nohup started us with these ignored.
            loop.add_signal_handler(number, self._on_stop_signal)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def _on_stop_signal(self) -> None:
        if self._stop.is_set():
            for managed in self._all_processes():
                if managed.popen is not None and managed.name != "postgres":
                    signal_group(managed.popen, signal.SIGKILL)
        else:
            say("\nStopping. Press Ctrl-C again to stop immediately.")
            self._stop.set()

    def _reap(self) -> None:
        for managed in self._all_processes():
            managed.reap()

    async def _stop_all(self) -> None:
        self._phase = "stopping"
        began = time.monotonic()
        self._record()
        for group, by_s in STOP_BY_S.items():
            await asyncio.gather(*(managed.stop(began + by_s) for managed in self._groups[group]))
        if self._postgres is not None:
            self._postgres.close()
        self._home.run.unlink(missing_ok=True)
        say(f"Stopped in {time.monotonic() - began:.1f} s.")

    def _all_processes(self) -> list[ManagedProcess]:
        return [managed for group in self._groups.values() for managed in group]

    def _record(self) -> None:
        """Write the running processes to run.json, for `serai status`."""
        write_json(self._home.run, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "phase": self._phase,
            "version": __version__,
            "pid": os.getpid(),
            "gateway": self._setup.public_url,
            "gateways": self._setup.gateway_urls,
            "gateway_host": self._setup.public_host,
            "discovery": self._setup.discovery_urls,
            "control": self._control,
            "postgres": f"127.0.0.1:{self._ports['postgres']}",
            "sandbox": self._setup.sandboxed,
            "sandbox_address": f"127.0.0.1:{self._ports[self._setup.sandboxed[0]] if self._setup.sandboxed else 0}",
            "processes": [
                {
                    "name": managed.name,
                    "slot": managed.slot,
                    "instance": managed.instance,
                    "url": managed.url,
                    "pid": managed.pid,
                    "state": managed.state,
                    "restarts": managed.restarts,
                }
                for managed in self._all_processes()
            ],
        }

    async def _truncate_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            logs.truncate(self._home.logs)

    def _progress(self, what: str, note: str = "") -> None:
        say(f"  {what:<16} ready  {time.monotonic() - self._began:5.1f} s{'  ' + note if note else ''}")

    def _print_addresses(self) -> None:
        places = [("Shop", self._setup.public_url), ("API reference", f"{self._setup.public_url}/docs")]
        if len(self._setup.gateway_urls) > 1:
            places += [("Gateways", "  ".join(self._setup.gateway_urls))]
        endpoints = read_json(self._home.sandbox / "endpoints.json") or {}
        titles = {"stripe": "Stripe sandbox", "mail": "Email inbox"}
        places += [(titles[name], endpoints[name]) for name in self._setup.sandboxed]
        places.append(("Logs", str(self._home.logs)))
        say(f"\nSerai is up ({time.monotonic() - self._began:.1f} s).\n")
        for title, place in places:
            say(f"  {title:<16} {place}")
        say("")
        for login in self._logins:
            say(f"  {login['role']:<16} {login['email']:<22} {login['password']}")
        say("\nCtrl-C stops the shop; `serai status` shows its state.")


async def _all_or_first_failure(work: Sequence[Awaitable[None]]) -> None:
    """Wait for all of them. The first failure cancels the others."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def say(line: str) -> None:
    # The terminal may be closed, but the shop keeps running.
    with suppress(OSError, ValueError):
        print(line, flush=True)
