"""Stripe's validation of amounts and currencies."""

from __future__ import annotations

import re

from serai.sandbox.errors import BadParameter

MAX_AMOUNT = 99_999_999

#: The smallest charge in minor units, by currency (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
_MINIMUM = {
    "usd": 50,
    "eur": 50,
    "gbp": 30,
    "cad": 50,
    "aud": 50,
    "chf": 50,
    "jpy": 50,
    "sek": 300,
    "nok": 300,
    "dkk": 250,
}
_ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def currency(value: str, *, param: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", value):
        raise BadParameter(f"Invalid currency: {value[:40]}", param=param)
    return value.lower()


def chargeable(amount: int, of: str, *, param: str, what: str) -> None:
    """Refuse an amount below the currency's minimum or above the maximum."""
    minimum = _MINIMUM.get(of, 1)
    if amount < minimum:
        raise BadParameter(f"{what} must be at least {display(minimum, of)} {of}", code="amount_too_small", param=param)
    if amount > MAX_AMOUNT:
        raise BadParameter(
            f"{what} must be no more than {display(MAX_AMOUNT, of)} {of}", code="amount_too_large", param=param
        )


def display(amount: int, of: str) -> str:
    """`$1,249.00`, or `12.50 PLN` for a currency without a symbol here."""
    decimals = 0 if of in _ZERO_DECIMAL else 3 if of in _THREE_DECIMAL else 2
    whole, part = divmod(amount, 10**decimals)
    written = f"{whole:,}.{part:0{decimals}}" if decimals else f"{whole:,}"
    symbol = _SYMBOLS.get(of)
    return f"{symbol}{written}" if symbol else f"{written} {of.upper()}"
