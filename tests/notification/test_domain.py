"""Retry delays, addresses and greetings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.notification.domain import MAX_REFUSALS, Outcome, after_attempt, greeting, is_address

_FAILED: list[Outcome] = ["unreachable", "deferred", "refused"]


@given(
    outcome=st.sampled_from(_FAILED),
    attempts=st.integers(1, 100_000),
    refusals=st.integers(0, MAX_REFUSALS - 1),
    jitter=st.floats(0, 1),
)
def test_a_failed_email_waits_a_bounded_while_and_is_not_given_up_early(
    outcome: Outcome, attempts: int, refusals: int, jitter: float
) -> None:
    result = after_attempt(outcome, attempts=attempts, refusals=refusals, overdue=False, jitter=jitter)
    assert result.status == "queued"
    assert 1.0 <= result.delay_s <= 900.0


@given(attempts=st.integers(1, 50))
def test_delays_grow_until_their_maximum(attempts: int) -> None:
    delays = [
        after_attempt("deferred", attempts=count, refusals=0, overdue=False, jitter=1.0).delay_s
        for count in (attempts, attempts + 1)
    ]
    assert delays[0] < delays[1] or delays == [900.0, 900.0]


@pytest.mark.parametrize("outcome", _FAILED)
def test_an_email_is_given_up_when_its_time_is_over(outcome: Outcome) -> None:
    assert after_attempt(outcome, attempts=1, refusals=0, overdue=True, jitter=0).status == "failed"


def test_an_email_that_is_sent_is_sent_even_when_its_time_is_over() -> None:
    assert after_attempt("sent", attempts=1, refusals=0, overdue=True, jitter=0).status == "sent"


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "a.b+c_d@mail.example.co.uk", "o'neil@example.com", "root@localhost", "jürgen@münchen.example"],
)
def test_accepts_an_address(address: str) -> None:
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
def test_refuses_an_invalid_address(address: str) -> None:
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
def test_a_name_that_could_be_a_message_is_not_repeated(name: str) -> None:
    assert greeting(name) == ""
