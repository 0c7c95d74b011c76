"""Every template, rendered with all optional data and with none."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID

import jinja2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.address import Address
from serai.commerce.currency import CURRENCIES
from serai.commerce.money import Money
from serai.contracts.user import IssuedLink
from serai.notification import template_data
from serai.notification.render import FOLDER, Rendered, Templates, money
from serai.notification.template_data import TEMPLATE_DATA, Discount, TaxLine, TemplateData

PUBLIC_URL = "https://shop.example"
TEMPLATES = Templates(PUBLIC_URL)
LINK = IssuedLink("a-token_of-43-characters", datetime(2026, 11, 22, 15, 5, tzinfo=UTC))
UNSUBSCRIBE = f"{PUBLIC_URL}/api/notifications/unsubscribe?token=a"

_ID = UUID(int=7)
_SLY = '<script>alert("x")</script> & {{ 7 * 7 }}'
_ADDRESS = Address(
    name=_SLY, line1="1 Road", line2="Door 2", city="Town", region="Shire", postal_code="1", country="GB"
)
_PLAIN_ADDRESS = Address(name="Ada", line1="1 Road", city="Town", postal_code="1", country="GB")
_LINES = [
    template_data.Line(_SLY, {"width": _SLY}, 2, Money(49800, "USD")),
    template_data.Line("Lamp", {}, 1, Money(100, "USD")),
]


def _usd(amount: int) -> Money:
    return Money(amount, "USD")


CASES: list[tuple[str, TemplateData]] = [
    (
        "order_confirmation",
        template_data.OrderConfirmation(
            order_id=_ID, number="S-1", items=_LINES, subtotal=_usd(49900), shipping=_usd(0), tax=_usd(0),
            discounts=[Discount("Summer sale", _usd(800)), Discount(_SLY, _usd(100))], total=_usd(49000),
            address=_ADDRESS,
        ),
    ),
    (
        "order_confirmation",
        template_data.OrderConfirmation(
            order_id=_ID, number="S-1", items=_LINES[1:], subtotal=_usd(100), shipping=_usd(1), tax=_usd(2),
            total=_usd(103), address=_PLAIN_ADDRESS,
        ),
    ),
    (
        "order_confirmation",
        template_data.OrderConfirmation(
            order_id=_ID, number="S-1", items=_LINES[1:], subtotal=_usd(11900), shipping=_usd(107), tax=_usd(1907),
            tax_lines=[TaxLine("VAT 19%", _usd(1900)), TaxLine("VAT 7%", _usd(7))], prices_include_tax=True,
            total=_usd(12007), address=_PLAIN_ADDRESS,
        ),
    ),
    (
        "shipped",
        template_data.Shipped(order_id=_ID, number="S-1", items=_LINES, tracking_number=_SLY, address=_ADDRESS),
    ),
    ("shipped", template_data.Shipped(order_id=_ID, number="S-1", items=_LINES, address=_PLAIN_ADDRESS)),
    ("delivered", template_data.Delivered(order_id=_ID, number="S-1")),
    ("cancelled", template_data.Cancelled(order_id=_ID, number="S-1")),
    ("refunded", template_data.Refunded(order_id=_ID, number="S-1", amount=_usd(1), refunded=_usd(2), full=True)),
    ("refunded", template_data.Refunded(order_id=_ID, amount=_usd(1), refunded=_usd(2), full=False)),
    ("refunded", template_data.Refunded(order_id=_ID, amount=_usd(1), refunded=_usd(1), full=False)),
    ("welcome", template_data.Welcome(name="Ada")),
    ("welcome", template_data.Welcome(name=_SLY)),
    ("email_verification", template_data.EmailVerification(name="Ada")),
    ("email_verification", template_data.EmailVerification(name=_SLY)),
    ("password_reset", template_data.PasswordReset(name="Ada")),
    ("password_reset", template_data.PasswordReset(name=_SLY)),
    ("address_taken", template_data.AddressTaken(name="Ada")),
    ("password_changed", template_data.PasswordChanged(name="", at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC))),
    ("message", template_data.Message(subject=_SLY, text=f"{_SLY}\nsecond line\n\nsecond paragraph")),
    ("marketing", template_data.Marketing(user_id=_ID, subject="New lamps", text="They shine.")),
]  # fmt: skip
_EACH = [pytest.param(name, data, id=f"{name}-{at}") for at, (name, data) in enumerate(CASES)]


class Resources(HTMLParser):
    """Everything a mail program would fetch or open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background", "srcset")]


