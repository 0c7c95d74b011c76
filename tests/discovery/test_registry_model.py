"""A model-based test: after random sequences of actions, the registry agrees with a model of a few lines.

The clock is the database's. Instead of the clock, the test moves the stored times into the past. Its time spans are so
long that the duration of the test does not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from serai.chassis.data.database import Database
from serai.discovery import actions
from serai.discovery import store as statements
from serai.discovery.actions import SweepResult
from serai.discovery.domain import Registration, Status, UnknownCheck, UnknownInstance
from tests.discovery.test_expiry import pass_time

pytestmark = pytest.mark.slow

T = TypeVar("T")

NAMES = ("a", "b", "c", "d", "e")
IDS = st.sampled_from(NAMES)
SERVICES = ("product", "user")
STATUSES = st.sampled_from(("passing", "passing", "warning", "critical"))
TTL_S, REAP_S, OUTAGE_S = 1000, 3000, 100_000
#: What clients see of a service: registration, status and maintenance of each instance.
Shown = dict[str, tuple[Registration, Status, str | None]]


@dataclass
class ModelInstance:
    registration: Registration
    status: Status
    #: Seconds since it was heard, and since its status changed.
    silent_s: int = 0
    same_s: int = 0
    maintenance: str | None = None

    def set_status(self, status: Status) -> None:
        if status != self.status:
            self.status, self.same_s = status, 0

    @property
    def is_overdue(self) -> bool:
        return self.status != "critical" and self.silent_s >= TTL_S

    @property
    def serves(self) -> bool:
        return self.status != "critical" and self.maintenance is None

    @property
    def is_reapable(self) -> bool:
        return self.status == "critical" and self.registration.reap_after is not None and self.same_s >= REAP_S


@dataclass
class Model:
    instances: dict[str, ModelInstance] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)

    def sweep(self) -> SweepResult:
        expired, reaped, protected = [], [], []
        for service in SERVICES:
            ours = {id_: one for id_, one in self.instances.items() if one.registration.service == service}
            serving = [one for one in ours.values() if one.serves]
            silent = [one for one in serving if one.silent_s > TTL_S * 2 / 3]
            keeps = len(silent) > 1 and len(silent) > len(serving) / 2
            reaped += [id_ for id_, one in ours.items() if one.is_reapable]
            for id_, one in ours.items():
                if one.is_overdue and keeps and one.serves:
                    protected.append(id_)
                elif one.is_overdue:
                    expired.append(id_)
        for id_ in expired:
            self.instances[id_].set_status("critical")
            self.protected.discard(id_)
        for id_ in reaped:
            del self.instances[id_]
        changed = [id_ for id_ in protected if id_ not in self.protected]
        self.protected |= set(changed)
        return SweepResult(tuple(sorted(expired)), tuple(sorted(reaped)), tuple(sorted(changed)))

    def shown(self, service: str) -> Shown:
        return {
            id_: (one.registration, one.status, one.maintenance)
            for id_, one in self.instances.items()
            if one.registration.service == service
        }


class Registry(RuleBasedStateMachine):
    """The registry's actions on PostgreSQL, compared with the model."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        super().__init__()
        self._runner = runner
        self._database = database
        self._model = Model()

    @initialize(ids=st.sets(IDS), reaps=st.booleans())
    def begin(self, ids: set[str], reaps: bool) -> None:
        async def empty() -> None:
            async with self._database.transaction() as conn:
                await conn.execute("truncate instance, service_index")
                await conn.execute("update sweep set swept_at = clock_timestamp()")

        self._run(empty())
        self._index, self._shown = self._look()
        for id_ in sorted(ids):
            self.register(id_, "product", "passing", "1", reaps)

    @rule(
        id_=IDS,
        service=st.sampled_from(("product", "product", "product", "user")),
        status=STATUSES,
        version=st.sampled_from("12"),
        reaps=st.booleans(),
    )
    def register(self, id_: str, service: str, status: Status, version: str, reaps: bool) -> None:
        registration = Registration(
            id_,
            service,
            "10.0.0.1",
            80,
            meta={"version": version},
            check_id=f"service:{id_}",
            ttl=timedelta(seconds=TTL_S),
            reap_after=timedelta(seconds=REAP_S) if reaps else None,
        )
        self._run(actions.register(self._database, registration, status))
        self._note(id_, registration, status)

    @rule(id_=IDS)
    def register_the_same_again(self, id_: str) -> None:
        if known := self._model.instances.get(id_):
            self._run(actions.register(self._database, known.registration, None))
            known.silent_s = 0
            self._model.protected.discard(id_)
            # Registering again ends maintenance, and the instance starts as critical.
            if known.maintenance is not None:
                self._note(id_, known.registration, "critical")
        self._check()

    @rule(id_=IDS, status=STATUSES)
    def report(self, id_: str, status: Status) -> None:
        known = self._model.instances.get(id_)
        try:
            self._run(actions.report(self._database, f"service:{id_}", status, "said so"))
        except UnknownCheck:
            assert known is None
        else:
            assert known is not None
            known.silent_s = 0
            known.set_status(status)
            self._model.protected.discard(id_)
        self._check()

    @rule(id_=IDS, reason=st.sampled_from((None, "draining", "an exercise")))
    def maintain(self, id_: str, reason: str | None) -> None:
        known = self._model.instances.get(id_)
        try:
            self._run(actions.maintain(self._database, id_, reason))
        except UnknownInstance:
            assert known is None
        else:
            assert known is not None
            known.maintenance = reason
        self._check()

    @rule(id_=IDS)
    def deregister(self, id_: str) -> None:
        try:
            self._run(actions.deregister(self._database, id_))
        except UnknownInstance:
            assert id_ not in self._model.instances
        else:
            del self._model.instances[id_]
            self._model.protected.discard(id_)
        self._check()

    @rule(seconds=st.sampled_from((100, 300, 500, 900, 1000, 3000)), heard=st.sets(IDS))
    def time_passes(self, seconds: int, heard: set[str]) -> None:
        """Some instances send heartbeats meanwhile; then a sweep runs."""
        self._pass(seconds, unattended=False)
        self._check()
        for id_ in sorted(heard):
            self.report(id_, "passing")
        self.sweep()

    @rule()
    def sweep(self) -> None:
        result = self._sweep()
        assert (
            SweepResult(*(tuple(sorted(ids)) for ids in (result.expired, result.reaped, result.protected)))
            == self._model.sweep()
        )
        self._check()

    @rule()
    def outage(self) -> None:
        """No sweep ran and no heartbeat arrived. The next sweep must not expire anything."""
        self._pass(OUTAGE_S, unattended=True)
        assert self._sweep() == SweepResult()
        for one in self._model.instances.values():
            if one.status != "critical":
                one.silent_s = 0
        self._check()

    def _note(self, id_: str, registration: Registration, status: Status) -> None:
        known = self._model.instances.get(id_)
        if known is not None and known.registration == registration and known.maintenance is None:
            known.silent_s = 0
            known.set_status(status)
        else:
            self._model.instances[id_] = ModelInstance(registration, status)
        self._model.protected.discard(id_)
        self._check()

    def _check(self) -> None:
        """The registry agrees with the model, and an index changed exactly if what clients see has changed."""
        index, shown = self._look()
        for service in SERVICES:
            assert shown[service] == self._model.shown(service)
            assert index[service] >= self._index[service]
            assert (index[service] != self._index[service]) == (shown[service] != self._shown[service]), service
        self._index, self._shown = index, shown

    def _look(self) -> tuple[dict[str, int], dict[str, Shown]]:
        async def look() -> tuple[dict[str, int], dict[str, Shown]]:
            index, shown = {}, {}
            async with self._database.connection() as conn:
                for service in SERVICES:
                    snapshot = await statements.snapshot_of(conn, service)
                    index[service] = snapshot.index
                    shown[service] = {
                        one.registration.id: (one.registration, one.lease.status, one.lease.maintenance)
                        for one in snapshot.instances
                    }
            return index, shown

        return self._run(look())

    def _pass(self, seconds: int, *, unattended: bool) -> None:
        self._run(pass_time(self._database, timedelta(seconds=seconds), unattended=unattended))
        for one in self._model.instances.values():
            one.silent_s += seconds
            one.same_s += seconds

    def _sweep(self) -> SweepResult:
        return self._run(actions.sweep(self._database, timedelta(seconds=OUTAGE_S / 2)))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


def test_the_registry_agrees_with_the_model(database: Callable[[str], str]) -> None:
    opened = Database(database("discovery"), size=2)
    with asyncio.Runner() as runner:

        class Machine(Registry):
            def __init__(self) -> None:
                super().__init__(runner, opened)

        runner.run(opened.open())
        try:
            run_state_machine_as_test(
                Machine, settings=settings(max_examples=20, stateful_step_count=30, deadline=None)
            )
        finally:
            runner.run(opened.close())
