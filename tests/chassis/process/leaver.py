"""A service of one process without a database, to be asked and told to leave:
`python -m tests.chassis.process.leaver`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from litestar import get

from serai.chassis.process.app import Service
from serai.chassis.process.serve import run
from serai.chassis.settings import Settings, load

holding, released, leaving, done = (asyncio.Event() for _ in range(4))


@dataclass(frozen=True)
class Declared:
    name: str = "leaver"
    database: bool = False
    scans: bool = False
    calls: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    roles: dict[str, frozenset[str]] = field(default_factory=dict)


@get("/quick", policy="public", sync_to_thread=False)
def quick() -> str:
    return "quick"


@get("/held", policy="public")
async def held() -> str:
    """Answered when somebody asks for its release."""
    holding.set()
    await released.wait()
    return "held"


@get("/holding", policy="public")
async def until_held() -> str:
    await holding.wait()
    return "holding"


@get("/release", policy="public", sync_to_thread=False)
def release() -> str:
    released.set()
    return "released"


async def work() -> None:
    """Takes a while longer when told to leave."""
    await leaving.wait()
    await asyncio.sleep(0.3)
    print("worked", flush=True)
    done.set()
    await asyncio.Event().wait()


if __name__ == "__main__":
    service = Service(Declared(), load(Settings))
    service.routes(None, [quick, held, until_held, release])
    service.background("work", work)
    service.in_hand.append(lambda: 0 if done.is_set() else 1)
    service.on_leave += [lambda: print("leaving", flush=True), leaving.set]
    service.on_left.append(lambda: print("left", flush=True))
    run(service)
