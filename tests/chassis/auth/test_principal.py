"""What a principal may do, and under whom its idempotency keys are stored."""

from __future__ import annotations

from uuid import UUID

import pytest

from serai.chassis.auth.principal import ANONYMOUS, Principal
from serai.chassis.errors import Forbidden, Unauthenticated

ADA = UUID("0190b5b0-0000-7000-8000-00000000000a")
USER = Principal(kind="user", id=str(ADA), user_id=ADA, permissions=frozenset({"orders:read"}))


@pytest.mark.parametrize(
    ("principal", "stored"),
    [
        (USER, "user:0190b5b0-0000-7000-8000-00000000000a"),
        (Principal(kind="service", id="order"), "service:order"),
        (Principal(kind="service", id="order", user_id=ADA), "user:0190b5b0-0000-7000-8000-00000000000a"),
        (Principal(kind="guest", id="9f86d081"), "guest:9f86d081"),
        (Principal(kind="api_key", id="key-1"), "api_key:key-1"),
    ],
)
def test_idempotency_keys_are_found_again_after_an_upgrade(principal: Principal, stored: str) -> None:
    assert principal.idempotency_caller == stored


def test_nobody_has_no_idempotency_keys_and_is_no_user() -> None:
    with pytest.raises(Unauthenticated):
        _ = ANONYMOUS.idempotency_caller
    with pytest.raises(Unauthenticated):
        _ = ANONYMOUS.user
    assert (ANONYMOUS.kind, ANONYMOUS.service, ANONYMOUS.permissions) == ("anonymous", None, frozenset())


def test_a_service_is_a_user_only_on_their_behalf() -> None:
    alone = Principal(kind="service", id="order")
    assert alone.service == "order"
    with pytest.raises(Unauthenticated):
        _ = alone.user
    assert Principal(kind="service", id="order", user_id=ADA).user == USER.user == ADA
    assert USER.service is None


def test_a_permission_is_the_whole_word() -> None:
    assert USER.may("orders:read")
    for other in ("orders:rea", "orders", "orders:*", "Orders:read", ""):
        assert not USER.may(other)


def test_requiring_tells_who_should_sign_in_from_who_may_not() -> None:
    USER.require("orders:read")
    with pytest.raises(Forbidden):
        USER.require("orders:cancel")
    for stranger in (ANONYMOUS, Principal(kind="guest", id="9f86d081")):
        with pytest.raises(Unauthenticated):
            stranger.require("orders:read")
