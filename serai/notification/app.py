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
from serai.notification.unsubscribe import UnsubscribeLinks


class NotificationServiceSettings(Settings, frozen=True, kw_only=True):
    #: The SMTP server that emails are handed to; `smtp.SmtpServer.parse` describes the format.
    smtp_url: Annotated[str, Env("SMTP_URL", secret=True)]
    #: The sender of all emails: `Name <address>`.
    mail_from: Annotated[str, Env("SERAI_MAIL_FROM")] = "Serai <shop@serai.example>"


_FEED_HANDLERS = {
    "user": actions.handle_user_event,
    "order": actions.handle_order_event,
    "payment": actions.handle_payment_event,
}


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(NotificationServiceSettings, environ)
    server, sender = _smtp_settings(settings)
    service = Service(topology.service("notification"), settings, callers=topology.callers_of("notification"))
    links = UnsubscribeLinks(settings.public_url, settings.service_key or secrets.token_hex())
    composer = Composer(OrderClient(service.calls), UserClient(service.calls))
    worker = sending.EmailWorker(service.database, composer, Templates(settings.public_url), links, server, sender)
    service.routes(Deps(service.database, worker, links), [*api.ROUTES, *internal.ROUTES])
    for producer, handle in _FEED_HANDLERS.items():
        consumer = actions.FeedConsumer(handle, worker.nudge)
        service.reads(producer, consumer.apply, consumer.committed)
    service.works(worker)
    service.every("count-emails", 15, worker.update_gauges)
    service.every("prune-emails", 600, lambda: actions.prune(service.database))
    return service


def _smtp_settings(settings: NotificationServiceSettings) -> tuple[SmtpServer, Address]:
    """Raises `SettingsError` that lists every problem."""
    problems: list[str] = []
    server = sender = None
    try:
        server = SmtpServer.parse(settings.smtp_url)
    except ValueError as error:
        problems.append(f"SMTP_URL: {error}")
    try:
        sender = parse_sender(settings.mail_from)
    except ValueError as error:
        problems.append(f"SERAI_MAIL_FROM: {error}")
    if not settings.local and settings.mail_from.rstrip(">").endswith("@serai.example"):
        problems.append("SERAI_MAIL_FROM is missing: set the address that emails are sent from")
    if server is None or sender is None or problems:
        raise SettingsError(problems)
    return server, sender
