"""Stripe's test cards and test payment methods, and what each of them does (docs.stripe.com/testing)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    code: str
    message: str
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    brand: str
    last4: str
    decline: Decline | None = None
    """Why the bank declines it, after 3-D Secure where that is required."""
    challenge: bool = False
    """Whether the buyer has to pass 3-D Secure first."""
    refunds: str = "succeed"
    """`succeed`, `fail` (succeeded at first, failed later) or `pend` (pending at first, succeeded later)."""


def _declined(decline_code: str) -> Decline:
    return Decline("card_declined", "Your card was declined.", decline_code)


_GENERIC = _declined("generic_decline")
_INSUFFICIENT = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
_EXPIRED = Decline("expired_card", "Your card has expired.")
_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.")
_PROCESSING = Decline("processing_error", "An error occurred while processing your card. Try again in a little bit.")
_LIVE = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list of valid test cards, "
    "visit: https://stripe.com/docs/testing.",
    "test_mode_live_card",
)

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)

CARDS: dict[str, Card] = {
    "4242424242424242": Card("visa", "4242"),
    "4000056655665556": Card("visa", "5556"),
    "5555555555554444": Card("mastercard", "4444"),
    "378282246310005": Card("amex", "0005"),
    "4000000000000002": Card("visa", "0002", _GENERIC),
    "4000000000009995": Card("visa", "9995", _INSUFFICIENT),
    "4000000000009987": Card("visa", "9987", _declined("lost_card")),
    "4000000000009979": Card("visa", "9979", _declined("stolen_card")),
    "4000000000000069": Card("visa", "0069", _EXPIRED),
    "4000000000000127": Card("visa", "0127", _CVC),
    "4000000000000119": Card("visa", "0119", _PROCESSING),
    "4000002500003155": Card("visa", "3155", challenge=True),
    "4000002760003184": Card("visa", "3184", challenge=True),
    "4000000000003220": Card("visa", "3220", challenge=True),
    "4000008400001629": Card("visa", "1629", _GENERIC, challenge=True),
    "4000000000005126": Card("visa", "5126", refunds="fail"),
    "4000000000007726": Card("visa", "7726", refunds="pend"),
}

PAYMENT_METHODS: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequired": "4000000000003220",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_refundFail": "4000000000005126",
    "pm_card_pendingRefund": "4000000000007726",
}


def card(number: str) -> Card:
    """The test card with this number. Any other number is declined, as in Stripe's test mode."""
    return CARDS.get(number) or Card("unknown", number[-4:], _LIVE)


def problems(number: str, exp: str, cvc: str, *, year: int, month: int) -> dict[str, str]:
    """Input errors found before the bank is involved: field → message, empty when there are none."""
    found: dict[str, str] = {}
    if not re.fullmatch(r"[0-9]{12,19}", number) or not _luhn(number):
        found["number"] = "Your card number is invalid."
    expiry = expires(exp)
    if expiry is None:
        found["exp"] = "Your card's expiration date is incomplete."
    elif expiry < (year, month):
        found["exp"] = "Your card's expiration date is in the past."
    if not re.fullmatch(r"[0-9]{3,4}", cvc):
        found["cvc"] = "Your card's security code is incomplete."
    return found


def expires(exp: str) -> tuple[int, int] | None:
    """(year, month) of `12/34`, `1234`, `12 / 2034` or `2034-12`."""
    by_year = re.fullmatch(r"(20[0-9]{2})-([0-9]{2})", exp)
    if by_year:
        year, month = int(by_year[1]), int(by_year[2])
    else:
        by_month = re.fullmatch(r"([0-9]{1,2})\s*[/-]\s*(?:20)?([0-9]{2})|([0-9]{2})(?:20)?([0-9]{2})", exp)
        if by_month is None:
            return None
        year, month = 2000 + int(by_month[2] or by_month[4]), int(by_month[1] or by_month[3])
    return (year, month) if 1 <= month <= 12 else None


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
