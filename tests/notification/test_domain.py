from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.commerce.money import CURRENCIES, Money
from serai.notification.domain import MAX_REFUSALS, Outcome, after_try, greeting, is_address
from serai.notification.render import money
from serai.notification.unsubscribe import Links, LinkUnknown

_FAILED: list[Outcome] = ["unreachable", "deferred", "refused"]


@given(
    outcome=st.sampled_from(_FAILED),
    attempts=st.integers(1, 100_000),
    refusals=st.integers(0, MAX_REFUSALS - 1),
    jitter=st.floats(0, 1),
)
def test_a_failed_mail_waits_a_bounded_while_and_is_not_given_up_early(
    outcome: Outcome, attempts: int, refusals: int, jitter: float
) -> None:
    verdict = after_try(outcome, attempts=attempts, refusals=refusals, overdue=False, jitter=jitter)
    assert verdict.status == "queued"
    assert 1.0 <= verdict.pause_s <= 900.0


@given(attempts=st.integers(1, 50))
def test_pauses_grow_until_their_bound(attempts: int) -> None:
    pauses = [
        after_try("deferred", attempts=count, refusals=0, overdue=False, jitter=1.0).pause_s
        for count in (attempts, attempts + 1)
    ]
    assert pauses[0] < pauses[1] or pauses == [900.0, 900.0]


@pytest.mark.parametrize("outcome", _FAILED)
def test_a_mail_is_given_up_when_its_time_is_over(outcome: Outcome) -> None:
    assert after_try(outcome, attempts=1, refusals=0, overdue=True, jitter=0).status == "failed"


def test_a_mail_that_is_sent_is_sent_even_when_its_time_is_over() -> None:
    assert after_try("sent", attempts=1, refusals=0, overdue=True, jitter=0).status == "sent"


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "a.b+c_d@mail.example.co.uk", "o'neil@example.com", "root@localhost", "jürgen@münchen.example"],
)
def test_takes_an_address(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "", "ada", "@example.com", "ada@", "a b@example.com", "ada@exa mple.com", "ada@example.com\nBcc: b@example.com",
        "ada@example.com\r\n", "ada@example.com,bob@example.com", "Ada <ada@example.com>", "a@b@example.com",
        '"a b"@example.com', "ada@[127.0.0.1]", "ada..b@example.com", ".ada@example.com", "ada@-example.com",
        "ada@example..com", "a" * 65 + "@example.com", "ada@" + "a" * 64 + ".com", "ada@" + "abc." * 70 + "com",
        "ada\x00@example.com", "ada\u2028@example.com",
    ],
)  # fmt: skip
def test_refuses_what_is_no_address(address: str) -> None:
    assert not is_address(address)


@pytest.mark.parametrize(
    "name", ["Ada", "Ada Lovelace", "Jean-Luc O’Neil", "José María", "李 小龍", "Martin L. King Jr."]
)
def test_greets_by_name(name: str) -> None:
    assert greeting(f" {name} ") == name


@pytest.mark.parametrize(
    "name",
    ["", "evil.com", "Go to evil.com now", "https://evil.example", "Win 1000", "x" * 51, "a b c d e f g", "<b>Ada</b>"],
)
def test_repeats_no_name_that_could_be_a_message(name: str) -> None:
    assert greeting(name) == ""


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


LINKS = Links("https://shop.example/", "a secret")


@given(user_id=st.uuids(), setting=st.sampled_from(["order_updates", "shipping_updates", "marketing"]))
def test_a_link_says_whose_setting_it_is(user_id: object, setting: object) -> None:
    url = LINKS.url(user_id, setting)  # type: ignore[arg-type]  # hypothesis knows no literals
    base, _, token = url.partition("?token=")
    assert base == "https://shop.example/api/notifications/unsubscribe"
    assert LINKS.read(token) == (user_id, setting)


@given(user_id=st.uuids(), at=st.integers(0, 43), char=st.sampled_from("Aa0_"))
def test_a_link_that_was_changed_is_unknown(user_id: object, at: int, char: str) -> None:
    token = LINKS.url(user_id, "marketing").partition("?token=")[2]  # type: ignore[arg-type]
    changed = token[:at] + char + token[at + 1 :]
    if changed != token:
        with pytest.raises(LinkUnknown):
            LINKS.read(changed)


@pytest.mark.parametrize("token", ["", "x", "é", "../..", "A" * 100, "A" * 44])
def test_a_link_of_nobody_is_unknown(token: str) -> None:
    with pytest.raises(LinkUnknown):
        LINKS.read(token)


def test_a_link_made_with_another_secret_is_unknown() -> None:
    token = Links("https://shop.example", "another").url(uuid4(), "marketing").partition("?token=")[2]
    with pytest.raises(LinkUnknown):
        LINKS.read(token)
