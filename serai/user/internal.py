"""What other services ask the user service."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from serai.chassis.auth.principal import SessionFacts
from serai.chassis.errors import Forbidden, NotFound
from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.user import MintedLink, UserFacts
from serai.user import actions, store
from serai.user.deps import Deps

_WRITES_MAILS = "notification"


@get("/internal/sessions/{id:str}", policy="service", include_in_schema=False)
async def session(deps: NamedDependency[Deps], id: FromPath[str]) -> SessionFacts:
    async with deps.db.connection() as conn:
        found = await store.session_facts(conn, parse_id(id))
    if found is None:
        raise NotFound
    return found


@get("/internal/users/{id:str}", policy="service", include_in_schema=False)
async def user(deps: NamedDependency[Deps], id: FromPath[str]) -> UserFacts:
    async with deps.db.connection() as conn:
        found = await store.facts(conn, parse_id(id))
    if found is None:
        raise NotFound
    return found


@post("/internal/links/{id:str}", policy="service", include_in_schema=False, status_code=200)
async def mint_link(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> MintedLink:
    # Whoever holds a link holds the account: of all who may ask us about users, one may have any.
    if request.caller.service != _WRITES_MAILS:
        raise Forbidden
    return await actions.mint_link(deps, parse_id(id))


ROUTES = [session, user, mint_link]
