from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serai.sandbox import params, schema
from serai.sandbox.errors import BadParameter


def test_the_committed_schemas_are_those_of_the_installed_sdk() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.render(schema.derive())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abmount[]=&0123%Ffé\0", max_size=40))
def test_any_request_is_parsed_or_refused(encoded: str) -> None:
    for operation in ("refunds.create", "checkout.sessions.create"):
        with suppress(BadParameter):
            params.parse(operation, encoded)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="[]\0"), min_size=1, max_size=40),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=500),
        max_size=50,
    )
)
def test_metadata_arrives_as_it_was_sent(metadata: dict[str, str]) -> None:
    encoded = urlencode({f"metadata[{key}]": value for key, value in metadata.items()})
    assert params.parse("refunds.create", encoded).get("metadata", {}) == metadata


@pytest.mark.parametrize(
    "encoded",
    [
        "a[b=1",
        "[x]=1",
        "metadata[a][b]=1",
        "metadata=1&metadata[a]=1",
        "metadata[a]=1&metadata=1",
        "amount[0]=1",
        "expand[1]=x",
        "expand=x",
        "amount=1e3",
        "amount=%FF",
        "amount=９",
        "x" + "[a]" * 20 + "=1",
        "refund_application_fee=yes",
    ],
)
def test_refuses_a_malformed_request(encoded: str) -> None:
    with pytest.raises(BadParameter):
        params.parse("refunds.create", encoded)


def test_parses_every_scalar_as_its_type() -> None:
    parsed = params.parse("refunds.create", "amount=12&refund_application_fee=true&reason=duplicate&expand[]=charge")
    assert parsed == {"amount": 12, "refund_application_fee": True, "reason": "duplicate", "expand": ["charge"]}
