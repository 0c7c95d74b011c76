from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

import asyncpg
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serai.chassis.settings import SettingsError
from serai.user.app import create
from serai.user.domain import PER_ACCOUNT, SignInBusy, sign_in_delay_s
from serai.user.passwords import Passwords
from serai.user.provisioning import create_admin
from tests import tokens
from tests.living import living
from tests.user.conftest import COOKIE, PASSWORD, Users, bearer


async def test_answers_a_token_and_the_user_and_sets_the_cookie(users: Users) -> None:
    await users.register("ada@example.com", name="Ada")
    answer = await users.login("ada@example.com")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    assert set(body["user"]) == {"id", "email", "name", "role", "email_verified", "created_at", "permissions"}
    assert body["user"]["created_at"].endswith("Z")
    attributes = answer.headers["set-cookie"].split("; ")
    assert attributes[0].startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Path=/api/auth", "SameSite=strict"} <= set(attributes)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_token_is_verified_with_the_published_keys(users: Users) -> None:
    await users.register("ada@example.com")
    body = (await users.login("ada@example.com")).json()
    published = await users.client.get("/.well-known/jwks.json")
    assert "max-age=" in published.headers["cache-control"]
    keys = jwt.PyJWKSet.from_dict(published.json())
    assert all("d" not in key for key in published.json()["keys"])
    header = jwt.get_unverified_header(body["access_token"])
    claims = jwt.decode(
        body["access_token"], keys[header["kid"]].key, algorithms=["EdDSA"], audience="serai", issuer="serai"
    )
    assert set(claims) == {"iss", "aud", "sub", "sid", "role", "exp", "iat", "jti"}
    assert (claims["sub"], claims["role"]) == (body["user"]["id"], "customer")
    assert claims["exp"] - claims["iat"] <= 600


async def test_under_tls_the_cookie_is_bound_to_the_host(database: Callable[[str], str]) -> None:
    environ = tokens.environ("user", database("user"), SERAI_PUBLIC_URL="https://shop.example")
    async with living(create(environ).app(), "https://shop.example") as client:
        users = Users(client, environ["DATABASE_URL"])
        await users.register("ada@example.com")
        cookie = (await users.login("ada@example.com")).headers["set-cookie"]
    assert cookie.startswith("__Host-serai_refresh=")
    assert {"Secure", "Path=/", "HttpOnly"} <= set(cookie.split("; "))
    assert "domain" not in cookie.lower()


async def test_one_refusal_for_unknown_addresses_and_wrong_passwords(users: Users) -> None:
    await users.register("ada@example.com")
    wrong = (await users.login("ada@example.com", "wrong password")).json()
    unknown = (await users.login("nobody@example.com", "wrong password")).json()
    nonsense = (await users.login("not an address", "")).json()
    assert wrong["code"] == "invalid_credentials"
    assert wrong["status"] == 401
    assert wrong | {"request_id": ""} == unknown | {"request_id": ""} == nonsense | {"request_id": ""}


@pytest.mark.slow
async def test_an_unknown_address_takes_as_long_as_a_wrong_password(real_users: Users) -> None:
    """Compares the shortest of several durations, because other load only adds to them."""
    known, unknown = ("ada@example.com", "grace@example.com"), ("nobody@example.com", "noone@example.com")
    for email in known:
        await real_users.register(email)
    times: dict[tuple[str, str], list[float]] = {known: [], unknown: []}
    for _ in range(4):
        for emails, taken in times.items():
            for email in emails:
                started = time.perf_counter()
                await real_users.login(email, "wrong password")
                taken.append(time.perf_counter() - started)
    assert min(times[unknown]) > 0.4 * min(times[known])


async def test_a_disabled_account_does_not_sign_in(users: Users) -> None:
    await users.register("ada@example.com")
    ada = (await users.login("ada@example.com")).json()["user"]["id"]
    password = await create_admin(users.database_url, "root@example.com")
    admin = bearer(await users.login("root@example.com", password))
    assert (await users.client.patch(f"/api/users/{ada}", json={"disabled": True}, headers=admin)).status_code == 200
    refused = await users.login("ada@example.com")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_credentials")


async def test_failures_make_the_next_try_wait_but_never_lock_the_owner_out(real_users: Users) -> None:
    await real_users.register("ada@example.com")
    for _ in range(int(PER_ACCOUNT.free) + 1):
        await real_users.login("ada@example.com", "wrong", {"x-forwarded-for": "203.0.113.7"})
    started = time.perf_counter()
    assert (await real_users.login("ada@example.com", PASSWORD, {"x-forwarded-for": "198.51.100.1"})).status_code == 200
    assert time.perf_counter() - started > 0.15


