"""The public routes of the notification service."""

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
    EmailAccepted,
    EmailAsked,
    MailStatus,
    Notification,
    NotificationAsSent,
    NotificationSettings,
)
from serai.notification import actions, store, unsubscribe
from serai.notification.deps import Deps

_ORDER = "mails"
_MAX_TOKEN = 100


@post("/api/notifications/email", policy="admin", rate_limit="mail", status_code=202)
async def send_email(
    request: Request, data: JSONBody[EmailAsked], deps: NamedDependency[Deps]
) -> Response[EmailAccepted]:
    mail, repeated = await actions.queue_mail(deps.db, data, await request.idempotency())
    deps.sender.nudge()
    return Response(EmailAccepted(mail.id, mail.status), headers=_replayed(repeated))


@get("/api/notifications/settings", policy="signed_in")
async def get_settings(request: Request, deps: NamedDependency[Deps]) -> NotificationSettings:
    return await actions.settings(deps.db, request.caller.user)


@put("/api/notifications/settings", policy="signed_in")
async def put_settings(
    request: Request, data: JSONBody[NotificationSettings], deps: NamedDependency[Deps]
) -> NotificationSettings:
    return await actions.change_settings(deps.db, request.caller.user, data)


@get("/api/notifications", policy="admin")
async def list_mails(
    deps: NamedDependency[Deps],
    status: FromQuery[MailStatus | None] = None,
    to: Annotated[str | None, QueryParameter(max_length=254)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: FromQuery[str | None] = None,
) -> Page[Notification]:
    after = decode_cursor(cursor, _ORDER, (datetime, UUID))
    async with deps.db.connection() as conn:
        rows = await store.log(conn, status, to, after, limit + 1)
    return page_of(rows, limit, lambda mail: encode_cursor(_ORDER, mail.created_at, mail.id))


@get("/api/notifications/{id:str}", policy="admin")
async def get_mail(id: FromPath[str], deps: NamedDependency[Deps]) -> NotificationAsSent:
    return await actions.mail(deps.db, parse_id(id))


@post("/api/notifications/{id:str}/resend", policy="admin", rate_limit="mail", status_code=202)
async def resend_mail(request: Request, id: FromPath[str], deps: NamedDependency[Deps]) -> Response[Notification]:
    mail, repeated = await actions.send_again(deps.db, parse_id(id), await request.idempotency())
    deps.sender.nudge()
    return Response(msgspec.convert(mail, Notification, from_attributes=True), headers=_replayed(repeated))


@get(unsubscribe.PATH, policy="public", media_type="text/html")
async def ask_unsubscribe(
    token: Annotated[str, QueryParameter(max_length=_MAX_TOKEN)], deps: NamedDependency[Deps]
) -> Response[str]:
    _, setting = deps.links.read(token)
    return Response(unsubscribe.page_before(setting), media_type="text/html", headers=unsubscribe.HEADERS)


@post(unsubscribe.PATH, policy="public", status_code=200, media_type="text/html", idempotency="none")
async def do_unsubscribe(
    token: Annotated[str, QueryParameter(max_length=_MAX_TOKEN)], deps: NamedDependency[Deps]
) -> Response[str]:
    user_id, setting = deps.links.read(token)
    await actions.unsubscribe(deps.db, user_id, setting)
    return Response(unsubscribe.page_after(setting), media_type="text/html", headers=unsubscribe.HEADERS)


def _replayed(repeated: bool) -> dict[str, str]:
    return {"idempotent-replayed": "true"} if repeated else {}


ROUTES = [
    send_email,
    get_settings,
    put_settings,
    list_mails,
    get_mail,
    resend_mail,
    ask_unsubscribe,
    do_unsubscribe,
]
