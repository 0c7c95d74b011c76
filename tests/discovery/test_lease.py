from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serai.discovery import domain
from serai.discovery.domain import Lease, Registration, Status, Verdict
from tests.discovery.expected import spared

START = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=10)
REAP_AFTER = timedelta(seconds=60)
IDS = ("a", "b", "c", "d", "e")


def lease(status: Status = "passing", *, left_s: float = 10, maintenance: str | None = None) -> Lease:
    return Lease(status, START, TTL, START + timedelta(seconds=left_s), maintenance=maintenance)


def test_a_single_silent_instance_lapses_even_when_it_is_the_only_one() -> None:
    assert domain.judged({"a": lease(left_s=0)}, START).lapsed == {"a"}


def test_half_of_a_service_may_lapse_at_once() -> None:
    verdict = domain.judged({"a": lease(left_s=-1), "b": lease(left_s=0), "c": lease(), "d": lease()}, START)
    assert verdict == Verdict(lapsed=frozenset("ab"))


def test_more_than_half_of_a_service_is_kept() -> None:
    verdict = domain.judged({"a": lease(left_s=-1), "b": lease(left_s=0), "c": lease()}, START)
    assert verdict == Verdict(held=frozenset("ab"))


def test_a_mass_silence_is_recognised_by_the_first_lease_that_ends() -> None:
    """The beats of a service are spread over a third of the TTL, so its leases do not end in one sweep."""
    verdict = domain.judged({"a": lease(left_s=0), "b": lease(left_s=1), "c": lease(left_s=3)}, START)
    assert verdict == Verdict(held=frozenset("a"))


def test_those_in_maintenance_neither_count_nor_are_kept() -> None:
    verdict = domain.judged(
        {"a": lease(left_s=0), "b": lease(left_s=0, maintenance="draining"), "c": lease(), "d": lease(maintenance="x")},
        START,
    )
    assert verdict.lapsed == {"a", "b"}


def test_the_guard_lets_go_once_replacements_are_there() -> None:
    silent = {"a": lease(left_s=-60), "b": lease(left_s=-60)}
    assert domain.judged(silent, START).held == {"a", "b"}
    assert domain.judged(silent | {"c": lease(), "d": lease()}, START).lapsed == {"a", "b"}


def test_maintenance_covers_what_the_check_says_until_it_is_lifted() -> None:
    covered = domain.maintained(lease("warning"), "draining")
    assert covered.standing == "maintenance"
    assert domain.maintained(domain.reported(covered, "passing", START), None).standing == "passing"


def test_an_instance_is_reaped_only_after_its_own_time_as_critical() -> None:
    dead = Lease("critical", START, TTL, START, reap_after=timedelta(seconds=60))
    assert domain.judged({"a": dead}, START + timedelta(seconds=59)).reaped == set()
    assert domain.judged({"a": dead}, START + timedelta(seconds=60)).reaped == {"a"}


def test_after_an_outage_of_the_registry_everybody_has_a_whole_ttl() -> None:
    assert spared(lease(left_s=-300), START).expires_at == START + TTL
    assert spared(lease(left_s=12), START).expires_at == START + timedelta(seconds=12)
    assert spared(lease("critical", left_s=-300), START) == lease("critical", left_s=-300)


class Leases(RuleBasedStateMachine):
    """A service whose instances come, beat, fall silent and go, under a clock that only the rules move."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.leases: dict[str, Lease] = {}
        self.heard_at: dict[str, datetime] = {}
        self.critical_since: dict[str, datetime] = {}

    @rule(id_=st.sampled_from(IDS), status=st.sampled_from(["passing", "critical"]), reaps=st.booleans())
    def join(self, id_: str, status: Status, reaps: bool) -> None:
        registration = Registration(id_, "product", "10.0.0.1", 80, ttl=TTL, reap_after=REAP_AFTER if reaps else None)
        self.leases[id_] = domain.granted(registration, status, self.now)
        self.heard_at[id_] = self.now
        self.critical_since.pop(id_, None)
        self.note(id_)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        del self.leases[data.draw(st.sampled_from(sorted(self.leases)))]

    def note(self, id_: str) -> None:
        if self.leases[id_].status == "critical":
            self.critical_since.setdefault(id_, self.now)
        else:
            self.critical_since.pop(id_, None)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), status=st.sampled_from(["passing", "warning", "critical"]))
    def beat(self, data: st.DataObject, status: Status) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.leases)))
        before, after = self.leases[id_], domain.reported(self.leases[id_], status, self.now)
        assert domain.looks_different(before, after) == (before.status != status)
        assert (after.since == before.since) or before.status != status
        self.leases[id_], self.heard_at[id_] = after, self.now
        self.note(id_)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), reason=st.sampled_from([None, "draining"]))
    def maintain(self, data: st.DataObject, reason: str | None) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.leases)))
        self.leases[id_] = domain.maintained(self.leases[id_], reason)

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def outage(self) -> None:
        self.now += timedelta(hours=1)
        self.leases = {id_: spared(lease, self.now) for id_, lease in self.leases.items()}
        assert not domain.judged(self.leases, self.now).lapsed

    @rule()
    def sweep(self) -> None:
        verdict = domain.judged(self.leases, self.now)
        overdue = {id_ for id_, lease in self.leases.items() if lease.overdue(self.now)}
        assert verdict.lapsed | verdict.held == overdue
        assert not verdict.lapsed & verdict.held
        assert all(self.now - self.heard_at[id_] >= TTL for id_ in overdue)
        assert verdict.reaped == {
            id_
            for id_, lease in self.leases.items()
            if lease.status == "critical" and lease.reap_after and self.now - self.critical_since[id_] >= REAP_AFTER
        }
        serving = {i for i, one in self.leases.items() if one.status != "critical" and one.maintenance is None}
        lost = verdict.lapsed & serving
        assert len(lost) <= max(1, len(serving) / 2)
        for id_ in verdict.lapsed:
            self.leases[id_] = domain.lapsed(self.leases[id_], self.now)
            self.note(id_)
        for id_ in verdict.reaped:
            del self.leases[id_]
        again = domain.judged(self.leases, self.now)
        assert not again.reaped
        assert again.held | again.lapsed == verdict.held

    @invariant()
    def whoever_was_heard_in_time_is_not_overdue(self) -> None:
        for id_, one in self.leases.items():
            assert not (one.overdue(self.now) and self.now - self.heard_at[id_] < TTL)

    @invariant()
    def every_lease_stands_somewhere(self) -> None:
        for one in self.leases.values():
            assert one.standing in ("passing", "warning", "critical", "maintenance")
            assert (one.standing == "maintenance") == (one.maintenance is not None)
            assert one.held_since is None or one.status != "critical"


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
