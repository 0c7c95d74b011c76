"""Named parameters for statements with many: `:name` in the text becomes the `$n` that PostgreSQL takes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

#: `:name`, but not a cast (`::text`) and nothing inside quotes.
_PARAMETER = re.compile(r"'(?:[^']|'')*'|::|:([a-z_][a-z0-9_]*)")


def named(statement: str, **values: Any) -> tuple[Any, ...]:
    """The statement and its values in order, to pass on: `await conn.fetch(*named(TEXT, order_id=...))`.

    Raises `TypeError` for a parameter without a value or a value without a parameter. `statement` must be a constant,
    because its translation is cached.
    """
    text, names = _translate(statement)
    if names.keys() != values.keys():
        wrong = ", ".join(sorted(names.keys() ^ values.keys()))
        raise TypeError(f"parameters and values of this statement differ in: {wrong}")
    return (text, *(values[name] for name in names))


@lru_cache(maxsize=512)
def _translate(statement: str) -> tuple[str, dict[str, int]]:
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PARAMETER.sub(number, statement), numbers
