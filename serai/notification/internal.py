"""Internal routes: what other services call."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.contracts.notification import EmailAccepted, EmailRequest
from serai.notification import actions
from serai.notification.deps import Deps


@post("/internal/email", policy="service", include_in_schema=False, status_code=202)
async def send_email(
    request: Request, data: JSONBody[EmailRequest], deps: NamedDependency[Deps]
) -> Response[EmailAccepted]:
    email, replayed = await actions.queue_email(deps.database, data, await request.idempotency())
    deps.worker.nudge()
    headers = {"idempotent-replayed": "true"} if replayed else None
    return Response(EmailAccepted(email.id, email.status), headers=headers)


ROUTES = [send_email]
