"""What the handlers and actions of the cart service are given."""

from __future__ import annotations

from dataclasses import dataclass

from serai.cart.asking import Asking
from serai.chassis.data.database import Database
from serai.contracts.product.client import ProductClient


@dataclass(frozen=True, slots=True)
class Deps:
    db: Database
    product: ProductClient
    #: Of product too, what many requests want to know.
    asking: Asking
    currency: str
    #: Name of the guest's cookie, and whether it travels over TLS only.
    cookie: str
    secure: bool
    own_origins: frozenset[str]
