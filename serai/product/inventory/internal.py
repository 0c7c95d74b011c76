"""Holds, as order makes and ends them."""

from __future__ import annotations

import re

from litestar import post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from serai.chassis.errors import NotFound
from serai.contracts.product.inventory import Held, HoldRequest
from serai.product.deps import Deps
from serai.product.inventory import actions

_HOLD_ID = re.compile(r"[0-9A-Za-z_-]{1,64}(:[0-9]{1,6})?")


@put("/internal/holds/{hold_id:str}", policy="service", include_in_schema=False)
async def hold(deps: NamedDependency[Deps], hold_id: FromPath[str], data: JSONBody[HoldRequest]) -> Held:
    return Held(await actions.hold_stock(deps.db, _hold(hold_id), data.lines))


@post("/internal/holds/{hold_id:str}/commit", policy="service", include_in_schema=False, status_code=204)
async def commit(deps: NamedDependency[Deps], hold_id: FromPath[str]) -> None:
    await actions.commit_hold(deps.db, _hold(hold_id))


@post("/internal/holds/{hold_id:str}/release", policy="service", include_in_schema=False, status_code=204)
async def release(deps: NamedDependency[Deps], hold_id: FromPath[str]) -> None:
    await actions.release_hold(deps.db, _hold(hold_id))


@post("/internal/holds/{hold_id:str}/return", policy="service", include_in_schema=False, status_code=204)
async def put_back(deps: NamedDependency[Deps], hold_id: FromPath[str]) -> None:
    await actions.return_hold(deps.db, _hold(hold_id))


def _hold(hold_id: str) -> str:
    if _HOLD_ID.fullmatch(hold_id) is None:
        raise NotFound
    return hold_id


ROUTES = [hold, commit, release, put_back]
