"""Who stands and who rests, by rules that hold whatever becomes of the calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from serai.chassis.calls.outlier_detector import (
    BASE_REST_S,
    ENOUGH,
    ERRORS_IN_A_ROW,
    LONGEST_REST_S,
    OVERDUE_S,
    RECENT,
    SHORTEST_VERDICT_S,
    TRIAL_S,
    Failure,
    OutlierDetector,
)

AB = ["a", "b"]
ALL = ["a", "b", "c", "d", "e"]
HOWS = st.sampled_from(list(Failure))


def asked(standing: OutlierDetector, now: float, known: list[str] = AB, *, repeatable: bool = True) -> list[str]:
    return list(standing.candidates(known, now, repeatable=repeatable))


def test_who_cannot_be_reached_rests_at_once() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, 0.0, Failure.UNREACHED)
    assert asked(standing, 0.1) == ["b"]


def test_a_few_errors_in_a_row_begin_a_rest() -> None:
    standing = OutlierDetector()
    for at in range(ERRORS_IN_A_ROW):
        assert asked(standing, at) == AB
        standing.failed("a", at, at, Failure.ERROR)
    assert asked(standing, ERRORS_IN_A_ROW) == ["b"]


def rests_after(pattern: str) -> int | None:
    """After how many calls an instance rests that answers well (.) and badly (x) in this pattern, over and over."""
    standing = OutlierDetector()
    for at in range(3 * RECENT):
        if pattern[at % len(pattern)] == "x":
            standing.failed("a", at, at, Failure.ERROR)
        else:
            standing.answered("a", at, at)
        if standing.resting(AB):
            return at + 1
    return None


def test_a_large_share_of_errors_begins_a_rest_and_a_small_one_does_not() -> None:
    assert rests_after("x") == ERRORS_IN_A_ROW
    # Too few answers tell nothing about a share.
    assert rests_after(".x") == ENOUGH
    assert rests_after("..x") is None


def test_no_answer_in_time_is_no_sign_of_death_where_others_were_answered_meanwhile() -> None:
    standing = OutlierDetector()
    standing.answered("a", 0.5, 0.9)
    standing.failed("a", 0.0, 1.0, Failure.LATE)
    assert asked(standing, 1.0) == AB
    standing.failed("a", 1.0, 2.0, Failure.LATE)
    assert asked(standing, 2.0) == ["b"]


def test_a_call_that_had_hardly_any_time_says_nothing() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, SHORTEST_VERDICT_S / 2, Failure.LATE)
    assert asked(standing, 1.0) == AB


def test_rests_double_up_to_a_bound_and_begin_anew_after_a_good_time() -> None:
    standing = OutlierDetector()
    now, rests = 0.0, []
    for _ in range(7):
        standing.failed("a", now, now, Failure.LOST)
        began = now
        while asked(standing, now) != ["a"]:
            now += 0.25
        rests.append(now - began)
    assert rests == [3, 6, 12, 24, 48, 48, 48]
    standing.answered("a", now, now)
    now += LONGEST_REST_S + 1
    standing.failed("a", now, now, Failure.LOST)
    assert asked(standing, now + BASE_REST_S) == ["a"]


def test_one_call_tries_an_instance_after_its_rest() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, 0.0, Failure.LOST)
    over = BASE_REST_S
    assert asked(standing, over) == ["a"]
    assert asked(standing, over) == ["b"]
    # Nothing more was heard of that call.
    assert asked(standing, over + TRIAL_S) == ["a"]
    standing.answered("a", over + TRIAL_S, over + TRIAL_S)
    assert asked(standing, over + TRIAL_S) == AB


def test_a_call_that_cannot_be_repeated_tries_nobody_until_it_has_to() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, 0.0, Failure.LOST)
    assert asked(standing, BASE_REST_S, repeatable=False) == ["b"]
    assert asked(standing, BASE_REST_S + OVERDUE_S, repeatable=False) == ["a"]


def test_what_began_before_a_rest_neither_ends_nor_lengthens_it() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, 1.0, Failure.LOST)
    for _ in range(10):
        standing.failed("a", 0.5, 1.1, Failure.LOST)
    standing.answered("a", 0.5, 1.2)
    assert asked(standing, 1.3) == ["b"]
    assert asked(standing, 1.0 + BASE_REST_S) == ["a"]


def test_the_only_instance_is_asked_whatever_it_did() -> None:
    standing = OutlierDetector()
    standing.failed("a", 0.0, 0.0, Failure.UNREACHED)
    assert asked(standing, 0.1, ["a"]) == ["a"]


def test_those_tried_before_are_avoided_while_there_are_others() -> None:
    standing = OutlierDetector()
    assert list(standing.candidates(AB, 0.0, repeatable=True, avoid=["a"])) == ["b"]
    assert list(standing.candidates(AB, 0.0, repeatable=True, avoid=AB)) == AB


def test_those_who_left_are_forgotten() -> None:
    standing = OutlierDetector()
    for number in range(1000):
        standing.failed(f"gone-{number}", 0.0, 0.0, Failure.LOST)
        standing.candidates(AB, 0.0, repeatable=True)
    assert len(standing._records) <= 2 * len(AB) + 17


class Instances(RuleBasedStateMachine):
    """Any history of five instances."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = OutlierDetector()
        self.now = 0.0
        self.ever_unreached: set[str] = set()

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(one=st.sampled_from(ALL), took=st.floats(0, 5), how=HOWS)
    def fails(self, one: str, took: float, how: Failure) -> None:
        if how is Failure.UNREACHED:
            self.ever_unreached.add(one)
        self.standing.failed(one, self.now - took, self.now, how)

    @rule(one=st.sampled_from(ALL), took=st.floats(0, 5))
    def answers(self, one: str, took: float) -> None:
        self.standing.answered(one, self.now - took, self.now)

    @rule(repeatable=st.booleans(), avoid=st.sets(st.sampled_from(ALL)))
    def somebody_is_asked(self, repeatable: bool, avoid: set[str]) -> None:
        found = self.standing.candidates(ALL, self.now, repeatable=repeatable, avoid=avoid)
        assert found
        assert set(found) <= set(ALL)
        assert avoid == set(ALL) or not avoid & set(found)

    @rule(one=st.sampled_from(ALL))
    def a_success_after_the_rest_began_ends_it(self, one: str) -> None:
        self.standing.answered(one, self.now, self.now)
        assert one not in self.standing.resting(ALL)

    @invariant()
    def at_most_half_rest_of_those_that_can_be_reached(self) -> None:
        assert len(self.standing.resting(ALL) - self.ever_unreached) <= len(ALL) // 2

    @invariant()
    def every_rest_ends_in_a_trial(self) -> None:
        late = self.now + LONGEST_REST_S + OVERDUE_S + TRIAL_S
        for one in self.standing.resting(ALL):
            assert self.standing._may_be_tried(one, late, repeatable=False)


TestInstances = Instances.TestCase


@given(st.lists(st.tuples(st.sampled_from(AB), HOWS), max_size=40))
def test_of_two_that_answer_badly_one_always_stands(history: list[tuple[str, Failure]]) -> None:
    standing = OutlierDetector()
    for at, (one, how) in enumerate(history):
        standing.failed(one, at, at, Failure.LOST if how is Failure.UNREACHED else how)
        assert len(standing.resting(AB)) <= 1
