"""Public routes of the user service."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from serai.chassis.auth.origins import refuse_foreign_origin
from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT, decode_cursor, encode_cursor, page_of
from serai.chassis.ids import parse_id
from serai.contracts.user import (
    ChangePassword,
    Register,
    Registered,
    RequestPasswordReset,
    ResetPassword,
    SessionPage,
    SignedIn,
    SignIn,
    UpdateProfile,
    UpdateUser,
    User,
    UserDetails,
    UserPage,
    VerifyEmail,
)
from serai.user import actions, store
from serai.user.deps import Deps
from serai.user.domain import REFRESH_LIFE

#: How long verifiers may cache the public keys.
_KEYS_MAX_AGE_S = 60
_USERS, _SESSIONS = "users", "sessions"


@post("/api/auth/register", policy="public", rate_limit="register")
async def register(deps: NamedDependency[Deps], data: JSONBody[Register]) -> Registered:
    return await actions.register(deps, data)


@post("/api/auth/login", policy="public", rate_limit="sign_in", status_code=200)
async def login(request: Request, deps: NamedDependency[Deps], data: JSONBody[SignIn]) -> Response[SignedIn]:
    _refuse_cross_site(request, deps)
    user_agent = request.headers.get("user-agent", "")
    return _with_cookie(deps, await actions.sign_in(deps, data, _client_address(request, deps), user_agent))


@post("/api/auth/refresh", policy="public", status_code=200)
async def refresh(request: Request, deps: NamedDependency[Deps]) -> Response[SignedIn]:
    _refuse_cross_site(request, deps)
    return _with_cookie(deps, await actions.refresh(deps, request.cookies.get(deps.cookie)))


@post("/api/auth/logout", policy="public", status_code=204)
async def logout(request: Request, deps: NamedDependency[Deps]) -> Response[None]:
    _refuse_cross_site(request, deps)
    await actions.sign_out(deps, request.cookies.get(deps.cookie))
    return Response(None, status_code=204, cookies=[_cookie(deps, "", 0)])


@get("/api/auth/me", policy="signed_in")
async def me(request: Request, deps: NamedDependency[Deps]) -> User:
    return await actions.me(deps, request.caller)


@patch("/api/auth/me", policy="signed_in")
async def update_me(request: Request, deps: NamedDependency[Deps], data: JSONBody[UpdateProfile]) -> User:
    return await actions.rename(deps, request.caller, data.name)


@post("/api/auth/password", policy="signed_in", fresh=True, rate_limit="sign_in", status_code=204)
async def change_password(request: Request, deps: NamedDependency[Deps], data: JSONBody[ChangePassword]) -> None:
    await actions.change_password(deps, request.caller, data, _client_address(request, deps))


@post("/api/auth/password/forgot", policy="public", rate_limit="reset", status_code=202)
async def request_password_reset(deps: NamedDependency[Deps], data: JSONBody[RequestPasswordReset]) -> None:
    """Emails a password reset link if the address has an account; the response does not say whether it has. Repeated
    requests are answered later: after one minute, then two, up to an hour."""
    await actions.request_password_reset(deps, data)


@post("/api/auth/password/reset", policy="public", rate_limit="reset", status_code=204)
async def reset_password(deps: NamedDependency[Deps], data: JSONBody[ResetPassword]) -> None:
    """Sets a new password with the token of an emailed link, valid once and for one hour. Ends all sessions."""
    await actions.reset_password(deps, data)


@post("/api/auth/email/verify", policy="public", rate_limit="reset", status_code=204)
async def verify_email(deps: NamedDependency[Deps], data: JSONBody[VerifyEmail]) -> None:
    """Verifies an email address with the token of an emailed link, valid once and for three days."""
    await actions.verify_email(deps, data)


@post("/api/auth/email/resend", policy="signed_in", fresh=True, rate_limit="reset", status_code=202)
async def resend_verification(request: Request, deps: NamedDependency[Deps]) -> None:
    """Emails the caller a new verification link. Repeated requests are answered later, up to an hour."""
    await actions.resend_verification(deps, request.caller)


@get("/api/auth/sessions", policy="signed_in", fresh=True)
async def list_sessions(
    request: Request,
    deps: NamedDependency[Deps],
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> SessionPage:
    """The caller's active sessions, newest first. A user has at most 50."""
    after = decode_cursor(cursor, _SESSIONS, (UUID,))
    found = await actions.sessions(deps, request.caller, after[0] if after else None, limit + 1)
    page = page_of(found, limit, lambda last: encode_cursor(_SESSIONS, last.id))
    return SessionPage(page.items, page.next_cursor)


