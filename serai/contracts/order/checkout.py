"""Quoting and placing an order."""

from __future__ import annotations

from typing import Annotated

import msgspec

from serai.commerce.address import AddressIn
from serai.commerce.forms import PricedOut
from serai.commerce.money import Money, MoneyIn


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller's whole cart, to this address. `expected_total` is what the buyer was shown."""

    shipping_address: AddressIn
    billing_address: AddressIn | None = None
    shipping_method: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    expected_total: MoneyIn | None = None
    note: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `PlaceOrder` takes; the address may still be missing."""

    shipping_address: AddressIn | None = None
    billing_address: AddressIn | None = None
    shipping_method: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    expected_total: MoneyIn | None = None
    note: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class ShippingOption(msgspec.Struct, frozen=True):
    id: str
    name: str
    price: Money


class Quote(PricedOut, frozen=True, kw_only=True):
    """What an order of the caller's cart would cost, and the methods by which it could be shipped."""

    shipping_methods: list[ShippingOption]