@pytest.mark.parametrize(("name", "data"), _EACH)
@pytest.mark.parametrize("unsubscribe", [None, UNSUBSCRIBE])
def test_an_email_is_complete_and_fetches_nothing(name: str, data: TemplateData, unsubscribe: str | None) -> None:
    rendered = TEMPLATES.render(name, data, unsubscribe, LINK)
    found = Resources()
    found.feed(rendered.html)
    assert found.tags.isdisjoint({"script", "img", "iframe", "link", "form", "object"})
    assert not {tag for tag in found.tags if tag.startswith("mj-") or tag == "mjml"}
    assert "<mj-" not in rendered.html
    assert found.links
    assert all(link == PUBLIC_URL or link.startswith(f"{PUBLIC_URL}/") for link in found.links)
    assert "@import" not in rendered.html
    assert "url(" not in rendered.html
    outside_comments = re.sub(r"<!--.*?-->", "", rendered.html, flags=re.DOTALL)
    urls = re.findall(r"https?://[^\s\"'<]+", outside_comments)
    assert all(url.startswith((PUBLIC_URL, "http://www.w3.org/")) for url in urls)
    for part in (rendered.html, rendered.text):
        assert (UNSUBSCRIBE in part) is (unsubscribe is not None)
        assert "{%" not in part
    assert 1 <= len(rendered.subject) <= 200
    assert "\n" not in rendered.subject
    assert "\n\n\n\n" not in rendered.text


@pytest.mark.parametrize(("name", "data"), _EACH)
def test_user_input_is_escaped(name: str, data: TemplateData) -> None:
    rendered = TEMPLATES.render(name, data, link=LINK)
    assert "<script>" not in rendered.html
    assert "49 " not in rendered.html.replace("{{ 7 * 7 }}", "")
    if "alert" in rendered.text:
        assert _SLY in rendered.text


def test_every_template_has_a_data_type_and_the_other_way_round() -> None:
    files = {path.stem for path in FOLDER.glob("*.mjml")} - {"layout"}
    assert files == set(TEMPLATE_DATA) == {name for name, _ in CASES}
    assert files <= {path.stem for path in FOLDER.glob("*.txt")}


def test_a_field_that_is_missing_is_an_error_and_not_a_gap() -> None:
    class Empty(msgspec.Struct):
        pass

    with pytest.raises(jinja2.UndefinedError):
        TEMPLATES.render("welcome", Empty())


def _rows(text: str) -> list[str]:
    """The rows of sums of a confirmation."""
    lines = [line for line in text.splitlines() if line]
    return lines[next(at for at, line in enumerate(lines) if line.startswith("Subtotal")) : lines.index("Shipping to:")]


def test_a_confirmation_shows_each_discount_and_adds_tax_below_the_prices() -> None:
    rendered = _render(0)
    assert _rows(rendered.text) == [
        "Subtotal: $499.00",
        "Summer sale: −$8.00",
        f"{_SLY}: −$1.00",
        "Shipping: Free",
        "Tax: $0.00",
        "Total: $490.00",
    ]
    for amount in ("$499.00", "−$8.00", "−$1.00", "$490.00", "$498.00"):
        assert amount in rendered.html
    assert _rows(_render(1).text) == ["Subtotal: $1.00", "Shipping: $0.01", "Tax: $0.02", "Total: $1.03"]


