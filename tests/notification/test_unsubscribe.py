"""Unsubscribe links: signed, bound to one user and one setting."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.notification.unsubscribe import UnsubscribeLinks, UnsubscribeLinkUnknown

LINKS = UnsubscribeLinks("https://shop.example/", "a secret")


@given(user_id=st.uuids(), setting=st.sampled_from(["order_updates", "shipping_updates", "marketing"]))
def test_a_link_says_whose_setting_it_is(user_id: object, setting: object) -> None:
    url = LINKS.url(user_id, setting)  # type: ignore[arg-type]  # hypothesis knows no literals
    base, _, token = url.partition("?token=")
    assert base == "https://shop.example/api/notifications/unsubscribe"
    assert LINKS.parse(token) == (user_id, setting)


@given(user_id=st.uuids(), at=st.integers(0, 43), char=st.sampled_from("Aa0_"))
def test_a_link_that_was_changed_is_unknown(user_id: object, at: int, char: str) -> None:
    token = LINKS.url(user_id, "marketing").partition("?token=")[2]  # type: ignore[arg-type]
    changed = token[:at] + char + token[at + 1 :]
    if changed != token:
        with pytest.raises(UnsubscribeLinkUnknown):
            LINKS.parse(changed)


@pytest.mark.parametrize("token", ["", "x", "é", "../..", "A" * 100, "A" * 44])
def test_a_link_of_nobody_is_unknown(token: str) -> None:
    with pytest.raises(UnsubscribeLinkUnknown):
        LINKS.parse(token)


def test_a_link_made_with_another_secret_is_unknown() -> None:
    token = UnsubscribeLinks("https://shop.example", "another").url(uuid4(), "marketing").partition("?token=")[2]
    with pytest.raises(UnsubscribeLinkUnknown):
        LINKS.parse(token)
