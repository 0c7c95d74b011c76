"""What other services ask of this one."""

from __future__ import annotations

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from litestar.response import Response

from serai.chassis.http.edge import Request
from serai.contracts.notification import EmailAccepted, EmailAsked
from serai.notification import actions
from serai.notification.deps import Deps


@post("/internal/email", policy="service", include_in_schema=False, status_code=202)
async def send_email(
    request: Request, data: JSONBody[EmailAsked], deps: NamedDependency[Deps]
) -> Response[EmailAccepted]:
    mail, repeated = await actions.queue_mail(deps.db, data, await request.idempotency())
    deps.sender.nudge()
    return Response(EmailAccepted(mail.id, mail.status), headers={"idempotent-replayed": "true"} if repeated else None)
