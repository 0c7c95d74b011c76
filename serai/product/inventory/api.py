"""Stock levels and their ledger, for admins."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Response

from serai.chassis.errors import NotFound
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT, MAX_NUMBER, Number, decode_cursor, encode_cursor
from serai.chassis.ids import parse_id
from serai.contracts.product.inventory import AdjustStock, StockLedger, StockLevel
from serai.product.deps import Deps
from serai.product.inventory import actions, store
from serai.product.response_cache import PRIVATE, mark_replayed

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, QueryParameter(max_length=1024)]
_LEDGER = "stock ledger"


@post("/api/products/{id:str}/stock", needs="inventory:adjust", status_code=200)
async def adjust_stock(
    request: Request, deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[AdjustStock]
) -> Response[StockLevel]:
    level, replayed = await actions.adjust_stock(
        deps.changes, parse_id(id), data, by=request.caller.user, once=await request.idempotency()
    )
    return mark_replayed(Response(level, headers=PRIVATE), replayed)


@get("/api/products/{id:str}/stock", needs="inventory:read")
async def stock_ledger(
    deps: NamedDependency[Deps], id: FromPath[str], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Response[StockLedger]:
    after = decode_cursor(cursor, _LEDGER, (Number,))
    async with deps.db.connection() as conn:
        lines = await store.ledger(conn, parse_id(id), limit + 1, after[0] if after else MAX_NUMBER)
    if lines is None:
        raise NotFound
    more = encode_cursor(_LEDGER, lines[limit - 1][0]) if len(lines) > limit else None
    return Response(StockLedger([line for _, line in lines[:limit]], more), headers=PRIVATE)


ROUTES = [adjust_stock, stock_ledger]
