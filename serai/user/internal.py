"""Internal routes: what other services call."""

from __future__ import annotations

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from serai.chassis.auth.principal import SessionFacts
from serai.chassis.errors import Forbidden, NotFound
from serai.chassis.http.edge import Request
from serai.chassis.ids import parse_id
from serai.contracts.user import IssuedLink, UserContact
from serai.user import actions, store
from serai.user.deps import Deps

#: The only service that may issue tokens for emailed links: such a token gives access to the account.
_LINK_ISSUER = "notification"


@get("/internal/sessions/{id:str}", policy="service", include_in_schema=False)
async def session(deps: NamedDependency[Deps], id: FromPath[str]) -> SessionFacts:
    async with deps.database.connection() as conn:
        found = await store.session_facts(conn, parse_id(id))
    if found is None:
        raise NotFound
    return found


@get("/internal/users/{id:str}", policy="service", include_in_schema=False)
async def user(deps: NamedDependency[Deps], id: FromPath[str]) -> UserContact:
    async with deps.database.connection() as conn:
        found = await store.contact(conn, parse_id(id))
    if found is None:
        raise NotFound
    return found


@post("/internal/links/{id:str}", policy="service", include_in_schema=False, status_code=200)
async def issue_link(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> IssuedLink:
    if request.caller.service != _LINK_ISSUER:
        raise Forbidden
    return await actions.issue_link(deps, parse_id(id))


ROUTES = [session, user, issue_link]
