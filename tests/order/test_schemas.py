"""Each noun of order keeps to its own PostgreSQL schema."""

from __future__ import annotations

import re
from pathlib import Path

import serai.order

ROOM = Path(serai.order.__file__).parent
SCHEMAS = ("orders", "checkout", "fulfilment")
#: Where a statement reads or writes another noun's tables, with what it names. The list may only shrink.
EXCEPTIONS = {
    # An order is shown with its shipments.
    ("orders", "fulfilment.fulfilment"),
    ("orders", "fulfilment.line"),
    # Shipping counts up how much of a line has left.
    ("fulfilment", "orders.line"),
}
_TABLE = re.compile(rf"\b(?:from|join|into|update|table|nextval\(\'?)\s*({'|'.join(SCHEMAS)})\.([a-z_]+)")


def named_by(noun: str) -> set[str]:
    """The tables and sequences, by schema, that the code of a noun names in its statements."""
    text = "".join(path.read_text() for path in (ROOM / noun).glob("*.py"))
    return {f"{schema}.{table}" for schema, table in _TABLE.findall(text)}


def test_a_noun_names_another_ones_schema_only_where_it_is_listed() -> None:
    foreign = {(noun, table) for noun in SCHEMAS for table in named_by(noun) if not table.startswith(f"{noun}.")}
    assert foreign == EXCEPTIONS


def test_every_noun_with_statements_has_a_schema_of_its_own() -> None:
    assert all(any(table.startswith(f"{noun}.") for table in named_by(noun)) for noun in SCHEMAS)
