from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from serai.discovery import domain
from serai.discovery.domain import Lease, Registration, Status, SweepDecision
from tests.discovery.lease_rules import expired, extended

START = datetime(2026, 1, 1, tzinfo=UTC)
TTL = timedelta(seconds=10)
REAP_AFTER = timedelta(seconds=60)
IDS = ("a", "b", "c", "d", "e")


def lease(status: Status = "passing", *, left_s: float = 10, maintenance: str | None = None) -> Lease:
    return Lease(status, START, TTL, START + timedelta(seconds=left_s), maintenance=maintenance)


def test_a_single_silent_instance_expires_even_if_it_is_the_only_one() -> None:
    assert domain.decide_sweep({"a": lease(left_s=0)}, START).expired == {"a"}


def test_half_of_a_service_may_expire_in_one_sweep() -> None:
    decision = domain.decide_sweep({"a": lease(left_s=-1), "b": lease(left_s=0), "c": lease(), "d": lease()}, START)
    assert decision == SweepDecision(expired=frozenset("ab"))


def test_more_than_half_of_a_service_is_protected() -> None:
    decision = domain.decide_sweep({"a": lease(left_s=-1), "b": lease(left_s=0), "c": lease()}, START)
    assert decision == SweepDecision(protected=frozenset("ab"))


def test_mass_expiry_is_detected_at_the_first_lease_that_expires() -> None:
    """The heartbeats of a service are spread over a third of the TTL, so its leases do not expire in one sweep."""
    decision = domain.decide_sweep({"a": lease(left_s=0), "b": lease(left_s=1), "c": lease(left_s=3)}, START)
    assert decision == SweepDecision(protected=frozenset("a"))


def test_instances_in_maintenance_neither_count_nor_are_protected() -> None:
    decision = domain.decide_sweep(
        {"a": lease(left_s=0), "b": lease(left_s=0, maintenance="draining"), "c": lease(), "d": lease(maintenance="x")},
        START,
    )
    assert decision.expired == {"a", "b"}


def test_the_guard_ends_when_there_are_replacements() -> None:
    silent = {"a": lease(left_s=-60), "b": lease(left_s=-60)}
    assert domain.decide_sweep(silent, START).protected == {"a", "b"}
    assert domain.decide_sweep(silent | {"c": lease(), "d": lease()}, START).expired == {"a", "b"}


def test_maintenance_overrides_the_status_of_the_check() -> None:
    in_maintenance = domain.with_maintenance(lease("warning"), "draining")
    assert in_maintenance.health == "maintenance"
    assert domain.with_maintenance(domain.with_report(in_maintenance, "passing", START), None).health == "passing"


def test_an_instance_is_reaped_only_after_its_reap_after() -> None:
    dead = Lease("critical", START, TTL, START, reap_after=timedelta(seconds=60))
    assert domain.decide_sweep({"a": dead}, START + timedelta(seconds=59)).reaped == set()
    assert domain.decide_sweep({"a": dead}, START + timedelta(seconds=60)).reaped == {"a"}


def test_after_an_outage_of_the_registry_every_lease_gets_a_full_ttl() -> None:
    assert extended(lease(left_s=-300), START).expires_at == START + TTL
    assert extended(lease(left_s=12), START).expires_at == START + timedelta(seconds=12)
    assert extended(lease("critical", left_s=-300), START) == lease("critical", left_s=-300)


class Leases(RuleBasedStateMachine):
    """A service whose instances register, send heartbeats, stop and leave. Only the rules advance the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.leases: dict[str, Lease] = {}
        self.heard_at: dict[str, datetime] = {}
        self.critical_since: dict[str, datetime] = {}

    @rule(id_=st.sampled_from(IDS), status=st.sampled_from(["passing", "critical"]), reaps=st.booleans())
    def join(self, id_: str, status: Status, reaps: bool) -> None:
        registration = Registration(id_, "product", "10.0.0.1", 80, ttl=TTL, reap_after=REAP_AFTER if reaps else None)
        self.leases[id_] = domain.new_lease(registration, status, self.now)
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
        before, after = self.leases[id_], domain.with_report(self.leases[id_], status, self.now)
        assert domain.is_visible_change(before, after) == (before.status != status)
        assert (after.since == before.since) or before.status != status
        self.leases[id_], self.heard_at[id_] = after, self.now
        self.note(id_)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), reason=st.sampled_from([None, "draining"]))
    def maintain(self, data: st.DataObject, reason: str | None) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.leases)))
        self.leases[id_] = domain.with_maintenance(self.leases[id_], reason)

    @rule(seconds=st.floats(0, 30))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def outage(self) -> None:
        self.now += timedelta(hours=1)
        self.leases = {id_: extended(lease, self.now) for id_, lease in self.leases.items()}
        assert not domain.decide_sweep(self.leases, self.now).expired

    @rule()
    def sweep(self) -> None:
        decision = domain.decide_sweep(self.leases, self.now)
        is_overdue = {id_ for id_, lease in self.leases.items() if lease.is_overdue(self.now)}
        assert decision.expired | decision.protected == is_overdue
        assert not decision.expired & decision.protected
        assert all(self.now - self.heard_at[id_] >= TTL for id_ in is_overdue)
        assert decision.reaped == {
            id_
            for id_, lease in self.leases.items()
            if lease.status == "critical" and lease.reap_after and self.now - self.critical_since[id_] >= REAP_AFTER
        }
        serving = {i for i, one in self.leases.items() if one.status != "critical" and one.maintenance is None}
        lost = decision.expired & serving
        assert len(lost) <= max(1, len(serving) / 2)
        for id_ in decision.expired:
            self.leases[id_] = expired(self.leases[id_], self.now)
            self.note(id_)
        for id_ in decision.reaped:
            del self.leases[id_]
        again = domain.decide_sweep(self.leases, self.now)
        assert not again.reaped
        assert again.protected | again.expired == decision.protected

    @invariant()
    def an_instance_heard_within_its_ttl_is_not_overdue(self) -> None:
        for id_, one in self.leases.items():
            assert not (one.is_overdue(self.now) and self.now - self.heard_at[id_] < TTL)

    @invariant()
    def every_lease_has_a_consistent_health(self) -> None:
        for one in self.leases.values():
            assert one.health in ("passing", "warning", "critical", "maintenance")
            assert (one.health == "maintenance") == (one.maintenance is not None)
            assert one.protected_since is None or one.status != "critical"


TestLeases = Leases.TestCase
TestLeases.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
