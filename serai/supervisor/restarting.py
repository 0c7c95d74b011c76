"""Replacing what runs, one process after another, without losing a request on the way.

A service's successor is there before its predecessor leaves, so one instance is enough. Discovery and the gateway have
an address of their own that no second process can take, so each of these leaves and comes back; with two of them the
other one is there meanwhile.
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
from serai.supervisor.http import NoAnswer
from serai.supervisor.processes import Part, StartFailed

ALL = "all"
#: What a process that leaves may take. It bounds that itself, with less; this is for one that hangs.
LEAVE_S = 45.0
#: How long it may take until the gateways send requests to somebody new.
SPREAD_S = 30.0
_POLL_S = 0.1
_ORDER = (*(service.name for service in topology.SERVICES), "discovery", "gateway")
_ALONE = {
    "discovery": "it is the only one: until it is back everybody goes on with the addresses they know",
    "gateway": "it is the only one: the shop is closed until it is back (--replicas gateway=2 avoids that)",
}


def chosen(parts: Sequence[Part], name: str) -> list[Part]:
    """The parts that `name` means, in the order in which they are replaced. Raises `Refused`."""
    if name == "postgres" or name.startswith("postgres-"):
        raise Refused(
            "postgres is not restarted under a running shop, which would wait for it: stop and start the shop"
        )
    if name == ALL:
        return sorted((part for part in parts if part.name in _ORDER), key=lambda part: _ORDER.index(part.name))
    found = [part for part in parts if name in (part.name, part.slot, part.instance)]
    if not found:
        names = dict.fromkeys(part.name for part in parts if part.name != "postgres")
        raise Refused(f"nothing that runs is called {name!r}; there are {ALL}, {', '.join(names)}")
    return found


@dataclass(frozen=True, slots=True)
class Restart:
    """One request's replacing. `groups` is the supervisor's own list of what runs, and is kept true all the time."""

    groups: dict[str, list[Part]]
    registries: Sequence[str]
    say: Callable[[str], None]
    #: Whether to go on with the next one.
    wanted: Callable[[], bool]
    #: Told when the list has changed.
    changed: Callable[[], None]

    async def run(self, parts: Sequence[Part]) -> None:
        """Raises `Refused` at the first that cannot be replaced; those after it are left as they are."""
        for part in parts:
            if not self.wanted():
                raise Refused("nobody waits for the rest any more")
            if part.successor is None:
                await self._in_place(part)
            else:
                await self._hand_over(part, part.successor())

    async def _hand_over(self, part: Part, successor: Part) -> None:
        began = time.monotonic()
        group = next(group for group in self.groups.values() if part in group)
        group.insert(group.index(part) + 1, successor)
        successor.start()
        try:
            await successor.ready()
            await self._until_reached(successor)
        except StartFailed as problem:
            await successor.stop(time.monotonic() + LEAVE_S)
            group.remove(successor)
            self.changed()
            raise Refused(f"{problem}\n{part.instance} runs on") from problem
        there_s = time.monotonic() - began
        left = await part.stop(time.monotonic() + LEAVE_S)
        group.remove(part)
        self.changed()
        gone_s = time.monotonic() - began - there_s
        self.say(
            f"{part.instance} replaced by {successor.instance} (there after {there_s:.1f} s, left in {gone_s:.1f} s)"
        )
        self._insist(left, part)

    async def _in_place(self, part: Part) -> None:
        began = time.monotonic()
        group = next(group for group in self.groups.values() if part in group)
        if part.name in _ALONE and sum(each.name == part.name for each in group) == 1:
            self.say(f"{part.instance}: {_ALONE[part.name]}")
        left = await part.stop(time.monotonic() + LEAVE_S)
        gone_s = time.monotonic() - began
        part.start()
        try:
            await part.ready()
            if part.name == "gateway":
                await self._until_it_reaches_all(part)
        except StartFailed as problem:
            raise Refused(str(problem)) from problem
        back_s = time.monotonic() - began - gone_s
        self.say(f"{part.instance} restarted (left in {gone_s:.1f} s, back after {back_s:.1f} s)")
        self._insist(left, part)

    @staticmethod
    def _insist(left: bool, part: Part) -> None:
        if not left:
            raise Refused(f"{part.instance} did not leave within {LEAVE_S:.0f} s and was killed; requests may be lost")

    async def _until_reached(self, part: Part) -> None:
        """Until every gateway that answers sends requests to this instance too. Raises `StartFailed`."""

        async def is_so() -> bool:
            known = await registry.instances_of(self.registries, part.name)
            passing = sum(each.health == "passing" for each in known)
            for agent in await registry.instances_of(self.registries, "gateway"):
                if (await self._reached(agent)).get(part.name, passing) < passing:
                    return False
            return True

        await _until(is_so, f"{part.instance} is ready, but the gateways do not reach it")

    async def _until_it_reaches_all(self, gateway: Part) -> None:
        """Until this gateway can serve the whole shop, so that the next one may leave. Raises `StartFailed`."""

        async def is_so() -> bool:
            for agent in await registry.instances_of(self.registries, "gateway"):
                if agent.instance == gateway.instance and agent.pid == gateway.pid:
                    return all((await gateways.reached(agent.address)).values())
            return False

        await _until(is_so, f"{gateway.instance} is back, but does not reach every service")

    @staticmethod
    async def _reached(agent: registry.Registered) -> dict[str, int]:
        try:
            return await gateways.reached(agent.address)
        except NoAnswer:
            # One that is away itself sends nothing to anybody.
            return {}


async def _until(is_so: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    deadline = time.monotonic() + SPREAD_S
    while time.monotonic() < deadline:
        with suppress(NoAnswer):
            if await is_so():
                return
        await asyncio.sleep(_POLL_S)
    raise StartFailed(f"{otherwise}: not after {SPREAD_S:.0f} s")
