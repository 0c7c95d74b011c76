"""Who is let in: every kind of principal under every policy, with and without the permission that is needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product
from typing import get_args
from uuid import UUID, uuid4

import pytest

from serai.chassis.auth.principal import POLICIES, Kind, Policy, Principal, SessionFacts
from serai.chassis.auth.tokens import KeySet
from serai.chassis.auth.verifier import Verifier
from serai.chassis.errors import Forbidden, Problem, Unauthenticated
from tests import tokens

ROLES = {"clerk": frozenset({"orders:read"}), "customer": frozenset[str]()}
ADA, SESSION = uuid4(), uuid4()


class Sessions:
    """Answers for sessions, and counts how often it is asked."""

    def __init__(self, role: str | None) -> None:
        self.role = role
        self.asked = 0

    async def __call__(self, session_id: UUID) -> SessionFacts | None:
        self.asked += 1
        if self.role is None or session_id != SESSION:
            return None
        return SessionFacts(ADA, self.role, "ada@example.com", "Ada")


def verifier(sessions: Sessions, clock: Callable[[], float] = time.monotonic) -> Verifier:
    return Verifier(
        "cart",
        keys=KeySet(tokens.JWKS),
        service_keys={},
        callers=frozenset(),
        session=sessions,
        roles=ROLES,
        clock=clock,
    )


def principal(kind: Kind, role: str) -> Principal:
    if kind == "user":
        return Principal(kind=kind, id=str(ADA), user_id=ADA, session_id=SESSION, permissions=ROLES[role])
    permissions = ROLES[role] if kind == "api_key" else frozenset[str]()
    # A service acts for somebody too, which makes it no user.
    return Principal(kind=kind, user_id=ADA if kind == "service" else None, permissions=permissions)


def refusal(kind: Kind, policy: Policy, needs: str | None, role: str) -> type[Problem] | None:
    """What the policy demands, as a table; None where it lets in."""
    if policy == "service":
        return None if kind == "service" else Forbidden
    if kind == "service":
        return Forbidden
    if policy != "signed_in":
        return None
    allowed = needs is None or needs in ROLES[role]
    return {
        "anonymous": Unauthenticated,
        "guest": Unauthenticated,
        "user": None if allowed else Forbidden,
        "api_key": None if allowed and needs is not None else Forbidden,
    }[kind]


CASES = [
    (kind, policy, needs, role)
    for kind, policy, needs, role in product(get_args(Kind), POLICIES, (None, "orders:read"), ROLES)
    # A permission is needed of whoever signed in only.
    if needs is None or policy == "signed_in"
]


@pytest.mark.parametrize(("kind", "policy", "needs", "role"), CASES)
async def test_who_is_let_in(kind: Kind, policy: Policy, needs: str | None, role: str) -> None:
    authorise = verifier(Sessions(role)).authorise
    expected = refusal(kind, policy, needs, role)
    if expected is None:
        assert (await authorise(principal(kind, role), policy, needs=needs)).kind == kind
        return
    with pytest.raises(Problem) as caught:
        await authorise(principal(kind, role), policy, needs=needs)
    assert type(caught.value) is expected


@pytest.mark.parametrize("needs", [None, "orders:read"])
async def test_an_ended_session_is_refused_where_it_is_looked_up(needs: str | None) -> None:
    ended = verifier(Sessions(None))
    with pytest.raises(Unauthenticated) as caught:
        await ended.authorise(principal("user", "clerk"), "signed_in", needs=needs, fresh=needs is None)
    assert caught.value.code == "session_ended"
    assert await ended.authorise(principal("user", "clerk"), "signed_in") == principal("user", "clerk")


async def test_the_role_of_the_session_counts_and_not_that_of_the_token() -> None:
    with pytest.raises(Forbidden):
        await verifier(Sessions("customer")).authorise(principal("user", "clerk"), "signed_in", needs="orders:read")
    risen = await verifier(Sessions("clerk")).authorise(principal("user", "customer"), "signed_in", needs="orders:read")
    assert (risen.permissions, risen.email, risen.name) == (ROLES["clerk"], "ada@example.com", "Ada")
    seen = await verifier(Sessions("customer")).authorise(principal("user", "clerk"), "signed_in", fresh=True)
    assert seen.permissions == frozenset()


async def test_a_lost_role_takes_effect_within_five_seconds() -> None:
    sessions = Sessions("clerk")
    now = 1000.0
    authorise = verifier(sessions, lambda: now).authorise
    await authorise(principal("user", "clerk"), "signed_in", needs="orders:read")
    sessions.role = None
    now += 4.9
    await authorise(principal("user", "clerk"), "signed_in", needs="orders:read")
    assert sessions.asked == 1
    now += 0.2
    with pytest.raises(Unauthenticated):
        await authorise(principal("user", "clerk"), "signed_in", needs="orders:read")


async def test_a_token_proves_the_permissions_of_its_role() -> None:
    proving = verifier(Sessions("clerk"))
    for role, permissions in {**ROLES, "a role of another version": frozenset[str]()}.items():
        header = tokens.as_user(ADA, role, sid=str(SESSION))["authorization"]
        proven = await proving.principal(header)
        assert proven == Principal(
            kind="user", id=str(ADA), user_id=ADA, session_id=SESSION, permissions=frozenset(permissions)
        )
        assert await proving.principal(header) is proven
