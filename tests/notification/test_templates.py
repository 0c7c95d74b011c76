"""Every template, filled with everything and with as little as it takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID

import jinja2
import msgspec
import pytest

from serai.commerce.address import Address
from serai.commerce.money import Money
from serai.contracts.user import MintedLink
from serai.notification import letters
from serai.notification.render import FOLDER, Rendered, Templates

PUBLIC_URL = "https://shop.example"
TEMPLATES = Templates(PUBLIC_URL)
LINK = MintedLink("a-token_of-43-characters", datetime(2026, 11, 22, 15, 5, tzinfo=UTC))
UNSUBSCRIBE = f"{PUBLIC_URL}/api/notifications/unsubscribe?token=a"

_ID = UUID(int=7)
_SLY = '<script>alert("x")</script> & {{ 7 * 7 }}'
_ADDRESS = Address(
    name=_SLY, line1="1 Road", line2="Door 2", city="Town", region="Shire", postal_code="1", country="GB"
)
_PLAIN_ADDRESS = Address(name="Ada", line1="1 Road", city="Town", postal_code="1", country="GB")
_LINES = [
    letters.Line(_SLY, {"width": _SLY}, 2, Money(49800, "USD")),
    letters.Line("Lamp", {}, 1, Money(100, "USD")),
]


def _usd(amount: int) -> Money:
    return Money(amount, "USD")


LETTERS: list[tuple[str, letters.Letter]] = [
    (
        "order_confirmation",
        letters.OrderConfirmation(
            order_id=_ID, number="S-1", items=_LINES, subtotal=_usd(49900), discount=_usd(900), shipping=_usd(0),
            tax=_usd(0), total=_usd(49000), address=_ADDRESS,
        ),
    ),
    (
        "order_confirmation",
        letters.OrderConfirmation(
            order_id=_ID, number="S-1", items=_LINES[1:], subtotal=_usd(100), shipping=_usd(1), tax=_usd(2),
            total=_usd(103), address=_PLAIN_ADDRESS,
        ),
    ),
    ("shipped", letters.Shipped(order_id=_ID, number="S-1", items=_LINES, tracking_number=_SLY, address=_ADDRESS)),
    ("shipped", letters.Shipped(order_id=_ID, number="S-1", items=_LINES, address=_PLAIN_ADDRESS)),
    ("delivered", letters.Delivered(order_id=_ID, number="S-1")),
    ("cancelled", letters.Cancelled(order_id=_ID, number="S-1")),
    ("refunded", letters.Refunded(order_id=_ID, number="S-1", amount=_usd(1), refunded=_usd(2), full=True)),
    ("refunded", letters.Refunded(order_id=_ID, amount=_usd(1), refunded=_usd(2), full=False)),
    ("refunded", letters.Refunded(order_id=_ID, amount=_usd(1), refunded=_usd(1), full=False)),
    ("welcome", letters.Welcome(name="Ada")),
    ("welcome", letters.Welcome(name=_SLY)),
    ("email_verification", letters.EmailVerification(name="Ada")),
    ("email_verification", letters.EmailVerification(name=_SLY)),
    ("password_reset", letters.PasswordReset(name="Ada")),
    ("password_reset", letters.PasswordReset(name=_SLY)),
    ("address_taken", letters.AddressTaken(name="Ada")),
    ("password_changed", letters.PasswordChanged(name="", at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC))),
    ("message", letters.Message(subject=_SLY, text=f"{_SLY}\nsecond line\n\nsecond paragraph")),
    ("marketing", letters.Marketing(user_id=_ID, subject="New lamps", text="They shine.")),
]  # fmt: skip
_EACH = [pytest.param(name, letter, id=f"{name}-{at}") for at, (name, letter) in enumerate(LETTERS)]


class Resources(HTMLParser):
    """Everything a mail program would fetch or open."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background", "srcset")]


@pytest.mark.parametrize(("name", "letter"), _EACH)
@pytest.mark.parametrize("unsubscribe", [None, UNSUBSCRIBE])
def test_a_mail_is_complete_and_fetches_nothing(name: str, letter: letters.Letter, unsubscribe: str | None) -> None:
    rendered = TEMPLATES.render(name, letter, unsubscribe, LINK)
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


@pytest.mark.parametrize(("name", "letter"), _EACH)
def test_what_people_typed_is_text(name: str, letter: letters.Letter) -> None:
    rendered = TEMPLATES.render(name, letter, link=LINK)
    assert "<script>" not in rendered.html
    assert "49 " not in rendered.html.replace("{{ 7 * 7 }}", "")
    if "alert" in rendered.text:
        assert _SLY in rendered.text


def test_every_template_has_a_letter_and_the_other_way_round() -> None:
    files = {path.stem for path in FOLDER.glob("*.mjml")} - {"layout"}
    assert files == set(letters.LETTERS) == {name for name, _ in LETTERS}
    assert files <= {path.stem for path in FOLDER.glob("*.txt")}


def test_a_field_that_is_missing_is_an_error_and_not_a_gap() -> None:
    class Empty(msgspec.Struct):
        pass

    with pytest.raises(jinja2.UndefinedError):
        TEMPLATES.render("welcome", Empty())


def test_the_confirmation_adds_up_for_the_reader() -> None:
    rendered = _render(0)
    for amount in ("$499.00", "−$9.00", "$490.00", "$498.00"):
        assert amount in rendered.text
        assert amount in rendered.html
    assert "Shipping: free" in rendered.text
    assert "Discount" not in _render(1).text
    assert "Shipping: $0.01" in _render(1).text


def test_a_moment_is_readable() -> None:
    letter = letters.PasswordChanged(name="", at=datetime(2026, 11, 22, 14, 5, tzinfo=UTC))
    assert "22 November 2026, 14:05 UTC" in TEMPLATES.render("password_changed", letter).text


@pytest.mark.parametrize(
    ("name", "page"), [("welcome", "verify"), ("email_verification", "verify"), ("password_reset", "reset")]
)
def test_a_link_stands_in_both_parts_with_its_end(name: str, page: str) -> None:
    rendered = TEMPLATES.render(name, letters.LETTERS[name](name="Ada"), link=LINK)
    for part in (rendered.text, rendered.html):
        assert f"{PUBLIC_URL}/{page}?token={LINK.token}" in part
        assert "22 November 2026, 15:05 UTC" in part


def test_a_welcome_without_a_link_leads_into_the_shop() -> None:
    rendered = TEMPLATES.render("welcome", letters.Welcome(name="Ada"))
    for part in (rendered.text, rendered.html):
        assert f"{PUBLIC_URL}/products" in part
        assert "/verify" not in part


def test_line_ends_in_data_do_not_reach_the_subject() -> None:
    letter = letters.Cancelled(order_id=_ID, number="S-1\nBcc: all@example.com")
    assert TEMPLATES.render("cancelled", letter).subject == "Your order S-1 Bcc: all@example.com was cancelled"


def _render(at: int) -> Rendered:
    return TEMPLATES.render(*LETTERS[at])
