"""Everything is restarted under people's hands, and nobody notices; then a gateway dies, and hardly anybody does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.rolling.course import EVERYTHING, REPLICAS, Course, verdict
from tools.rolling.load import Crowd, Load
from tools.shop.system import System, running_system

CROWD = Crowd(readers=2, members=1, buyers=2, pause_s=0.1)
#: With the administrator.
PEOPLE = CROWD.readers + CROWD.members + CROWD.buyers + 1


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("rolling"), arguments=REPLICAS) as started:
        yield started


@pytest.mark.timeout(300)
async def test_no_request_is_lost_while_everything_is_restarted(system: System) -> None:
    before = pids(system)
    load = Load(system.status()["gateways"], CROWD, system.login("admin"))
    async with load.running():
        course = Course(system, load, print)
        await course.restart(EVERYTHING)
    assert verdict(course, load.book.failures) == []
    assert load.book.total().keys() <= {"200", "201", "202", "204"}
    after = pids(system)
    restarted = {name for name in EVERYTHING if not before[name] & after[name]}
    assert restarted == set(EVERYTHING)
    assert {name: len(each) for name, each in after.items()} == {name: len(each) for name, each in before.items()}
    assert system.is_ready()


@pytest.mark.timeout(300)
async def test_a_killed_gateway_costs_only_what_was_on_its_way_through_it(system: System) -> None:
    load = Load(system.status()["gateways"], CROWD, system.login("admin"))
    async with load.running():
        course = Course(system, load, print)
        await course.go_on(1.0)
        killed = await course.kill_a_gateway()
        await course.go_on(1.0)
    # Nobody has more than one request on its way, and nothing was lost at the other gateway.
    assert len(load.book.failures) <= PEOPLE, load.book.failures
    assert {failure.address for failure in load.book.failures} <= {killed}
    assert load.book.moved_on.keys() <= {killed}
    assert verdict(course, []) == []


def pids(system: System) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for row in system.status()["services"]:
        found.setdefault(row["name"], set()).add(row["pid"])
    return found