def test_a_confirmation_with_inclusive_prices_shows_tax_as_part_of_the_total() -> None:
    rendered = _render(2)
    assert _rows(rendered.text) == [
        "Subtotal: $119.00",
        "Shipping: $1.07",
        "Total: $120.07",
        "Includes VAT 19%: $19.00",
        "Includes VAT 7%: $0.07",
    ]
    assert rendered.html.index("$120.07") < rendered.html.index("Includes VAT 19%")
    assert "−" not in rendered.text


def test_a_confirmation_without_tax_lines_names_its_tax() -> None:
    data = CASES[2][1]
    assert isinstance(data, template_data.OrderConfirmation)
    unnamed = msgspec.structs.replace(data, tax_lines=[])
    assert _rows(TEMPLATES.render("order_confirmation", unnamed).text)[-1] == "Includes tax: $19.07"


def test_data_that_was_stored_before_discounts_had_names_still_renders() -> None:
    usd = {"currency": "USD"}
    stored = {
        "order_id": str(_ID),
        "number": "S-1",
        "items": [{"name": "Lamp", "options": {}, "quantity": 1, "total": usd | {"amount": 100}}],
        "subtotal": usd | {"amount": 100},
        "discount": usd | {"amount": 10},
        "shipping": usd | {"amount": 0},
        "tax": usd | {"amount": 2},
        "total": usd | {"amount": 92},
        "address": {"name": "Ada", "line1": "1 Road", "city": "Town", "postal_code": "1", "country": "GB"},
    }
    rendered = TEMPLATES.render("order_confirmation", msgspec.convert(stored, template_data.OrderConfirmation))
    assert _rows(rendered.text) == [
        "Subtotal: $1.00",
        "Discount: −$0.10",
        "Shipping: Free",
        "Tax: $0.02",
        "Total: $0.92",
    ]


@pytest.mark.parametrize(
    ("hour", "shown"), [(0, "12:05 AM"), (9, "9:05 AM"), (12, "12:05 PM"), (14, "2:05 PM"), (23, "11:05 PM")]
)
def test_a_time_is_readable(hour: int, shown: str) -> None:
    data = template_data.PasswordChanged(name="", at=datetime(2026, 11, 2, hour, 5, tzinfo=UTC))
    assert f"November 2, 2026, {shown} UTC" in TEMPLATES.render("password_changed", data).text


@pytest.mark.parametrize(
    ("name", "page"), [("welcome", "verify"), ("email_verification", "verify"), ("password_reset", "reset")]
)
def test_both_parts_have_the_link_and_its_expiry(name: str, page: str) -> None:
    rendered = TEMPLATES.render(name, TEMPLATE_DATA[name](name="Ada"), link=LINK)
    for part in (rendered.text, rendered.html):
        assert f"{PUBLIC_URL}/{page}?token={LINK.token}" in part
        assert "November 22, 2026, 3:05 PM UTC" in part


def test_a_welcome_without_a_link_leads_into_the_shop() -> None:
    rendered = TEMPLATES.render("welcome", template_data.Welcome(name="Ada"))
    for part in (rendered.text, rendered.html):
        assert f"{PUBLIC_URL}/products" in part
        assert "/verify" not in part


def test_line_ends_in_data_do_not_reach_the_subject() -> None:
    data = template_data.Cancelled(order_id=_ID, number="S-1\nBcc: all@example.com")
    assert TEMPLATES.render("cancelled", data).subject == "Your order S-1 Bcc: all@example.com was canceled"


def _render(at: int) -> Rendered:
    return TEMPLATES.render(*CASES[at])


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (49800, "USD", "$498.00"),
        (123456789, "USD", "$1,234,567.89"),
        (5, "EUR", "€0.05"),
        (1200, "JPY", "¥1,200"),
        (1250, "KWD", "KWD\u00a01.250"),
        (0, "CHF", "CHF\u00a00.00"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(amount: int, currency: str, shown: str) -> None:
    assert money(Money(amount, currency)) == shown


@given(amount=st.integers(0, 10**12), currency=st.sampled_from(sorted(CURRENCIES)))
def test_written_money_keeps_every_digit(amount: int, currency: str) -> None:
    digits = "".join(char for char in money(Money(amount, currency)) if char.isdigit())
    assert int(digits) == amount
