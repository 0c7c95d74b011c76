"""Named parameters of statements."""

from __future__ import annotations

import pytest

from serai.chassis.data.sql import named


def test_each_name_becomes_one_number_in_the_order_of_its_first_use() -> None:
    assert named("select :b, :a, :b", a=1, b=2) == ("select $1, $2, $1", 2, 1)


def test_casts_and_quoted_text_are_left_alone() -> None:
    text = "select :a::text, '12:30', 'it''s :b', array[1]::int[]"
    assert named(text, a=1) == ("select $1::text, '12:30', 'it''s :b', array[1]::int[]", 1)


def test_refuses_a_parameter_without_a_value_and_a_value_without_a_parameter() -> None:
    with pytest.raises(TypeError, match="b"):
        named("select :a, :b", a=1)
    with pytest.raises(TypeError, match="c"):
        named("select :a", a=1, c=2)
