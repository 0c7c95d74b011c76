"""Rolling restart: replaces the running processes one after another without losing a request.

A service's successor is ready before its predecessor stops, so one instance is enough. Discovery and the gateway have a
fixed address that a second process cannot use, so each of these stops and starts again; with two of them the other one
serves meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from serai import topology
from serai.supervisor import gateways, registry
from serai.supervisor.control import Refused
from serai.supervisor.http import RequestFailed
from serai.supervisor.processes import ManagedProcess, StartFailed

ALL = "all"
#: How long a process may take to stop. Every process limits that itself to less; this is for one that hangs.
STOP_TIMEOUT_S = 45.0
#: How long the gateways may take to route requests to a new process.
ROUTING_TIMEOUT_S = 30.0
_POLL_S = 0.1
_RESTART_ORDER = (*(service.name for service in topology.SERVICES), "discovery", "gateway")
_SINGLE_INSTANCE_WARNINGS = {
    "discovery": "it is the only one: until it is back, services use the addresses they know",
    "gateway": "it is the only one: the shop is not reachable until it is back (--replicas gateway=2 avoids that)",
}


def select(processes: Sequence[ManagedProcess], name: str) -> list[ManagedProcess]:
    """The processes that `name` refers to, in the order in which they are replaced. Raises `Refused`."""
    if name == "postgres" or name.startswith("postgres-"):
        raise Refused("postgres cannot be restarted while the shop runs: stop and start the shop")
    if name == ALL:
        return sorted(
            (process for process in processes if process.name in _RESTART_ORDER),
            key=lambda process: _RESTART_ORDER.index(process.name),
        )
    found = [process for process in processes if name in (process.name, process.slot, process.instance)]
    if not found:
        names = dict.fromkeys(process.name for process in processes if process.name != "postgres")
        raise Refused(f"no running process is called {name!r}; there are {ALL}, {', '.join(names)}")
    return found


@dataclass(frozen=True, slots=True)
class Restart:
    """One rolling restart. `groups` is the supervisor's list of running processes, which is kept up to date."""

    groups: dict[str, list[ManagedProcess]]
    registries: Sequence[str]
    say: Callable[[str], None]
    #: Whether to continue with the next one.
    should_continue: Callable[[], bool]
    #: Called when the list has changed.
    changed: Callable[[], None]

    async def run(self, processes: Sequence[ManagedProcess]) -> None:
        """Raises `Refused` at the first process that cannot be replaced. The remaining ones are not changed."""
        for process in processes:
            if not self.should_continue():
                raise Refused("the request was cancelled")
            if process.successor is None:
                await self._restart(process)
            else:
                await self._replace(process, process.successor())

    async def _replace(self, process: ManagedProcess, successor: ManagedProcess) -> None:
        began = time.monotonic()
        group = next(group for group in self.groups.values() if process in group)
        group.insert(group.index(process) + 1, successor)
        successor.start()
        try:
            await successor.ready()
            await self._wait_until_routed(successor)
        except StartFailed as problem:
            await successor.stop(time.monotonic() + STOP_TIMEOUT_S)
            group.remove(successor)
            self.changed()
            raise Refused(f"{problem}\n{process.instance} keeps running") from problem
        ready_s = time.monotonic() - began
        stopped = await process.stop(time.monotonic() + STOP_TIMEOUT_S)
        group.remove(process)
        self.changed()
        stopped_s = time.monotonic() - began - ready_s
        self.say(
            f"{process.instance} replaced by {successor.instance} "
            f"(ready after {ready_s:.1f} s, stopped in {stopped_s:.1f} s)"
        )
        self._check_stopped(stopped, process)

    async def _restart(self, process: ManagedProcess) -> None:
        began = time.monotonic()
        group = next(group for group in self.groups.values() if process in group)
        if process.name in _SINGLE_INSTANCE_WARNINGS and sum(instance.name == process.name for instance in group) == 1:
            self.say(f"{process.instance}: {_SINGLE_INSTANCE_WARNINGS[process.name]}")
        stopped = await process.stop(time.monotonic() + STOP_TIMEOUT_S)
        stopped_s = time.monotonic() - began
        process.start()
        try:
            await process.ready()
            if process.name == "gateway":
                await self._wait_until_gateway_reaches_all(process)
        except StartFailed as problem:
            raise Refused(str(problem)) from problem
        ready_s = time.monotonic() - began - stopped_s
        self.say(f"{process.instance} restarted (stopped in {stopped_s:.1f} s, ready after {ready_s:.1f} s)")
        self._check_stopped(stopped, process)

    @staticmethod
    def _check_stopped(stopped: bool, process: ManagedProcess) -> None:
        if not stopped:
            raise Refused(
                f"{process.instance} did not stop within {STOP_TIMEOUT_S:.0f} s and was killed; requests may be lost"
            )

    async def _wait_until_routed(self, process: ManagedProcess) -> None:
        """Wait until every responding gateway also routes requests to this instance. Raises `StartFailed`."""

        async def condition() -> bool:
            known = await registry.instances_of(self.registries, process.name)
            passing = sum(instance.health == "passing" for instance in known)
            for agent in await registry.instances_of(self.registries, "gateway"):
                if (await self._reachable_instances(agent)).get(process.name, passing) < passing:
                    return False
            return True

        await _wait_for(condition, f"{process.instance} is ready, but the gateways do not route to it")

    async def _wait_until_gateway_reaches_all(self, gateway: ManagedProcess) -> None:
        """Wait until this gateway can route to every service, so that the next one may stop. Raises `StartFailed`."""

        async def condition() -> bool:
            for agent in await registry.instances_of(self.registries, "gateway"):
                if agent.instance == gateway.instance and agent.pid == gateway.pid:
                    return all((await gateways.reachable_instances(agent.address)).values())
            return False

        await _wait_for(condition, f"{gateway.instance} is back, but does not route to every service")

    @staticmethod
    async def _reachable_instances(agent: registry.RegisteredInstance) -> dict[str, int]:
        try:
            return await gateways.reachable_instances(agent.address)
        except RequestFailed:
            # A gateway that does not respond routes nothing.
            return {}


async def _wait_for(condition: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    deadline = time.monotonic() + ROUTING_TIMEOUT_S
    while time.monotonic() < deadline:
        with suppress(RequestFailed):
            if await condition():
                return
        await asyncio.sleep(_POLL_S)
    raise StartFailed(f"{otherwise}: not after {ROUTING_TIMEOUT_S:.0f} s")
