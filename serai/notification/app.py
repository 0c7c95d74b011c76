"""Assembles the notification service."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from email.headerregistry import Address
from typing import Annotated

from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.contracts.order.client import OrderClient
from serai.contracts.user import UserClient
from serai.notification import actions, api, internal, sending
from serai.notification.compose import Composer
from serai.notification.deps import Deps
from serai.notification.message import parse_sender
from serai.notification.render import Templates
from serai.notification.smtp import SmtpServer
from serai.notification.unsubscribe import Links


class NotificationSettings(Settings, frozen=True, kw_only=True):
    #: Where mail is handed in; `smtp.SmtpServer.parse` says how it is written.
    smtp_url: Annotated[str, Env("SMTP_URL", secret=True)]
    #: Whom mails come from: `Name <address>`.
    mail_from: Annotated[str, Env("SERAI_MAIL_FROM")] = "Serai <shop@serai.example>"


_FEEDS = {
    "user": actions.take_in_user_event,
    "order": actions.take_in_order_event,
    "payment": actions.take_in_payment_event,
}


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(NotificationSettings, environ)
    server, sender = _mail_settings(settings)
    service = Service(topology.service("notification"), settings, callers=topology.callers_of("notification"))
    links = Links(settings.public_url, settings.service_key or secrets.token_hex())
    composer = Composer(OrderClient(service.calls), UserClient(service.calls))
    worker = sending.Sender(service.database, composer, Templates(settings.public_url), links, server, sender)
    service.routes(Deps(service.database, worker, links), [*api.ROUTES, internal.send_email])
    for producer, take_in in _FEEDS.items():
        intake = actions.Intake(take_in, worker.nudge)
        service.reads(producer, intake.apply, intake.committed)
    service.background("send", worker.run)
    service.on_drain.append(worker.leave)
    service.every("count-mails", 15, worker.count)
    service.every("prune-mails", 600, lambda: actions.prune(service.database))
    return service


def _mail_settings(settings: NotificationSettings) -> tuple[SmtpServer, Address]:
    """Raises `SettingsError` with everything that is wrong."""
    problems: list[str] = []
    server = sender = None
    try:
        server = SmtpServer.parse(settings.smtp_url)
    except ValueError as error:
        problems.append(f"SMTP_URL {error}")
    try:
        sender = parse_sender(settings.mail_from)
    except ValueError as error:
        problems.append(f"SERAI_MAIL_FROM: {error}")
    if not settings.local and settings.mail_from.rstrip(">").endswith("@serai.example"):
        problems.append("SERAI_MAIL_FROM is missing: an address of your own that mails come from")
    if server is None or sender is None or problems:
        raise SettingsError(problems)
    return server, sender
