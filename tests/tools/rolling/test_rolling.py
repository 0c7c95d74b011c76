"""A rolling restart of everything loses no request; a killed gateway loses only the requests in flight."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.rolling.load import Load, LoadProfile
from tools.rolling.scenario import ALL_PROCESSES, REPLICAS, Scenario, problems_of
from tools.shop.system import System, running_system

PROFILE = LoadProfile(readers=2, members=1, buyers=2, pause_s=0.1)
#: With the admin.
CLIENTS = PROFILE.readers + PROFILE.members + PROFILE.buyers + 1


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("rolling"), arguments=REPLICAS) as started:
        yield started


@pytest.mark.timeout(300)
async def test_no_request_is_lost_while_everything_is_restarted(system: System) -> None:
    before = pids(system)
    load = Load(system.status()["gateways"], PROFILE, system.login("admin"))
    async with load.running():
        scenario = Scenario(system, load, print)
        await scenario.restart(ALL_PROCESSES)
    assert problems_of(scenario, load.statistics.failures) == []
    assert load.statistics.total().keys() <= {"200", "201", "202", "204"}
    after = pids(system)
    restarted = {name for name in ALL_PROCESSES if not before[name] & after[name]}
    assert restarted == set(ALL_PROCESSES)
    assert {name: len(each) for name, each in after.items()} == {name: len(each) for name, each in before.items()}
    assert system.is_ready()


@pytest.mark.timeout(300)
async def test_a_killed_gateway_loses_only_the_requests_in_flight(system: System) -> None:
    load = Load(system.status()["gateways"], PROFILE, system.login("admin"))
    async with load.running():
        scenario = Scenario(system, load, print)
        await scenario.run_undisturbed(1.0)
        killed = await scenario.kill_a_gateway()
        await scenario.run_undisturbed(1.0)
    # Every client has at most one request in flight, and none was lost at the other gateway.
    assert len(load.statistics.failures) <= CLIENTS, load.statistics.failures
    assert {failure.address for failure in load.statistics.failures} <= {killed}
    assert load.statistics.connection_failures.keys() <= {killed}
    assert problems_of(scenario, []) == []


def pids(system: System) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for row in system.status()["services"]:
        found.setdefault(row["name"], set()).add(row["pid"])
    return found
