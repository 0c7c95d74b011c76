"""Renders a template with its data into a subject, a text part and an HTML part.

A template is two files. The text file starts with a `Subject:` and a `Preview:` line. The MJML file contains the
sections that are inserted into the shared layout. MJML leaves Jinja tags alone, so each template is compiled from MJML
to HTML once and rendered with Jinja for every email.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from serai.commerce.currency import CURRENCIES
from serai.commerce.money import Money
from serai.contracts.user import IssuedLink
from serai.notification.domain import greeting

if TYPE_CHECKING:
    import jinja2

FOLDER = Path(__file__).parent / "templates"
SHOP = "Serai"

_SYMBOLS = {
    "USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "CAD": "CA$", "AUD": "A$",
    "NZD": "NZ$", "MXN": "MX$", "BRL": "R$", "HKD": "HK$", "TWD": "NT$", "ILS": "₪", "VND": "₫", "PHP": "₱",
}  # fmt: skip


class Rendered(msgspec.Struct, frozen=True):
    subject: str
    text: str
    html: str


class Templates:
    """Compiles each template when it is first used and caches it."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._compiled: dict[str, tuple[jinja2.Template, jinja2.Template]] = {}

    def render(
        self,
        template: str,
        data: msgspec.Struct,
        unsubscribe_url: str | None = None,
        link: IssuedLink | None = None,
    ) -> Rendered:
        """Raises `jinja2.UndefinedError` if the template uses a field that `data` does not have."""
        if template not in self._compiled:
            self._compiled[template] = self._compile(template)
        text_template, html_template = self._compiled[template]
        fields = {name: getattr(data, name) for name in data.__struct_fields__}
        context = {
            **fields,
            "data": data,
            "shop": SHOP,
            "public_url": self._public_url,
            "unsubscribe_url": unsubscribe_url,
            "link": link,
        }
        if isinstance(order_id := fields.get("order_id"), UUID):
            context["order_url"] = f"{self._public_url}/orders/{order_id}"
        subject, preview, text = _parts(text_template.render(context))
        return Rendered(subject, text, html_template.render({**context, "subject": subject, "preview": preview}))

    def _compile(self, template: str) -> tuple[jinja2.Template, jinja2.Template]:
        from mjml import (
            mjml2html,  # Imported with Jinja on first use: a process that sends no email does not need them.
        )

        layout = (FOLDER / "layout.mjml").read_text()
        sections = (FOLDER / f"{template}.mjml").read_text()
        html = mjml2html(layout.replace("<!-- sections -->", sections), disable_comments=False, fonts={})
        return self._text.get_template(f"{template}.txt"), self._html.from_string(html)

    @cached_property
    def _text(self) -> jinja2.Environment:
        return self._environment(autoescape=False)

    @cached_property
    def _html(self) -> jinja2.Environment:
        return self._environment(autoescape=True)

    def _environment(self, *, autoescape: bool) -> jinja2.Environment:
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER),
            autoescape=autoescape,  # noqa: S701 - off for the text part only
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        filters: dict[str, Any] = {"money": money, "date_time": date_time, "greeting": greeting}
        environment.filters.update(filters)
        return environment


def _parts(rendered: str) -> tuple[str, str, str]:
    """(subject, preview, body) of a rendered text template. Line breaks in subject and preview become spaces."""
    head, _, body = rendered.partition("\n\n")
    subject, _, preview = head.partition("\nPreview:")
    return " ".join(subject.removeprefix("Subject:").split()), " ".join(preview.split()), body.strip() + "\n"


def money(value: Money) -> str:
    """`$498.00`, `¥1,200`, `KWD 1.250`: grouped, with the number of digits of the currency."""
    number = CURRENCIES[value.currency].text(value.amount)
    symbol = _SYMBOLS.get(value.currency)
    return f"{symbol}{number}" if symbol else f"{value.currency}\N{NO-BREAK SPACE}{number}"


def date_time(value: datetime) -> str:
    """`November 22, 2026, 2:05 PM UTC`."""
    value = value.astimezone(UTC)
    return f"{value:%B} {value.day}, {value.year}, {value.hour % 12 or 12}:{value:%M %p} UTC"
