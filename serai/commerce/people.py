"""Who buys, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose an order is: a user's, or (without `user_id`) a guest's, who is known by an email address alone."""

    email: str
    user_id: UUID | None = None
