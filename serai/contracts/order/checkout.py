"""Quoting and placing an order."""

from __future__ import annotations

from typing import Annotated

import msgspec

from serai.commerce.address import AddressIn
from serai.commerce.forms import PricedOut
from serai.commerce.money import Money, MoneyIn


class PlaceOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order of the caller's whole cart. `expected_total` is the total that the buyer has seen."""

    shipping_address: AddressIn
    billing_address: AddressIn | None = None
    shipping_method: Annotated[str, msgspec.Meta(min_length=1, max_length=50)] | None = None
    expected_total: MoneyIn | None = None
    note: Annotated[str, msgspec.Meta(max_length=1000)] | None = None


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of `PlaceOrder`; the address is optional."""

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
    """The price of an order of the caller's cart, and the available shipping methods."""

    shipping_methods: list[ShippingOption]
