"""Unsubscribe links and pages: a signed link that turns one setting of one user off without signing in.

The links do not expire. Opening a link only shows a confirmation page, because mail scanners open links; the page's
button and the mail program's unsubscribe button (RFC 8058) send a POST to the same URL.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

from serai.chassis.errors import NotFound
from serai.notification.domain import Setting

PATH = "/api/notifications/unsubscribe"

#: A link carries the index of its setting in this tuple: only append.
_SETTINGS: tuple[Setting, ...] = ("order_updates", "shipping_updates", "marketing")
_DESCRIPTIONS: dict[Setting, str] = {
    "order_updates": "order updates",
    "shipping_updates": "shipping updates",
    "marketing": "marketing emails",
}
_MAC_BYTES = 16


class UnsubscribeLinkUnknown(NotFound):
    code, detail = "unsubscribe_link_unknown", "This unsubscribe link is not valid. Check that you copied all of it."


class UnsubscribeLinks:
    def __init__(self, public_url: str, secret: str) -> None:
        """Links signed with another `secret` are not valid."""
        self._base = public_url.rstrip("/") + PATH
        self._key = hmac.digest(secret.encode(), b"serai unsubscribe link, version 1", hashlib.sha256)

    def url(self, user_id: UUID, setting: Setting) -> str:
        payload = user_id.bytes + bytes([_SETTINGS.index(setting)])
        token = base64.urlsafe_b64encode(payload + self._mac(payload)).rstrip(b"=").decode()
        return f"{self._base}?token={token}"

    def parse(self, token: str) -> tuple[UUID, Setting]:
        """The user and the setting of a link's token. Raises `UnsubscribeLinkUnknown`."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise UnsubscribeLinkUnknown from None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(payload) != 17 or not hmac.compare_digest(mac, self._mac(payload)) or payload[16] >= len(_SETTINGS):
            raise UnsubscribeLinkUnknown
        return UUID(bytes=payload[:16]), _SETTINGS[payload[16]]

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, hashlib.sha256)[:_MAC_BYTES]


_STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.6 -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; max-width: 30rem; margin: 15vh auto 0;
  padding: 0 1.5rem; background: Canvas; color: CanvasText; }
h1 { font-size: 1.5rem; line-height: 1.3; }
button { font: inherit; font-weight: 600; padding: .7rem 1.6rem; border: 0; border-radius: 8px; background: #1f5a52;
  color: #fff; cursor: pointer; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def confirmation_page(setting: Setting) -> str:
    return _page(
        "Unsubscribe?",
        f"You will no longer receive {_DESCRIPTIONS[setting]}. We still email you about payments, refunds and your "
        'account.</p><form method="post"><button>Unsubscribe</button></form><p>',
    )


def done_page(setting: Setting) -> str:
    return _page(
        "Unsubscribed",
        f"You will no longer receive {_DESCRIPTIONS[setting]}. You can change this in your settings at any time.",
    )


def _page(title: str, text: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
    )
