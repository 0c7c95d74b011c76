"""Public routes: sending emails, the delivery log, a user's settings and one-click unsubscribe."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.chassis.http.page import DEFAULT_LIMIT, MAX_LIMIT, Page, decode_cursor, encode_cursor, page_of
from serai.chassis.ids import parse_id
from serai.contracts.notification import (
    CreateEmail,
    EmailAccepted,
    EmailStatus,
    Notification,
    NotificationDetails,
    NotificationSettings,
    UpdateNotificationSettings,
)
from serai.notification import actions, store, unsubscribe
from serai.notification.deps import Deps

#: Names the sort order in cursors; clients hold cursors across an upgrade.
_ORDER = "mails"
_MAX_TOKEN = 100


@post("/api/notifications/email", needs="emails:send", rate_limit="mail", status_code=202)
async def send_email(
    request: Request, data: JSONBody[CreateEmail], deps: NamedDependency[Deps]
) -> Response[EmailAccepted]:
    email, replayed = await actions.queue_email(
        deps.database, data, await request.idempotency(), refuse_unknown_fields=True
    )
    deps.worker.nudge()
    return Response(EmailAccepted(email.id, email.status), headers=_replayed(replayed))


@get("/api/notifications/settings", policy="signed_in")
async def get_settings(request: Request, deps: NamedDependency[Deps]) -> NotificationSettings:
    return await actions.settings(deps.database, request.caller.user)


@put("/api/notifications/settings", policy="signed_in")
async def put_settings(
    request: Request, data: JSONBody[UpdateNotificationSettings], deps: NamedDependency[Deps]
) -> NotificationSettings:
    return await actions.update_settings(deps.database, request.caller.user, data)


@get("/api/notifications", needs="emails:read")
async def list_emails(
    deps: NamedDependency[Deps],
    status: FromQuery[EmailStatus | None] = None,
    to: Annotated[str | None, QueryParameter(max_length=254)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> Page[Notification]:
    after = decode_cursor(cursor, _ORDER, (datetime, UUID))
    async with deps.database.connection() as conn:
        rows = await store.log(conn, status, to, after, limit + 1)
    return page_of(rows, limit, lambda email: encode_cursor(_ORDER, email.created_at, email.id))


@get("/api/notifications/{id:str}", needs="emails:read")
async def get_email(id: FromPath[str], deps: NamedDependency[Deps]) -> NotificationDetails:
    return await actions.email(deps.database, parse_id(id))


@post("/api/notifications/{id:str}/resend", needs="emails:send", rate_limit="mail", status_code=202)
async def resend_email(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Notification]:
    email, replayed = await actions.resend(deps.database, parse_id(id), await request.idempotency())
    deps.worker.nudge()
    return Response(msgspec.convert(email, Notification, from_attributes=True), headers=_replayed(replayed))


@get(unsubscribe.PATH, policy="public", media_type="text/html")
async def show_unsubscribe_page(
    token: Annotated[str, QueryParameter(max_length=_MAX_TOKEN)], deps: NamedDependency[Deps]
) -> Response[str]:
    _, setting = deps.unsubscribe_links.parse(token)
    return Response(unsubscribe.confirmation_page(setting), media_type="text/html", headers=unsubscribe.HEADERS)


@post(unsubscribe.PATH, policy="public", status_code=200, media_type="text/html", idempotency="none")
async def unsubscribe_user(
    token: Annotated[str, QueryParameter(max_length=_MAX_TOKEN)], deps: NamedDependency[Deps]
) -> Response[str]:
    user_id, setting = deps.unsubscribe_links.parse(token)
    await actions.unsubscribe(deps.database, user_id, setting)
    return Response(unsubscribe.done_page(setting), media_type="text/html", headers=unsubscribe.HEADERS)


def _replayed(replayed: bool) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if replayed else {}


ROUTES = [
    send_email,
    get_settings,
    put_settings,
    list_emails,
    get_email,
    resend_email,
    show_unsubscribe_page,
    unsubscribe_user,
]
