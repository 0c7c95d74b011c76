"""How each process of the shop is started, and how to know that it is ready."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from serai import topology
from serai.supervisor import environment, registry, replicas
from serai.supervisor.environment import Setup
from serai.supervisor.http import RequestFailed, get
from serai.supervisor.launch import Command
from serai.supervisor.postgres import Postgres
from serai.supervisor.processes import ManagedProcess


@dataclass(frozen=True, slots=True)
class ProcessFactory:
    """Creates the processes of one run, which report through `say` and `changed`."""

    setup: Setup
    say: Callable[[str], None]
    changed: Callable[[], None]

    def postgres(self, server: Postgres) -> ManagedProcess:
        async def is_ready(pid: int) -> bool:
            return server.is_ready(pid)

        def command() -> Command:
            server.clear_stale()
            return server.command()

        return self._create("postgres", "postgres-1", command, is_ready)

    def sandbox(self) -> ManagedProcess:
        setup = self.setup
        endpoints = setup.home.sandbox / "endpoints.json"

        def command() -> Command:
            endpoints.unlink(missing_ok=True)
            variables = environment.for_sandbox(setup)
            return Command((sys.executable, "-m", "serai.sandbox"), variables, setup.home.log("sandbox"))

        async def is_ready(pid: int) -> bool:
            return endpoints.exists()

        return self._create("sandbox", "sandbox-1", command, is_ready)

    def discovery(self) -> list[ManagedProcess]:
        return [self._discovery(number) for number in replicas.numbers(self.setup.replicas, "discovery")]

    def gateways(self) -> list[ManagedProcess]:
        return [self._gateway(number) for number in replicas.numbers(self.setup.replicas, "gateway")]

    def services(self) -> list[ManagedProcess]:
        return [
            self._service(service, number)
            for service in topology.SERVICES
            for number in replicas.numbers(self.setup.replicas, service.name)
        ]

    def _discovery(self, number: int) -> ManagedProcess:
        url = self.setup.discovery_url(number)

        def command() -> Command:
            return self._serve("discovery", number, environment.for_discovery(self.setup, number))

        async def is_ready(pid: int) -> bool:
            with suppress(RequestFailed):
                return (await get(f"{url}/readyz"))[0] == 200
            return False

        return self._create("discovery", f"discovery-{number}", command, is_ready, url)

    def _gateway(self, number: int) -> ManagedProcess:
        url = self.setup.gateway_url(number)

        def command() -> Command:
            return self._serve("gateway", number, environment.for_gateway(self.setup, number))

        async def is_ready(pid: int) -> bool:
            with suppress(RequestFailed):
                return (await get(f"{url}/healthz", host=self.setup.public_host))[0] == 200
            return False

        return self._create("gateway", f"gateway-{number}", command, is_ready, url)

    def _service(self, service: topology.Service, number: int, generation: int = 1) -> ManagedProcess:
        slot = f"{service.name}-{number}"
        # During a replacement both are registered, so they need different ids.
        instance = slot if generation == 1 else f"{slot}.{generation}"

        def command() -> Command:
            variables = environment.for_service(self.setup, service.name, instance, database=service.database)
            return self._serve(service.name, number, variables)

        async def is_ready(pid: int) -> bool:
            with suppress(RequestFailed):
                # The pid is compared because the registry may still list the previous process with this id.
                for one in await registry.instances_of(self.setup.discovery_urls, service.name):
                    if one.instance == instance and one.pid == pid:
                        return one.health == "passing"
            return False

        process = self._create(service.name, slot, command, is_ready)
        process.instance = instance
        process.successor = lambda: self._service(service, number, generation + 1)
        # Polled seldom, because the registry's CPU time is needed by the starting services.
        process.poll_s = 0.25
        return process

    def _serve(self, name: str, number: int, variables: dict[str, str]) -> Command:
        several = len(replicas.numbers(self.setup.replicas, name)) > 1
        log = self.setup.home.log(f"{name}-{number}" if several else name)
        return Command((sys.executable, "-m", "serai", "serve", name), variables, log)

    def _create(
        self,
        name: str,
        slot: str,
        command: Callable[[], Command],
        is_ready: Callable[[int], Awaitable[bool]],
        url: str = "",
    ) -> ManagedProcess:
        return ManagedProcess(name, slot, slot, command, is_ready, self.say, url, self.changed)
