"""A service of one process without a database: `python -m tests.chassis.process.draining_service`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from litestar import get

from serai.chassis.process.app import Service
from serai.chassis.process.jobs import Worker
from serai.chassis.process.serve import run
from serai.chassis.settings import Settings, load

holding, released, draining = (asyncio.Event() for _ in range(3))


@dataclass(frozen=True)
class ServiceDeclaration:
    name: str = "draining"
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
    """Responds when /release is requested."""
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


async def claim(limit: int) -> list[str]:
    """There is always another job."""
    return ["job"]


async def work(job: str) -> None:
    """A job that takes a while longer when the process drains."""
    await draining.wait()
    await asyncio.sleep(0.3)
    print("worked", flush=True)


if __name__ == "__main__":
    service = Service(ServiceDeclaration(), load(Settings))
    service.routes(None, [quick, held, until_held, release])
    service.works(Worker("work", claim, work, concurrency=1, interval_s=60))
    service.on_drain += [lambda: print("draining", flush=True), draining.set]
    service.on_drained.append(lambda: print("drained", flush=True))
    run(service)
