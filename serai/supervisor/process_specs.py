"""What each process of a shop is: how it is started, and how to know that it is ready."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from serai import topology
from serai.supervisor import environment, registry, replicas
from serai.supervisor.environment import Setup
from serai.supervisor.http import NoAnswer, get
from serai.supervisor.launch import Command
from serai.supervisor.postgres import Postgres
from serai.supervisor.processes import Part


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes the parts of one run, which say what happens to them by `say` and `changed`."""

    setup: Setup
    say: Callable[[str], None]
    changed: Callable[[], None]

    def postgres(self, server: Postgres) -> Part:
        async def is_ready(pid: int) -> bool:
            return server.is_ready(pid)

        def command() -> Command:
            server.clear_stale()
            return server.command()

        return self._part("postgres", "postgres-1", command, is_ready)

    def sandbox(self) -> Part:
        setup = self.setup
        endpoints = setup.home.sandbox / "endpoints.json"

        def command() -> Command:
            endpoints.unlink(missing_ok=True)
            variables = environment.for_sandbox(setup)
            return Command((sys.executable, "-m", "serai.sandbox"), variables, setup.home.log("sandbox"))

        async def is_ready(pid: int) -> bool:
            return endpoints.exists()

        return self._part("sandbox", "sandbox-1", command, is_ready)

    def discovery(self) -> list[Part]:
        return [self._discovery(number) for number in replicas.of(self.setup.replicas, "discovery")]

    def gateways(self) -> list[Part]:
        return [self._gateway(number) for number in replicas.of(self.setup.replicas, "gateway")]

    def services(self) -> list[Part]:
        return [
            self._service(service, number)
            for service in topology.SERVICES
            for number in replicas.of(self.setup.replicas, service.name)
        ]

    def _discovery(self, number: int) -> Part:
        url = self.setup.discovery_url(number)

        def command() -> Command:
            return self._serve("discovery", number, environment.for_discovery(self.setup, number))

        async def is_ready(pid: int) -> bool:
            with suppress(NoAnswer):
                return (await get(f"{url}/readyz"))[0] == 200
            return False

        return self._part("discovery", f"discovery-{number}", command, is_ready, url)

    def _gateway(self, number: int) -> Part:
        url = self.setup.gateway_url(number)

        def command() -> Command:
            return self._serve("gateway", number, environment.for_gateway(self.setup, number))

        async def is_ready(pid: int) -> bool:
            with suppress(NoAnswer):
                return (await get(f"{url}/healthz", host=self.setup.public_host))[0] == 200
            return False

        return self._part("gateway", f"gateway-{number}", command, is_ready, url)

    def _service(self, service: topology.Service, number: int, generation: int = 1) -> Part:
        slot = f"{service.name}-{number}"
        # Two of a name would take each other's place in the registry while one follows on the other.
        instance = slot if generation == 1 else f"{slot}.{generation}"

        def command() -> Command:
            variables = environment.for_service(self.setup, service.name, instance, database=service.database)
            return self._serve(service.name, number, variables)

        async def is_ready(pid: int) -> bool:
            with suppress(NoAnswer):
                # The pid, because the registry may still remember the process that had this id before.
                for each in await registry.instances_of(self.setup.discovery_urls, service.name):
                    if each.instance == instance and each.pid == pid:
                        return each.health == "passing"
            return False

        part = self._part(service.name, slot, command, is_ready)
        part.instance = instance
        part.successor = lambda: self._service(service, number, generation + 1)
        # Asking costs the registry time that the services want for starting.
        part.poll_s = 0.25
        return part

    def _serve(self, name: str, number: int, variables: dict[str, str]) -> Command:
        several = len(replicas.of(self.setup.replicas, name)) > 1
        log = self.setup.home.log(f"{name}-{number}" if several else name)
        return Command((sys.executable, "-m", "serai", "serve", name), variables, log)

    def _part(
        self,
        name: str,
        slot: str,
        command: Callable[[], Command],
        is_ready: Callable[[int], Awaitable[bool]],
        url: str = "",
    ) -> Part:
        return Part(name, slot, slot, command, is_ready, self.say, url, self.changed)
