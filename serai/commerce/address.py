"""Where an order goes, and who pays for it."""

from __future__ import annotations

from typing import Annotated

import msgspec

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_OptionalText = Annotated[str, msgspec.Meta(max_length=200)]
#: With a length, because `$` also matches before a newline at the end.
_Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", max_length=2)]


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """A postal address as it is stored and handed on. `country` is ISO 3166-1 alpha-2."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str | None = None
    region: str | None = None


class AddressIn(Address, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An address as a client may send it: the same fields with their bounds, and no others."""

    name: _Text
    line1: _Text
    city: _Text
    postal_code: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    country: _Country
    line2: _OptionalText | None = None
    region: _OptionalText | None = None
