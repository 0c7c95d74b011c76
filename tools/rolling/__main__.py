"""`make rolling`: restart every process one after another under load, and count failed requests."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.rolling.load import Load, LoadProfile
from tools.rolling.scenario import ALL_PROCESSES, REPLICAS, Scenario, problems_of
from tools.shop.system import System, running_system

PROFILE = LoadProfile(readers=6, members=4, buyers=4, pause_s=0.05)
ROUNDS = 1
MAX_PRINTED = 30
#: Timeout of one round.
ROUND_TIMEOUT_S = 240.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make rolling", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, choices=range(1, 11), default=ROUNDS, help="number of rounds (default: 1)"
    )
    rounds: int = parser.parse_args().rounds
    # Stop the shop however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="serai-rolling-") as name:
        began = time.monotonic()
        with running_system(Path(name), arguments=REPLICAS) as system:
            started_s = time.monotonic() - began
            print_line(f"A shop with two registries, two gateways and one of each service ({started_s:.1f} s).")
            return asyncio.run(run(system, rounds))


async def run(system: System, rounds: int) -> int:
    addresses = system.status()["gateways"]
    people = f"{PROFILE.readers} readers, {PROFILE.members} cart writers, {PROFILE.buyers} buyers and an administrator"
    print_line(f"{people} at {' and '.join(addresses)}.\n")
    load = Load(addresses, PROFILE, system.login("admin"))
    began = time.monotonic()
    async with asyncio.timeout(ROUND_TIMEOUT_S * rounds), load.running():
        scenario = Scenario(system, load, print_line)
        await scenario.run_undisturbed(2.0)
        for _ in range(rounds):
            await scenario.restart(ALL_PROCESSES)
        await scenario.run_undisturbed(2.0)
    took_s = time.monotonic() - began
    statistics = load.statistics
    total = statistics.total()
    print_line(
        f"\n{sum(total.values())} answers in {took_s:.0f} s: "
        + ", ".join(f"{n} × {what}" for what, n in sorted(total.items()))
    )
    print_line(f"{statistics.purchases['placed']} orders placed, {statistics.purchases['paid']} of them paid.")
    refused = sum(statistics.connection_failures.values())
    print_line(f"{refused} times an address refused the connection and the client used the next one.")
    problems = problems_of(scenario, statistics.failures)
    for problem in problems[:MAX_PRINTED]:
        print_line(f"FAILED  {problem}")
    print_line("" if problems else "No request failed: every response was 2xx, and no connection was lost.")
    return 1 if problems else 0


def print_line(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
