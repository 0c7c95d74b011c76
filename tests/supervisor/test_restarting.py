"""Rolling restart: the order of replacement, and that a failure changes nothing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from serai.supervisor.control import Refused
from serai.supervisor.launch import Command
from serai.supervisor.processes import ManagedProcess
from serai.supervisor.restarting import Restart, select
from tests.supervisor.test_processes import FAILS_TO_START, STOPS_ON_SIGTERM


class SupervisedProcesses:
    """Processes that run a few lines of Python each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.messages: list[str] = []
        self.groups: dict[str, list[ManagedProcess]] = {"services": [], "discovery": [], "gateway": []}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.reap)

    def reap(self) -> None:
        for group in self.groups.values():
            for process in group:
                process.reap()

    def process(self, name: str, number: int = 1, program: str = STOPS_ON_SIGTERM) -> ManagedProcess:
        log = self.folder / f"{name}-{number}.log"
        command = Command((sys.executable, "-c", program), dict(os.environ), log)

        async def is_ready(pid: int) -> bool:
            return "up" in log.read_text()

        slot = f"{name}-{number}"
        return ManagedProcess(name, slot, slot, lambda: command, is_ready, self.messages.append)

    async def run(self, name: str) -> None:
        processes = [process for group in self.groups.values() for process in group]
        await Restart(self.groups, [], self.messages.append, lambda: True, lambda: None).run(select(processes, name))

    async def started(self, group: str, process: ManagedProcess) -> ManagedProcess:
        self.groups[group].append(process)
        process.start()
        await process.ready()
        return process


def selected(supervised: SupervisedProcesses, name: str) -> list[str]:
    processes = [process for group in supervised.groups.values() for process in group]
    return [process.instance for process in select(processes, name)]


async def test_a_name_refers_to_a_service_a_slot_or_an_instance(tmp_path: Path) -> None:
    supervised = SupervisedProcesses(tmp_path)
    supervised.groups["gateway"] = [supervised.process("gateway")]
    supervised.groups["discovery"] = [supervised.process("discovery", number) for number in (1, 2)]
    supervised.groups["services"] = [
        supervised.process("order"),
        supervised.process("order", 2),
        supervised.process("user"),
        supervised.process("sandbox"),
    ]
    supervised.groups["services"][1].instance = "order-2.7"
    assert selected(supervised, "order") == ["order-1", "order-2.7"]
    assert selected(supervised, "order-2") == ["order-2.7"]
    assert selected(supervised, "order-2.7") == ["order-2.7"]
    assert selected(supervised, "sandbox") == ["sandbox-1"]
    # The registry and the gateway come last. The sandbox is not part of "all".
    assert selected(supervised, "all") == ["user-1", "order-1", "order-2.7", "discovery-1", "discovery-2", "gateway-1"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("ordre", "there are all, order"), ("", "there are all"), ("postgres", "stop and start the shop")],
)
async def test_refuses_what_cannot_be_restarted(tmp_path: Path, name: str, reason: str) -> None:
    supervised = SupervisedProcesses(tmp_path)
    supervised.groups["services"] = [supervised.process("order")]
    with pytest.raises(Refused, match=reason):
        selected(supervised, name)


async def test_a_process_with_a_fixed_address_is_stopped_and_started(tmp_path: Path) -> None:
    supervised = SupervisedProcesses(tmp_path)
    process = await supervised.started("discovery", supervised.process("discovery"))
    before = process.pid
    await supervised.run("discovery")
    assert process.pid not in (None, before)
    assert "it is the only one" in supervised.messages[0]
    assert supervised.messages[1].startswith("discovery-1 restarted")
    await process.stop(0)


async def test_a_successor_that_does_not_start_leaves_its_predecessor_running(tmp_path: Path) -> None:
    supervised = SupervisedProcesses(tmp_path)
    process = await supervised.started("services", supervised.process("order"))
    second = await supervised.started("services", supervised.process("order", 2))
    before = process.pid
    process.successor = lambda: supervised.process("order", 3, FAILS_TO_START)
    with pytest.raises(Refused, match=r"no such planet\norder-1 keeps running") as refusal:
        await supervised.run("order")
    assert "ended 3 times" in str(refusal.value)
    assert supervised.groups["services"] == [process, second]
    assert process.pid == before
    assert psutil.pid_exists(before or 0)
    await process.stop(0)
    await second.stop(0)
