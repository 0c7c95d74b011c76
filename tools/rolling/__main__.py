"""`make rolling`: restart everything, one after another, with people in the shop, and count what they see."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from pathlib import Path

from tools.rolling.course import EVERYTHING, REPLICAS, Course, verdict
from tools.rolling.load import Crowd, Load
from tools.shop.system import System, running_system

CROWD = Crowd(readers=6, members=4, buyers=4, pause_s=0.05)
ROUNDS = 1
MOST_TOLD = 30
#: For each round, should something hang.
LONGEST_S = 240.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make rolling", description=__doc__)
    parser.add_argument("--rounds", type=int, choices=range(1, 11), default=ROUNDS, help="how often (default: 1)")
    rounds: int = parser.parse_args().rounds
    # So that the shop is stopped however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="serai-rolling-") as name:
        began = time.monotonic()
        with running_system(Path(name), arguments=REPLICAS) as system:
            say(f"A shop with two registries, two gateways and one of each service ({time.monotonic() - began:.1f} s).")
            return asyncio.run(run(system, rounds))


async def run(system: System, rounds: int) -> int:
    addresses = system.status()["gateways"]
    people = f"{CROWD.readers} readers, {CROWD.members} cart writers, {CROWD.buyers} buyers and an administrator"
    say(f"{people} at {' and '.join(addresses)}.\n")
    load = Load(addresses, CROWD, system.login("admin"))
    began = time.monotonic()
    async with asyncio.timeout(LONGEST_S * rounds), load.running():
        course = Course(system, load, say)
        await course.go_on(2.0)
        for _ in range(rounds):
            await course.restart(EVERYTHING)
        await course.go_on(2.0)
    took_s = time.monotonic() - began
    book = load.book
    total = book.total()
    say(
        f"\n{sum(total.values())} answers in {took_s:.0f} s: "
        + ", ".join(f"{n} × {what}" for what, n in sorted(total.items()))
    )
    say(f"{book.purchases['placed']} orders placed, {book.purchases['paid']} of them paid.")
    say(f"{sum(book.moved_on.values())} times an address took no connection and the client went on to the next.")
    problems = verdict(course, book.failures)
    for problem in problems[:MOST_TOLD]:
        say(f"FAILED  {problem}")
    say("" if problems else "Nothing was lost: every answer was 2xx, and no connection was cut.")
    return 1 if problems else 0


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