@delete("/api/auth/sessions", policy="signed_in", fresh=True)
async def end_other_sessions(request: Request, deps: NamedDependency[Deps]) -> None:
    """Ends all sessions of the caller except the current one."""
    await actions.end_other_sessions(deps, request.caller)


@delete("/api/auth/sessions/{id:str}", policy="signed_in", fresh=True)
async def end_session(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> None:
    """Ends one of the caller's sessions, which may be the current one."""
    await actions.end_session(deps, request.caller, parse_id(id))


@get("/api/users", needs="users:read")
async def list_users(
    deps: NamedDependency[Deps],
    q: Annotated[str | None, QueryParameter(min_length=1, max_length=200)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> UserPage:
    after = decode_cursor(cursor, _USERS, (UUID,))
    async with deps.database.connection() as conn:
        found = await store.records(conn, q, after[0] if after else None, limit + 1)
    page = page_of(found, limit, lambda last: encode_cursor(_USERS, last.id))
    return UserPage(page.items, page.next_cursor)


@get("/api/users/{id:str}", policy="signed_in", more_with=("users:read",), fresh=True)
async def get_user(request: Request, deps: NamedDependency[Deps], id: FromPath[str]) -> UserDetails:
    return await actions.user_record(deps, request.caller, parse_id(id))


@patch("/api/users/{id:str}", needs="users:write")
async def update_user(deps: NamedDependency[Deps], id: FromPath[str], data: JSONBody[UpdateUser]) -> UserDetails:
    return await actions.update_user(deps, parse_id(id), data)


@get("/.well-known/jwks.json", policy="public", sync_to_thread=False)
def jwks(deps: NamedDependency[Deps]) -> Response[bytes]:
    headers = {"cache-control": f"public, max-age={_KEYS_MAX_AGE_S}"}
    return Response(deps.tokens.jwks.encode(), media_type="application/json", headers=headers)


def _refuse_cross_site(request: Request, deps: Deps) -> None:
    refuse_foreign_origin(request.headers.get("origin"), request.headers.get("sec-fetch-site"), deps.own_origins)


def _with_cookie(deps: Deps, grant: actions.Grant) -> Response[SignedIn]:
    cookie = _cookie(deps, grant.refresh_token, int(REFRESH_LIFE.total_seconds()))
    return Response(grant.signed_in, cookies=[cookie])


def _cookie(deps: Deps, value: str, max_age_s: int) -> Cookie:
    # A `__Host-` cookie must have the path /. Without TLS the cookie is limited to the routes that need it.
    return Cookie(
        deps.cookie,
        path="/" if deps.secure else "/api/auth",
        value=value,
        max_age=max_age_s,
        secure=deps.secure,
        httponly=True,
        samesite="strict",
    )


def _client_address(request: Request, deps: Deps) -> str:
    """The address in front of our trusted proxies. Addresses further left in X-Forwarded-For may be forged."""
    path = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
    place = len(path) - 1 - deps.trusted_hops
    text = path[max(place, 0)] or (request.client.host if request.client else "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "address:unknown"
    if address.version == 6:
        # A client can use any address of its /64 network.
        return f"address:{ipaddress.ip_network((address, 64), strict=False)}"
    return f"address:{address}"


ROUTES = [
    register,
    login,
    refresh,
    logout,
    me,
    update_me,
    change_password,
    request_password_reset,
    reset_password,
    verify_email,
    resend_verification,
    list_sessions,
    end_other_sessions,
    end_session,
    list_users,
    get_user,
    update_user,
    jwks,
]
