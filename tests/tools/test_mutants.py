"""The list of survivors, and what identifies a mutant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.mutants import survivors
from tools.mutants.__main__ import main
from tools.mutants.mutation import Change, mutate
from tools.mutants.survivors import Malformed
from tools.mutants.targets import TARGETS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FILE = "serai/made_up.py"
SOURCE = """\
class Price:
    def doubled(self, amount: int) -> int:
        return amount * 2


def free(amount: int) -> bool:
    return amount == 0
"""


def changes(source: str) -> list[Change]:
    return [mutant.change for mutant in mutate(FILE, source).mutants]


def test_a_mutant_is_known_by_its_function_and_the_lines_it_changes() -> None:
    found = changes(SOURCE)
    assert Change(FILE, "Price.doubled", ("return amount * 2",), ("return amount / 2",)) in found
    assert Change(FILE, "free", ("return amount == 0",), ("return amount != 0",)) in found


def test_a_mutant_of_a_default_is_known_by_the_line_that_defines_its_function() -> None:
    (change,) = changes("def wait(seconds: int = 30) -> int:\n    return seconds\n")
    assert change == Change(
        FILE, "wait", ("def wait(seconds: int = 30) -> int:",), ("def wait(seconds: int = 31) -> int:",)
    )


def test_a_mutant_stays_the_same_when_its_function_moves() -> None:
    moved = '"""Another docstring."""\n\nLIMIT = 3\n\n\n' + SOURCE
    assert changes(moved) == changes(SOURCE)


def test_each_mutant_has_a_switch_of_its_own() -> None:
    names = [mutant.name for mutant in mutate(FILE, SOURCE).mutants]
    assert len(set(names)) == len(names) == len(changes(SOURCE))
    assert all(name.startswith("serai.made_up.") for name in names)


FREE = Change(FILE, "free", ("return amount == 0",), ("return amount != 0",))
DOUBLED = Change(FILE, "Price.doubled", ("return amount * 2",), ("return amount / 2",))


def test_an_entry_is_read_as_it_is_written() -> None:
    text = (
        "# A comment.\n\n" + survivors.render(FREE, "nobody asks.") + "\n\n" + survivors.render(DOUBLED, "of b.") + "\n"
    )
    assert survivors.parse(text) == [(FREE, "nobody asks."), (DOUBLED, "of b.")]


@pytest.mark.parametrize(
    "entry",
    [
        "serai/made_up.py: free\n- return amount == 0\n+ return amount != 0",
        "serai/made_up.py: free\n- return amount == 0\n+ return amount != 0\nbecause ",
        "serai/made_up.py\n- return amount == 0\n+ return amount != 0\nbecause nobody asks.",
        "serai/made_up.py: free\nreturn amount == 0\nbecause nobody asks.",
    ],
)
def test_an_entry_without_a_place_a_change_or_a_reason_is_refused(entry: str) -> None:
    with pytest.raises(Malformed, match="made_up"):
        survivors.parse(entry)


def test_survivors_that_are_not_listed_and_listed_ones_that_are_gone_are_both_told() -> None:
    assert survivors.compare([FREE], [FREE], {FILE}) == survivors.Comparison([], [])
    assert survivors.compare([FREE], [DOUBLED], {FILE}) == survivors.Comparison([DOUBLED], [FREE])
    assert survivors.compare([FREE], [FREE, FREE], {FILE}).new == [FREE]
    assert survivors.compare([FREE, FREE], [FREE], {FILE}).gone == [FREE]


def test_what_was_not_run_is_not_gone() -> None:
    assert survivors.compare([FREE], [], {"serai/another.py"}).gone == []


def test_a_run_whose_time_is_over_fails_and_says_how_many_mutants_it_did_not_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mutants", "idempotency", "--minutes=0"])
    assert main() == 1
    said = capsys.readouterr().out
    module = "serai/chassis/data/idempotency.py"
    mutants = len(mutate(module, (ROOT / module).read_text()).mutants)
    assert f"{mutants} mutants were not run" in said
    # What was not run has not gone.
    assert "0 listed ones are gone" in said


def test_the_list_can_be_read_and_every_entry_is_of_a_target() -> None:
    listed = survivors.parse((ROOT / "tools/mutants/survivors.txt").read_text())
    mutated = {file for target in TARGETS for file in target.modules}
    assert {change.file for change, _ in listed} <= mutated


def test_the_targets_and_their_tests_are_where_the_table_says() -> None:
    named = [file for target in TARGETS for file in (*target.modules, *target.tests)]
    assert [file for file in named if not (ROOT / file).is_file()] == []