async def test_where_the_owner_signed_in_before_failures_elsewhere_cost_no_time(real_users: Users) -> None:
    await real_users.register("ada@example.com")
    home, elsewhere = {"x-forwarded-for": "198.51.100.1"}, {"x-forwarded-for": "203.0.113.7"}
    await real_users.login("ada@example.com", PASSWORD, home)
    for _ in range(int(PER_ACCOUNT.free) + 3):
        await real_users.login("ada@example.com", "wrong", elsewhere)
    started = time.perf_counter()
    assert (await real_users.login("ada@example.com", PASSWORD, home)).status_code == 200
    assert time.perf_counter() - started < sign_in_delay_s(PER_ACCOUNT, PER_ACCOUNT.free + 2)


@pytest.mark.parametrize(
    ("header", "subject"),
    [
        ("203.0.113.7", "address:203.0.113.7"),
        ("10.9.8.7, 203.0.113.7", "address:203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("nonsense", "address:unknown"),
    ],
)
async def test_failures_count_for_the_address_our_gateway_saw(users: Users, header: str, subject: str) -> None:
    await users.login("ada@example.com", "wrong", {"x-forwarded-for": header})
    connection = await asyncpg.connect(users.database_url)
    subjects = {row["subject"] for row in await connection.fetch("select subject from sign_in_failures")}
    await connection.close()
    assert subject in subjects
    assert "ada@example.com" not in str(subjects)


async def test_a_flood_of_sign_ins_is_told_to_come_back() -> None:
    passwords = Passwords(max_pending=6)
    try:
        tries = [asyncio.ensure_future(passwords.hash("x")) for _ in range(16)]
        done = await asyncio.gather(*tries, return_exceptions=True)
        refused = [outcome for outcome in done if isinstance(outcome, BaseException)]
        assert len(refused) == 10
        assert all(isinstance(one, SignInBusy) and one.headers()["retry-after"] for one in refused)
        assert await passwords.hash("x")
    finally:
        passwords.close()


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}]
)
@pytest.mark.parametrize("route", ["login", "refresh", "logout"])
async def test_another_site_reaches_no_cookie_route(users: Users, route: str, headers: dict[str, str]) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD} if route == "login" else None
    answer = await users.client.post(f"/api/auth/{route}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


async def test_keeps_the_newest_sessions_only(users: Users) -> None:
    await users.register("ada@example.com")
    first = await users.login("ada@example.com")
    connection = await asyncpg.connect(users.database_url)
    await connection.execute(
        """insert into session (id, user_id, client_address, expires_at)
           select gen_random_uuid(), id, 'test', now() + interval '1 day' from account, generate_series(1, 60)"""
    )
    await users.login("ada@example.com")
    assert await connection.fetchval("select count(*) from session where ended_at is null") == 50
    await connection.close()
    assert (await users.client.get("/api/auth/me", headers=bearer(first))).status_code == 401


def test_does_not_start_without_keys_of_its_own_or_with_unusable_ones() -> None:
    production = tokens.environ("user", "postgresql://nobody@localhost/none", SERAI_MODE="production")
    for jwt_keys in ("", "{}", '{"keys": []}', "nonsense", json.dumps({"keys": [tokens.jwk("a", tokens.KEY)]})):
        with pytest.raises(SettingsError):
            create({**production, "SERAI_REGISTRY_TOKEN": "x" * 32, "SERAI_JWT_KEYS": jwt_keys})


async def test_publishes_every_key_and_signs_with_the_first(database: Callable[[str], str]) -> None:
    fresh = Ed25519PrivateKey.generate()
    both = json.dumps(
        {"keys": [tokens.jwk("fresh", fresh, private=True), tokens.jwk(tokens.KID, tokens.KEY, private=True)]}
    )
    environ = tokens.environ("user", database("user"), SERAI_JWT_KEYS=both)
    async with living(create(environ).app()) as client:
        users = Users(client, environ["DATABASE_URL"])
        headers = await users.signed_in()
        assert jwt.get_unverified_header(headers["authorization"].partition(" ")[2])["kid"] == "fresh"
        published = (await client.get("/.well-known/jwks.json")).json()["keys"]
        assert [key["kid"] for key in published] == ["fresh", tokens.KID]
        me = (await client.get("/api/auth/me", headers=headers)).json()
        old = tokens.as_user(me["id"], sid=_sid(headers))
        assert (await client.get("/api/auth/me", headers=old)).status_code == 200


def _sid(headers: dict[str, str]) -> str:
    token = headers["authorization"].partition(" ")[2]
    sid: str = jwt.decode(token, options={"verify_signature": False})["sid"]
    return sid
