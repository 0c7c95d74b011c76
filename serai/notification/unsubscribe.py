"""The link under a mail that stops mails of its kind: signed by us, good for ever, and nobody has to sign in.

Mail scanners open links, so looking at the page changes nothing; its one button does, and so does the mail program's
own button (RFC 8058), which posts to the same address.
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

#: On the wire a setting is its number here: only ever append.
_SETTINGS: tuple[Setting, ...] = ("order_updates", "shipping_updates", "marketing")
_WORDS: dict[Setting, str] = {
    "order_updates": "news about your orders",
    "shipping_updates": "news about parcels on their way",
    "marketing": "offers",
}
_MAC_BYTES = 16


class LinkUnknown(NotFound):
    code, detail = "unsubscribe_link_unknown", "This link is not one of ours, or it was cut short on its way."


class Links:
    def __init__(self, public_url: str, secret: str) -> None:
        """Links of another `secret` are no longer known."""
        self._base = public_url.rstrip("/") + PATH
        self._key = hmac.digest(secret.encode(), b"serai unsubscribe link, version 1", hashlib.sha256)

    def url(self, user_id: UUID, setting: Setting) -> str:
        payload = user_id.bytes + bytes([_SETTINGS.index(setting)])
        token = base64.urlsafe_b64encode(payload + self._mac(payload)).rstrip(b"=").decode()
        return f"{self._base}?token={token}"

    def read(self, token: str) -> tuple[UUID, Setting]:
        """Whose setting, and which. Raises `LinkUnknown`."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise LinkUnknown from None
        payload, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(payload) != 17 or not hmac.compare_digest(mac, self._mac(payload)) or payload[16] >= len(_SETTINGS):
            raise LinkUnknown
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


def page_before(setting: Setting) -> str:
    return _page(
        "Stop these mails?",
        f"We will not send you {_WORDS[setting]} by mail any more. What concerns your money or the safety of your "
        'account still reaches you.</p><form method="post"><button>Stop these mails</button></form><p>',
    )


def page_after(setting: Setting) -> str:
    return _page("Done", f"We do not send you {_WORDS[setting]} any more. You can change that in your settings.")


def _page(title: str, text: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
    )
