"""Addresses, names and passwords, refresh token rotation, and delays after failures and emails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import Invalid
from serai.user.domain import (
    GRACE,
    MAX_NAME_CHARS,
    MAX_PASSWORD_CHARS,
    MAX_USER_AGENT_CHARS,
    MIN_PASSWORD_CHARS,
    PER_ACCOUNT,
    NewAccount,
    PresentedToken,
    Verdict,
    email_delay_s,
    evaluate,
    looks_like_token,
    new_account,
    new_name,
    new_password,
    normalize_user_agent,
    sign_in_delay_s,
    successor_key,
)

NOW = datetime(2026, 11, 27, tzinfo=UTC)
COMMON = frozenset({"password1"})


def test_an_account_is_stored_in_its_normal_form() -> None:
    account = new_account("  Jose@Example.COM ", "cafe\u0301 at dusk", " Jose\u0301 \t Pérez ", COMMON)
    assert account == NewAccount("jose@example.com", "caf\u00e9 at dusk", "Jos\u00e9 Pérez")


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        new_account("nobody", "short", " ", COMMON)
    assert [error["field"] for error in refusal.value.errors] == ["email", "password", "name"]


@pytest.mark.parametrize(
    "email",
    [
        "a@b",
        "@example.com",
        "a b@example.com",
        "a@example..com",
        "a..b@example.com",
        "ada@-example.com",
        "ada@example.com\nbcc: x@example.com",
        f"{'a' * 65}@example.com",
        f"ada@{'a.' * 130}com",
        "jürgen@example.com",
    ],
)
def test_an_address_that_cannot_receive_email_is_invalid(email: str) -> None:
    with pytest.raises(Invalid):
        new_account(email, "a caravan at dusk", "Ada", COMMON)


@pytest.mark.parametrize("length", [MIN_PASSWORD_CHARS, MAX_PASSWORD_CHARS])
def test_a_password_of_any_length_within_the_bounds_is_valid(length: int) -> None:
    assert len(new_password("x" * length, COMMON, field="password")) == length


@pytest.mark.parametrize(
    "password", ["x" * (MIN_PASSWORD_CHARS - 1), "x" * (MAX_PASSWORD_CHARS + 1), "password1", "PassWord1"]
)
def test_a_password_that_is_short_long_or_common_is_invalid(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        new_password(password, COMMON, field="new_password")
    assert refusal.value.errors[0]["field"] == "new_password"


@pytest.mark.parametrize("name", ["", "   ", "x" * (MAX_NAME_CHARS + 1), "Ada\u0007", "Ada\ue000"])
def test_a_name_that_is_blank_long_or_has_control_characters_is_invalid(name: str) -> None:
    with pytest.raises(Invalid):
        new_name(name)


def test_a_user_agent_is_shortened_and_a_blank_one_is_none() -> None:
    assert normalize_user_agent("  Mozilla/5.0\t (X11)  ") == "Mozilla/5.0 (X11)"
    assert len(normalize_user_agent("x" * 1000) or "") == MAX_USER_AGENT_CHARS
    assert normalize_user_agent(" \n ") is None


def token(
    *, used: timedelta | None = None, expires: timedelta = timedelta(days=1), active: bool = True
) -> PresentedToken:
    return PresentedToken(None if used is None else NOW - used, NOW + expires, active)


@pytest.mark.parametrize(
    ("presented", "verdict"),
    [
        (token(), "rotate"),
        (token(used=timedelta(0)), "repeat"),
        (token(used=GRACE), "repeat"),
        (token(used=GRACE + timedelta(microseconds=1)), "replay"),
        (token(expires=timedelta(0)), "refuse"),
        (token(active=False), "refuse"),
        (token(used=GRACE * 2, active=False), "refuse"),
        (token(used=GRACE * 2, expires=timedelta(0)), "refuse"),
    ],
)
def test_a_refresh_token_is_rotated_once_and_repeated_only_within_the_grace(
    presented: PresentedToken, verdict: Verdict
) -> None:
    assert evaluate(presented, NOW) == verdict


moments = st.integers(-3_000_000, 3_000_000).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(used_at=st.none() | moments, expires_at=moments, active=st.booleans())
def test_no_token_is_accepted_after_its_expiry_or_the_end_of_its_session(
    used_at: datetime | None, expires_at: datetime, active: bool
) -> None:
    verdict = evaluate(PresentedToken(used_at, expires_at, active), NOW)
    if verdict in ("rotate", "repeat"):
        assert active
        assert expires_at > NOW
    if verdict == "rotate":
        assert used_at is None
    if verdict == "repeat":
        assert used_at is not None
        assert NOW - used_at <= GRACE


def test_a_successor_depends_on_the_token_and_on_the_salt() -> None:
    successors = {successor_key(old, salt) for old in ("a", "b") for salt in (b"1", b"2")}
    assert len(successors) == 4
    assert successor_key("a", b"1") in successors


@pytest.mark.parametrize("text", ["", "x" * 42, "x" * 44, "x" * 42 + "=", "x" * 42 + "\n", "x" * 42 + "é"])
def test_a_token_has_43_characters_of_base64url(text: str) -> None:
    assert not looks_like_token(text)
    assert looks_like_token("x" * 41 + "-_")


def test_a_sign_in_is_delayed_after_the_free_failures_and_never_longer_than_the_maximum() -> None:
    delays = [sign_in_delay_s(PER_ACCOUNT, level) for level in range(12)]
    assert delays == [0, 0, 0, 0, 0, 0.25, 0.5, 1, 2, 4, 4, 4]
    assert sign_in_delay_s(PER_ACCOUNT, 1e9) == PER_ACCOUNT.max_s


def test_eemails_to_an_address_are_delayed_by_a_minute_then_two_up_to_an_hour() -> None:
    assert [email_delay_s(level) for level in (0, 1, 2, 5, 6, 1e9)] == [60, 120, 240, 1920, 3600, 3600]
