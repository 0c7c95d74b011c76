"""The dependencies of the handlers."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.notification.sending import EmailWorker
from serai.notification.unsubscribe import UnsubscribeLinks


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    worker: EmailWorker
    unsubscribe_links: UnsubscribeLinks
