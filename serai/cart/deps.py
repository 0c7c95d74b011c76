"""The dependencies of the handlers and actions."""

from __future__ import annotations

from dataclasses import dataclass

from serai.cart.product_batch import ProductBatch
from serai.chassis.data.database import Database
from serai.contracts.product.client import ProductClient


@dataclass(frozen=True, slots=True)
class Deps:
    database: Database
    product: ProductClient
    product_batch: ProductBatch
    currency: str
    #: The name of the guest cookie, and whether it is sent over TLS only.
    cookie: str
    secure: bool
    own_origins: frozenset[str]
