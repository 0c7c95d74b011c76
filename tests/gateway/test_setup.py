"""Settings, limits, documents and files: each says what is wrong with what it was given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.settings import SettingsError, load
from serai.gateway.documents import joined, read_documents
from serai.gateway.limits import Limit, parse_limit
from serai.gateway.reference import reference
from serai.gateway.routes import RouteError
from serai.gateway.settings import GatewaySettings
from serai.gateway.snapshot import public_keys
from tests.gateway.shop import DOCUMENTS, Keys, write_documents


def _settings(**environ: str) -> GatewaySettings:
    return load(GatewaySettings, {"SERAI_MODE": "local", **environ}).check()


def test_the_limits_are_those_the_api_promises() -> None:
    limits = _settings().limits()
    assert limits["default"] is None
    assert limits["sign_in"] == limits["register"] == limits["reset"] == Limit(60, 30)
    assert limits["orders"] == limits["payments"] == Limit(600, 600)
    assert limits["mail"] == Limit(60, 30)


def test_every_figure_is_a_setting() -> None:
    for name in _settings().limits():
        changed = _settings(**{f"SERAI_LIMIT_{name.upper()}": "7/3"}).limits()
        assert changed[name] == Limit(7, 3)


@pytest.mark.parametrize("name", ["SERAI_LIMIT_ORDER", "SERAI_LIMIT_", "SERAI_LIMIT_sign_in", "SERAI_LIMIT_ORDER_FILE"])
def test_a_misspelt_limit_is_no_limit_and_therefore_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        _settings(**{name: "60"})
    assert "SERAI_LIMIT_ORDERS" in str(caught.value)


def test_a_limit_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("7/3\n")
    assert _settings(SERAI_LIMIT_MAIL_FILE=str(tmp_path / "limit")).limits()["mail"] == Limit(7, 3)


def test_all_wrong_settings_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        _settings(
            SERAI_PORT="70000",
            SERAI_GATEWAY_BIND="everywhere",
            SERAI_HOSTS="shop.example,a/b",
            SERAI_CORS_ORIGINS="*",
            SERAI_TRUSTED_HOPS="-1",
            SERAI_LIMIT_ORDERS="many",
            SERAI_TLS_CERT="/nowhere/cert.pem",
        )
    told = "\n".join(caught.value.problems)
    for name in (
        "PORT",
        "GATEWAY_BIND",
        "HOSTS",
        "CORS_ORIGINS",
        "TRUSTED_HOPS",
        "LIMIT_ORDERS",
        "TLS_CERT",
        "TLS_KEY",
    ):
        assert f"SERAI_{name}" in told


@pytest.mark.parametrize("text", ["", "0", "-1", "60/0", "60/", "1.5", "60 per minute", "99999999"])
def test_refuses_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="requests per minute"):
        parse_limit(text)


@given(st.integers(1, 9_999_999), st.integers(1, 9_999_999))
def test_a_bucket_gives_no_more_than_the_limit_in_the_long_run(per_minute: int, burst: int) -> None:
    bucket = Limit(per_minute, burst).token_bucket()
    fill_s = float(str(bucket["fill_interval"]).removesuffix("s"))
    rate = int(str(bucket["tokens_per_fill"])) / fill_s * 60
    assert fill_s >= 0.05
    # Whole milliseconds and whole tokens: never far off, and one token a fill is the least there is.
    assert rate <= per_minute * 1.02 or bucket["tokens_per_fill"] == 1
    assert rate >= per_minute * 0.49
    assert int(str(bucket["max_tokens"])) >= burst


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    write_documents(tmp_path)
    (tmp_path / "cart.json").unlink()
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(RouteError) as caught:
        read_documents(DOCUMENTS, tmp_path)
    assert "cart.json" in str(caught.value)
    assert "order.json" in str(caught.value)


def _with_item(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}}}
    operation = {"x-policy": "public", "responses": {"200": answer}}
    return {"paths": {f"/api/{name}": {"get": operation}}, "components": {"schemas": {"Item": schema}}}


def test_joining_keeps_apart_what_two_services_name_alike() -> None:
    cart, order = {"type": "string"}, {"type": "integer"}
    documents = {"cart": _with_item("cart", cart), "order": _with_item("order", order), "user": _with_item("u", cart)}
    whole = joined(documents, title="t", version="1", url="http://x")

    def schema_of(path: str) -> Any:
        content = whole["paths"][path]["get"]["responses"]["200"]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return whole["components"]["schemas"][name]

    assert schema_of("/api/cart") == schema_of("/api/u") == cart
    assert schema_of("/api/order") == order


def test_the_reference_escapes_what_documents_say() -> None:
    evil = "<script>alert(1)</script>"
    document = {
        "info": {"description": evil},
        "paths": {
            "/api/x": {
                "get": {
                    "x-policy": "public",
                    "summary": evil,
                    "description": evil,
                    "parameters": [{"name": evil, "in": evil, "description": evil, "schema": {"type": evil}}],
                    "requestBody": {"content": {evil: {"schema": {"properties": {evil: {"enum": [evil]}}}}}},
                    "responses": {"200": {"description": evil}},
                }
            }
        },
    }
    page = reference({"cart": document}, version=evil)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_reference_survives_a_schema_that_holds_itself() -> None:
    node = {"properties": {"inner": {"$ref": "#/components/schemas/Item"}}}
    assert "inner" in reference({"cart": _with_item("cart", node)}, version="1")


def test_the_reference_tells_who_may_call() -> None:
    page = reference(DOCUMENTS, version="1")
    assert "Needs the permission <code>users:write</code>" in page
    assert 'id="get-api-products-id-or-slug"' in page


def test_private_halves_never_reach_envoy() -> None:
    keys = Keys()
    leaky = {"keys": [keys.jwks["keys"][0] | {"d": "secret"}]}
    assert public_keys(json.dumps(leaky)) == keys.jwks


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}',
        '{"keys": [{"kty": "RSA", "kid": "a", "n": "x", "e": "AQAB"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "abc"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "abc"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "a"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": 7}]}',
    ],
)
def test_refuses_a_key_set_without_a_usable_key(text: str) -> None:
    with pytest.raises(ValueError, match="JWK set"):
        public_keys(text)
