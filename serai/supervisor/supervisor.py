"""Starts the shop in order, keeps it running, and stops it in the reverse order.

PostgreSQL and then the databases and their migrations, with the sandbox beside them; then the gateway, and beside it
discovery with the demo data and after them every service at once; a new shop gets some past orders before it is said to
be up. On INT or TERM the gateway leaves first, so that nothing new comes in, and PostgreSQL last; what has not left in
time is killed.
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
from serai.supervisor.control import Listening, Refused, Say
from serai.supervisor.environment import Setup
from serai.supervisor.home import Home, read_json, write_json
from serai.supervisor.http import NoAnswer, get
from serai.supervisor.launch import Command, launch, signal_group
from serai.supervisor.postgres import Postgres
from serai.supervisor.process_specs import Parts
from serai.supervisor.processes import Part, StartFailed
from serai.supervisor.restarting import Restart, chosen

#: When each group must have left, counted in seconds from the signal; all of it within 15.
STOP_BY_S = {"gateway": 4.5, "services": 11.5, "discovery": 12.5, "postgres": 14.0}
LOG_CHECK_S = 5.0
COMMAND_TIMEOUT_S = 600.0
#: Longer than the command gives itself, so that it says what is missing.
DEMO_ORDERS_TIMEOUT_S = 60.0
EDGE_TIMEOUT_S = 60.0


class Supervisor:
    """One run of one installation. The caller holds the installation's lock."""

    def __init__(self, home: Home, replicas: Mapping[str, int], *, port: int, bind: str) -> None:
        self._home = home
        self._keys = keys.load(home)
        self._logins = keys.logins(home)
        self._ports = ports.allocate(home, ports.names(replicas), taken=frozenset({port}))
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
        self._make = Parts(self._setup, say, self._record)
        self._groups: dict[str, list[Part]] = {"gateway": [], "services": [], "discovery": [], "postgres": []}
        self._phase = "starting"
        self._began = time.monotonic()
        self._stop = asyncio.Event()
        self._control = ""

    async def run(self) -> int:
        """Until a signal comes, or until a part cannot be started. Returns the exit status."""
        self._watch_signals()
        self._record()
        starting = asyncio.create_task(self._start(), name="start")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        rotating = asyncio.create_task(self._bound_logs(), name="logs")
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
        async with control.listen(self._do) as path:
            self._phase, self._control = "ready", str(path)
            self._record()
            self._announce()
            await stopping
            self._phase = "stopping"

    async def _do(self, request: dict[str, Any], tell: Say, listening: Listening) -> None:
        """What was asked for through the control socket. Raises `Refused`."""
        name = request.get("restart")
        if not isinstance(name, str):
            raise Refused("all that can be asked for is a restart")

        def say_both(line: str) -> None:
            say(line)
            tell(line)

        restart = Restart(
            self._groups,
            self._setup.discovery_urls,
            say=say_both,
            wanted=lambda: listening() and not self._stop.is_set(),
            changed=self._record,
        )
        work = asyncio.create_task(restart.run(chosen(self._parts(), name)), name=f"restart {name}")
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise Refused("the shop stops")
            work.result()
        finally:
            work.cancel()
            stopping.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)

    async def _start(self) -> None:
        say(f"Serai {__version__} in {self._home.path}")
        # Beside each step runs what does not need it, so that a start keeps two cores busy.
        sandbox = [self._make.sandbox()] if self._setup.sandboxed else []
        await _all_or_first_failure([self._up("services", sandbox), self._databases()])
        await _all_or_first_failure([self._up("gateway", self._make.gateways()), self._services()])
        await _all_or_first_failure([self._edge_serves(part) for part in self._groups["gateway"]])
        await self._demo_orders()

    async def _databases(self) -> None:
        if self._postgres is not None:
            first = not (self._home.postgres / "data").exists()
            self._postgres.prepare()
            await self._up("postgres", [self._make.postgres(self._postgres)], "set up" if first else "")
        await self._command("databases", "migrate")

    async def _services(self) -> None:
        await _all_or_first_failure([self._up("discovery", self._make.discovery()), self._seed()])
        await self._up("services", self._make.services())

    async def _up(self, group: str, parts: Sequence[Part], note: str = "") -> None:
        self._groups[group] += parts
        for part in parts:
            part.start()

        async def ready(part: Part) -> None:
            await part.ready()
            self._progress(part.instance, note)

        await _all_or_first_failure([ready(part) for part in parts])

    async def _seed(self) -> None:
        if (read_json(self._home.seeded) or {}).get("demo"):
            return
        await self._command("demo data", "seed")
        write_json(self._home.seeded, {"demo": True, "orders_wanted": self._setup.demo_orders})

    async def _demo_orders(self) -> None:
        """Past orders for a shop that is new. It opens without them if it must, and its next start tries again."""
        wanted = (read_json(self._home.seeded) or {}).get("orders_wanted", False)
        if not wanted or not self._setup.demo_orders:
            return
        try:
            await self._command("demo orders", "seed", "--orders", timeout_s=DEMO_ORDERS_TIMEOUT_S)
        except (StartFailed, TimeoutError) as problem:
            reason = str(problem).splitlines()[-1] if str(problem) else f"not done in {DEMO_ORDERS_TIMEOUT_S:.0f} s"
            say(f"  {'demo orders':<16} missing; the next start goes on with them. {reason}")
        else:
            write_json(self._home.seeded, {"demo": True, "orders_wanted": False})

    async def _command(self, title: str, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> None:
        """Run one of our own commands as a child, so that what it imports does not stay in our memory."""
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

    async def _edge_serves(self, gateway: Part) -> None:
        """It has heard of every service and answers for them: for the API, which opens at once, and for the pages."""
        deadline = time.monotonic() + EDGE_TIMEOUT_S
        for path in ("/api/categories", "/"):
            while not await self._is_served(gateway, path):
                if time.monotonic() > deadline:
                    raise StartFailed(f"{gateway.instance} does not serve {path}; see its log in {self._home.logs}")
                await asyncio.sleep(0.05)

    async def _is_served(self, gateway: Part, path: str) -> bool:
        with suppress(NoAnswer):
            status, _ = await get(f"{gateway.url}{path}", host=self._setup.public_host)
            return status == 200
        return False

    def _watch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Also where a background shell or nohup started us with them ignored.
            loop.add_signal_handler(number, self._on_stop_signal)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def _on_stop_signal(self) -> None:
        if self._stop.is_set():
            for part in self._parts():
                if part.process is not None and part.name != "postgres":
                    signal_group(part.process, signal.SIGKILL)
        else:
            say("\nStopping; once more to stop at once.")
            self._stop.set()

    def _reap(self) -> None:
        for part in self._parts():
            part.reap()

    async def _stop_all(self) -> None:
        self._phase = "stopping"
        began = time.monotonic()
        self._record()
        for group, by_s in STOP_BY_S.items():
            await asyncio.gather(*(part.stop(began + by_s) for part in self._groups[group]))
        if self._postgres is not None:
            self._postgres.close()
        self._home.run.unlink(missing_ok=True)
        say(f"Stopped in {time.monotonic() - began:.1f} s.")

    def _parts(self) -> list[Part]:
        return [part for group in self._groups.values() for part in group]

    def _record(self) -> None:
        """Write down what runs, for `serai status`."""
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
                    "name": part.name,
                    "slot": part.slot,
                    "instance": part.instance,
                    "url": part.url,
                    "pid": part.pid,
                    "state": part.state,
                    "restarts": part.restarts,
                }
                for part in self._parts()
            ],
        }

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_S)
            logs.bound(self._home.logs)

    def _progress(self, what: str, note: str = "") -> None:
        say(f"  {what:<16} ready  {time.monotonic() - self._began:5.1f} s{'  ' + note if note else ''}")

    def _announce(self) -> None:
        places = [("Shop", self._setup.public_url), ("API reference", f"{self._setup.public_url}/docs")]
        if len(self._setup.gateway_urls) > 1:
            places += [("Gateways", "  ".join(self._setup.gateway_urls))]
        endpoints = read_json(self._home.sandbox / "endpoints.json") or {}
        titles = {"stripe": "Stripe sandbox", "mail": "Mail inbox"}
        places += [(titles[name], endpoints[name]) for name in self._setup.sandboxed]
        places.append(("Logs", str(self._home.logs)))
        say(f"\nSerai is up ({time.monotonic() - self._began:.1f} s).\n")
        for title, place in places:
            say(f"  {title:<16} {place}")
        say("")
        for login in self._logins:
            say(f"  {login['role']:<16} {login['email']:<22} {login['password']}")
        say("\nCtrl-C stops all of it; `serai status` tells how it is.")


async def _all_or_first_failure(work: Sequence[Awaitable[None]]) -> None:
    """Wait for all; the first failure ends the wait for the others."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def say(line: str) -> None:
    # The terminal may be gone; the shop goes on.
    with suppress(OSError, ValueError):
        print(line, flush=True)
