"""What handlers work with."""

from __future__ import annotations

from dataclasses import dataclass

from serai.chassis.data.database import Database
from serai.notification.sending import Sender
from serai.notification.unsubscribe import Links


@dataclass(frozen=True, slots=True)
class Deps:
    db: Database
    sender: Sender
    links: Links
