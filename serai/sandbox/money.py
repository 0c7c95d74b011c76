"""Stripe's validation of amounts and currencies.

The tables are the sandbox's own: with those of the shop it would confirm the shop's mistakes.
"""

from __future__ import annotations

import re

from serai.sandbox.errors import BadParameter

#: Currencies that can be charged (docs.stripe.com/currencies#presentment-currencies).
_CURRENCIES = frozenset(
    re.findall(
        "[a-z]{3}",
        """
        usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf
        chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf
        idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop
        mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd
        scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof
        xpf yer zar zmw
        """,
    )
)
#: The smallest charge in the API's units, by currency (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
#: Two decimal places in the API that must be 00 (docs.stripe.com/currencies#special-cases).
_WHOLE_ONLY = frozenset(["isk", "ugx"])
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def currency(value: str, *, param: str) -> str:
    if value.lower() not in _CURRENCIES:
        raise BadParameter(
            f"Invalid currency: {value[:40]}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(_CURRENCIES))}",
            param=param,
        )
    return value.lower()


def chargeable(amount: int, of: str, *, param: str, what: str) -> None:
    """Refuse an amount that the currency cannot have, or that is below its minimum or above the maximum."""
    whole(amount, of, param=param)
    minimum = _MINIMUM.get(of, 1)
    if amount < minimum:
        raise BadParameter(f"{what} must be at least {display(minimum, of)} {of}", code="amount_too_small", param=param)
    if amount > maximum(of):
        raise BadParameter(
            f"{what} must be no more than {display(maximum(of), of)} {of}", code="amount_too_large", param=param
        )


def whole(amount: int, of: str, *, param: str) -> None:
    """Refuse an amount with decimal places that the currency does not have."""
    step = 10 if of in _THREE_DECIMAL else 100 if of in _WHOLE_ONLY else 1
    if amount % step:
        raise BadParameter(f"Invalid amount for {of}: it must be evenly divisible by {step}.", param=param)


def maximum(of: str) -> int:
    return 999_999_999_999 if of == "idr" else 99_999_999


def display(amount: int, of: str) -> str:
    """`$1,249.00`, or `12.50 PLN` for a currency without a symbol here."""
    decimals = 0 if of in _ZERO_DECIMAL else 3 if of in _THREE_DECIMAL else 2
    units, part = divmod(amount, 10**decimals)
    written = f"{units:,}.{part:0{decimals}}" if decimals else f"{units:,}"
    symbol = _SYMBOLS.get(of)
    return f"{symbol}{written}" if symbol else f"{written} {of.upper()}"
