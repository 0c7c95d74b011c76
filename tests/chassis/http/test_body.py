"""Strict JSON: what is refused, and that every wrong field is reported together."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.errors import BadRequest, Invalid
from serai.chassis.http import body
from serai.commerce.money import Money


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sku: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=999)]


class Basket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    lines: list[Line]
    price: Money | None = None
    active: bool = True


GOOD = {"name": "n", "lines": [{"sku": "A", "quantity": 1}]}


def refused(raw: bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        body.decode(raw, Basket)
    return {error["field"]: error["message"] for error in caught.value.errors}


def encode(**changes: Any) -> bytes:
    return msgspec.json.encode({**GOOD, **changes})


def test_decodes_a_valid_body() -> None:
    read = body.decode(encode(price={"amount": 5, "currency": "USD"}), Basket)
    assert read == Basket("n", [Line("A", 1)], Money(5, "USD"))


@pytest.mark.parametrize("quantity", ["2", 1.0, True, 0, 1000, 10**30, None, [], 1.5])
def test_only_an_integer_in_bounds_is_a_quantity(quantity: Any) -> None:
    assert list(refused(encode(lines=[{"sku": "A", "quantity": quantity}]))) == ["lines.0.quantity"]


def test_reports_every_wrong_field() -> None:
    raw = encode(
        name=1, lines=[{"sku": "", "quantity": 0}, {"sku": "B", "qty": 1}], price={"amount": -1, "currency": "usd"}, x=1
    )
    assert set(refused(raw)) == {
        "x",
        "name",
        "lines.0.sku",
        "lines.0.quantity",
        "lines.1.qty",
        "lines.1.quantity",
        "price.amount",
        "price.currency",
    }


def test_refuses_a_currency_that_iso_does_not_list() -> None:
    assert "ISO 4217" in refused(encode(price={"amount": 1, "currency": "ZZZ"}))["price"]


def test_refuses_a_key_given_twice() -> None:
    assert refused(b'{"name": "a", "name": "b", "lines": []}') == {"name": "appears twice"}


def test_refuses_nul_anywhere() -> None:
    assert list(refused(b'{"name": "a\\u0000", "lines": []}')) == ["name"]
    assert list(refused(b'{"name": "a", "lines": [{"sku": "\\u0000", "quantity": 1}]}')) == ["lines.0.sku"]
    assert body.decode(b'{"name": "a\\\\u0000", "lines": []}', Basket).name == "a\\u0000"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"nope",
        b'{"name": NaN}',
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b'{"name": 1e400}',
    ],
)
def test_refuses_what_is_not_json(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        body.decode(raw, Basket)


def test_refuses_what_is_nested_too_deeply() -> None:
    with pytest.raises(BadRequest):
        body.decode(b'{"name": ' + b"[" * 500 + b"]" * 500 + b"}", Basket)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.one_of(json_values, st.dictionaries(st.sampled_from(["name", "lines", "price", "active", "x"]), json_values)))
def test_any_json_is_read_or_refused_by_name(tree: Any) -> None:
    outcome = read_or_refusal(msgspec.json.encode(tree))
    if isinstance(outcome, Invalid):
        assert outcome.errors
        assert all(error["message"] for error in outcome.errors)
    else:
        assert isinstance(outcome, Basket | BadRequest)


def read_or_refusal(raw: bytes) -> Any:
    try:
        return body.decode(raw, Basket)
    except (Invalid, BadRequest) as refusal:
        return refusal


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises((Invalid, BadRequest)):
        body.decode(raw, Basket)
