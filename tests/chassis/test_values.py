"""Ids, cursors, errors and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis import errors
from serai.chassis.errors import Conflict, Invalid, NotFound, Problem, from_document
from serai.chassis.http.page import decode_cursor, encode_cursor, page_of
from serai.chassis.ids import is_id, new_id, parse_id
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.contracts.product.inventory import OutOfStock


def test_ids_are_version_7_and_grow() -> None:
    made = [new_id() for _ in range(1000)]
    assert all(one.version == 7 for one in made)
    assert made == sorted(made)


@pytest.mark.parametrize("text", ["", "1", "not-an-id", "urn:uuid:018f0000-0000-7000-8000-000000000000", "{}", "\x00"])
def test_a_malformed_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        parse_id(text)


def test_an_id_may_be_written_in_capitals() -> None:
    assert is_id("ABCDEF00-ABCD-7000-8000-ABCDEFABCDEF")
    assert is_id("abcdef00-abcd-7000-8000-abcdefabcdef")


@given(st.uuids(), st.integers(), st.text())
def test_a_cursor_round_trips(id: UUID, number: int, text: str) -> None:
    number %= 2**63
    text = text.replace("\x00", "")
    cursor = encode_cursor("list", id, number, text)
    assert decode_cursor(cursor, "list", (UUID, int, str)) == (id, number, text)


@given(st.text(max_size=60))
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_cursor(cursor, "list", (UUID,))


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_cursor(encode_cursor("orders", new_id()), "products", (UUID,))


def test_the_last_page_has_no_cursor() -> None:
    assert page_of([1, 2, 3], 2, str).next_cursor == "2"
    assert page_of([1, 2], 2, str).next_cursor is None


def test_an_error_round_trips() -> None:
    left = OutOfStock(items=[{"variant_id": "v", "requested": 2, "available": 1}])
    arrived = from_document(409, left.document("r"))
    assert isinstance(arrived, OutOfStock)
    assert arrived.facts == left.facts


def test_an_unknown_code_becomes_the_kind_of_its_status() -> None:
    arrived = from_document(409, {"code": "from_the_future", "detail": "d"})
    assert type(arrived) is Conflict
    assert arrived.code == "from_the_future"


def test_a_code_belongs_to_one_error() -> None:
    with pytest.raises(TypeError, match="out_of_stock"):
        type("Another", (Conflict,), {"code": "out_of_stock"})


def test_every_kind_has_a_status_of_its_own() -> None:
    statuses = [kind.status for kind in errors._BY_STATUS.values()]
    assert sorted(statuses) == sorted(set(statuses))
    assert Problem().document(None)["detail"].startswith("Something went wrong")


class Shop(Settings, frozen=True, kw_only=True):
    size: Annotated[int, Env("SIZE")]
    names: Annotated[list[str], Env("NAMES")] = msgspec.field(default_factory=list)


def test_settings_report_all_problems_together() -> None:
    environ = {"SERAI_MODE": "nonsense", "NAMES": "[1]", "DATABASE_URL_FILE": "/nowhere"}
    with pytest.raises(SettingsError) as caught:
        load(Shop, environ)
    text = str(caught.value)
    assert all(
        word in text for word in ("SIZE is missing", "NAMES is not acceptable", "DATABASE_URL_FILE", "SERAI_MODE")
    )


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://x\n")
    settings = load(Shop, {"SIZE": "3", "SERAI_MODE": "local", "DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url == "postgresql://x"
    assert settings.size == 3


@pytest.mark.parametrize("secret", ["", "changeme", "secret"])
def test_a_default_secret_is_refused_outside_local_mode(secret: str) -> None:
    environ: dict[str, Any] = {"SIZE": "1", "SERAI_REGISTRY_TOKEN": secret}
    with pytest.raises(SettingsError, match="SERAI_REGISTRY_TOKEN"):
        load(Shop, {**environ, "SERAI_MODE": "production"})
    assert load(Shop, {**environ, "SERAI_MODE": "local"}).registry_token == secret
