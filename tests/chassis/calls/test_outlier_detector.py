"""When instances are ejected and restored, for any history of calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from serai.chassis.calls.outlier_detector import (
    BASE_EJECTION_S,
    CONSECUTIVE_ERRORS,
    MAX_EJECTION_S,
    MIN_TIMEOUT_S,
    MIN_WINDOW_CALLS,
    TRIAL_OVERDUE_S,
    TRIAL_S,
    WINDOW_CALLS,
    Failure,
    OutlierDetector,
)

AB = ["a", "b"]
ALL = ["a", "b", "c", "d", "e"]
FAILURES = st.sampled_from(list(Failure))


def candidates(detector: OutlierDetector, now: float, known: list[str] = AB, *, repeatable: bool = True) -> list[str]:
    return list(detector.candidates(known, now, repeatable=repeatable))


def test_an_unreachable_instance_is_ejected_immediately() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, 0.0, Failure.UNREACHABLE)
    assert candidates(detector, 0.1) == ["b"]


def test_consecutive_errors_eject_an_instance() -> None:
    detector = OutlierDetector()
    for at in range(CONSECUTIVE_ERRORS):
        assert candidates(detector, at) == AB
        detector.record_failure("a", at, at, Failure.ERROR)
    assert candidates(detector, CONSECUTIVE_ERRORS) == ["b"]


def ejected_after(pattern: str) -> int | None:
    """The number of calls after which an instance is ejected that succeeds (.) and fails (x) in this repeated
    pattern."""
    detector = OutlierDetector()
    for at in range(3 * WINDOW_CALLS):
        if pattern[at % len(pattern)] == "x":
            detector.record_failure("a", at, at, Failure.ERROR)
        else:
            detector.record_success("a", at, at)
        if detector.ejected(AB):
            return at + 1
    return None


def test_a_large_share_of_errors_ejects_an_instance_and_a_small_one_does_not() -> None:
    assert ejected_after("x") == CONSECUTIVE_ERRORS
    # Too few calls say nothing about a share.
    assert ejected_after(".x") == MIN_WINDOW_CALLS
    assert ejected_after("..x") is None


def test_a_timeout_does_not_eject_an_instance_that_answered_another_call_meanwhile() -> None:
    detector = OutlierDetector()
    detector.record_success("a", 0.5, 0.9)
    detector.record_failure("a", 0.0, 1.0, Failure.TIMEOUT)
    assert candidates(detector, 1.0) == AB
    detector.record_failure("a", 1.0, 2.0, Failure.TIMEOUT)
    assert candidates(detector, 2.0) == ["b"]


def test_a_call_with_a_very_short_timeout_says_nothing() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, MIN_TIMEOUT_S / 2, Failure.TIMEOUT)
    assert candidates(detector, 1.0) == AB


def test_ejections_double_up_to_a_maximum_and_reset_after_a_good_period() -> None:
    detector = OutlierDetector()
    now, rests = 0.0, []
    for _ in range(7):
        detector.record_failure("a", now, now, Failure.UNHEALTHY)
        began = now
        while candidates(detector, now) != ["a"]:
            now += 0.25
        rests.append(now - began)
    assert rests == [3, 6, 12, 24, 48, 48, 48]
    detector.record_success("a", now, now)
    now += MAX_EJECTION_S + 1
    detector.record_failure("a", now, now, Failure.UNHEALTHY)
    assert candidates(detector, now + BASE_EJECTION_S) == ["a"]


def test_one_trial_call_goes_to_an_instance_after_its_ejection() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, 0.0, Failure.UNHEALTHY)
    over = BASE_EJECTION_S
    assert candidates(detector, over) == ["a"]
    assert candidates(detector, over) == ["b"]
    # That trial call never ended.
    assert candidates(detector, over + TRIAL_S) == ["a"]
    detector.record_success("a", over + TRIAL_S, over + TRIAL_S)
    assert candidates(detector, over + TRIAL_S) == AB


def test_a_call_that_cannot_be_repeated_is_a_trial_only_when_overdue() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, 0.0, Failure.UNHEALTHY)
    assert candidates(detector, BASE_EJECTION_S, repeatable=False) == ["b"]
    assert candidates(detector, BASE_EJECTION_S + TRIAL_OVERDUE_S, repeatable=False) == ["a"]


def test_a_call_that_began_before_an_ejection_neither_ends_nor_extends_it() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, 1.0, Failure.UNHEALTHY)
    for _ in range(10):
        detector.record_failure("a", 0.5, 1.1, Failure.UNHEALTHY)
    detector.record_success("a", 0.5, 1.2)
    assert candidates(detector, 1.3) == ["b"]
    assert candidates(detector, 1.0 + BASE_EJECTION_S) == ["a"]


def test_the_only_instance_is_called_even_when_ejected() -> None:
    detector = OutlierDetector()
    detector.record_failure("a", 0.0, 0.0, Failure.UNREACHABLE)
    assert candidates(detector, 0.1, ["a"]) == ["a"]


def test_instances_tried_before_are_avoided_while_there_are_others() -> None:
    detector = OutlierDetector()
    assert list(detector.candidates(AB, 0.0, repeatable=True, avoid=["a"])) == ["b"]
    assert list(detector.candidates(AB, 0.0, repeatable=True, avoid=AB)) == AB


def test_instances_that_have_gone_are_dropped() -> None:
    detector = OutlierDetector()
    for number in range(1000):
        detector.record_failure(f"gone-{number}", 0.0, 0.0, Failure.UNHEALTHY)
        detector.candidates(AB, 0.0, repeatable=True)
    assert len(detector._records) <= 2 * len(AB) + 17


class Instances(RuleBasedStateMachine):
    """Any history of five instances."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = OutlierDetector()
        self.now = 0.0
        self.ever_unreached: set[str] = set()

    @rule(seconds=st.floats(0, 60))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(instance=st.sampled_from(ALL), took=st.floats(0, 5), failure=FAILURES)
    def fails(self, instance: str, took: float, failure: Failure) -> None:
        if failure is Failure.UNREACHABLE:
            self.ever_unreached.add(instance)
        self.detector.record_failure(instance, self.now - took, self.now, failure)

    @rule(instance=st.sampled_from(ALL), took=st.floats(0, 5))
    def answers(self, instance: str, took: float) -> None:
        self.detector.record_success(instance, self.now - took, self.now)

    @rule(repeatable=st.booleans(), avoid=st.sets(st.sampled_from(ALL)))
    def a_call_is_made(self, repeatable: bool, avoid: set[str]) -> None:
        found = self.detector.candidates(ALL, self.now, repeatable=repeatable, avoid=avoid)
        assert found
        assert set(found) <= set(ALL)
        assert avoid == set(ALL) or not avoid & set(found)

    @rule(instance=st.sampled_from(ALL))
    def a_success_after_the_ejection_began_ends_it(self, instance: str) -> None:
        self.detector.record_success(instance, self.now, self.now)
        assert instance not in self.detector.ejected(ALL)

    @invariant()
    def at_most_half_of_the_reachable_instances_are_ejected(self) -> None:
        assert len(self.detector.ejected(ALL) - self.ever_unreached) <= len(ALL) // 2

    @invariant()
    def every_ejection_ends_in_a_trial(self) -> None:
        late = self.now + MAX_EJECTION_S + TRIAL_OVERDUE_S + TRIAL_S
        for instance in self.detector.ejected(ALL):
            assert self.detector._may_be_tried(instance, late, repeatable=False)


TestInstances = Instances.TestCase


@given(st.lists(st.tuples(st.sampled_from(AB), FAILURES), max_size=40))
def test_of_two_instances_with_errors_at_most_one_is_ejected(history: list[tuple[str, Failure]]) -> None:
    detector = OutlierDetector()
    for at, (instance, failure) in enumerate(history):
        detector.record_failure(instance, at, at, Failure.UNHEALTHY if failure is Failure.UNREACHABLE else failure)
        assert len(detector.ejected(AB)) <= 1
