"""Replacing processes: who is replaced in which order, and that a failure leaves what was there."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from serai.supervisor.control import Refused
from serai.supervisor.launch import Command
from serai.supervisor.processes import Part
from serai.supervisor.restarting import Restart, chosen
from tests.supervisor.test_processes import BROKEN, OBEDIENT


class Shop:
    """Parts that run a few lines of Python each, and nothing else that would count."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.groups: dict[str, list[Part]] = {"services": [], "discovery": [], "gateway": []}
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.reap)

    def reap(self) -> None:
        for group in self.groups.values():
            for part in group:
                part.reap()

    def part(self, name: str, number: int = 1, program: str = OBEDIENT) -> Part:
        log = self.folder / f"{name}-{number}.log"
        command = Command((sys.executable, "-c", program), dict(os.environ), log)

        async def is_ready(pid: int) -> bool:
            return "up" in log.read_text()

        slot = f"{name}-{number}"
        return Part(name, slot, slot, lambda: command, is_ready, self.said.append)

    async def run(self, name: str) -> None:
        parts = [part for group in self.groups.values() for part in group]
        await Restart(self.groups, [], self.said.append, lambda: True, lambda: None).run(chosen(parts, name))

    async def started(self, group: str, part: Part) -> Part:
        self.groups[group].append(part)
        part.start()
        await part.ready()
        return part


def named(shop: Shop, name: str) -> list[str]:
    parts = [part for group in shop.groups.values() for part in group]
    return [part.instance for part in chosen(parts, name)]


async def test_a_name_means_a_service_a_place_or_an_instance(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.groups["gateway"] = [shop.part("gateway")]
    shop.groups["discovery"] = [shop.part("discovery", number) for number in (1, 2)]
    shop.groups["services"] = [shop.part("order"), shop.part("order", 2), shop.part("user"), shop.part("sandbox")]
    shop.groups["services"][1].instance = "order-2.7"
    assert named(shop, "order") == ["order-1", "order-2.7"]
    assert named(shop, "order-2") == ["order-2.7"]
    assert named(shop, "order-2.7") == ["order-2.7"]
    assert named(shop, "sandbox") == ["sandbox-1"]
    # The registry and the gate come last, and what stands in for the world outside is none of ours.
    assert named(shop, "all") == ["user-1", "order-1", "order-2.7", "discovery-1", "discovery-2", "gateway-1"]


@pytest.mark.parametrize(
    ("name", "why"), [("ordre", "there are all, order"), ("", "there are all"), ("postgres", "stop and start the shop")]
)
async def test_what_cannot_be_restarted_is_refused_with_a_reason(tmp_path: Path, name: str, why: str) -> None:
    shop = Shop(tmp_path)
    shop.groups["services"] = [shop.part("order")]
    with pytest.raises(Refused, match=why):
        named(shop, name)


async def test_one_with_an_address_of_its_own_leaves_and_comes_back(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    part = await shop.started("discovery", shop.part("discovery"))
    before = part.pid
    await shop.run("discovery")
    assert part.pid not in (None, before)
    assert "it is the only one" in shop.said[0]
    assert shop.said[1].startswith("discovery-1 restarted")
    await part.stop(0)


async def test_a_successor_that_does_not_start_leaves_its_predecessor_running(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    part = await shop.started("services", shop.part("order"))
    second = await shop.started("services", shop.part("order", 2))
    before = part.pid
    part.successor = lambda: shop.part("order", 3, BROKEN)
    with pytest.raises(Refused, match=r"no such planet\norder-1 runs on") as refusal:
        await shop.run("order")
    assert "ended 3 times" in str(refusal.value)
    assert shop.groups["services"] == [part, second]
    assert part.pid == before
    assert psutil.pid_exists(before or 0)
    await part.stop(0)
    await second.stop(0)
