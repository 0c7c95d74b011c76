"""A pytest plugin: the session stays, and runs for each mutant it is told the tests it is told.

`SERAI_MUTANTS_FOLDER` holds the mutated modules, which are imported instead of the real ones. Commands come from and
answers go to the two descriptors in `SERAI_MUTANTS_PIPES`, one JSON object a line. A test that takes longer than it is
given ends the process: there is no other way out of an endless loop.
"""

from __future__ import annotations

import faulthandler
import importlib.abc
import importlib.util
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

import hypothesis
import pytest
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

#: mutmut's name for a run in which the functions that are called are noted.
_TRACE = "stats"


class _MutatedModules(importlib.abc.MetaPathFinder):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._folder / f"{fullname}.py"
        return importlib.util.spec_from_file_location(fullname, file) if file.exists() else None


# When the plugin is loaded: before any conftest imports what is to be replaced.
sys.meta_path.insert(0, _MutatedModules(Path(os.environ["SERAI_MUTANTS_FOLDER"])))


class _Outcome:
    """Whether anything failed since it was last reset."""

    failed = False


def pytest_configure() -> None:
    hypothesis.settings.register_profile(
        "mutants",
        max_examples=50,
        # The same verdict each time, and no time spent on a small example that nobody reads.
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _Outcome.failed = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    if session.testsfailed:
        raise session.Interrupted("tests cannot be collected")
    items = {item.nodeid: item for item in session.items}
    commands, answers = (int(descriptor) for descriptor in os.environ["SERAI_MUTANTS_PIPES"].split(","))
    with os.fdopen(commands) as reader, os.fdopen(answers, "w", buffering=1) as writer:
        for line in reader:
            command = json.loads(line)
            answer = _trace(items) if command["mutant"] is None else _try(items, command, writer)
            writer.write(json.dumps(answer) + "\n")
    return True


def _trace(items: dict[str, pytest.Item]) -> dict[str, Any]:
    """Which tests call each function, how long each takes, and which fail without any mutant."""
    calls: dict[str, list[str]] = {}
    durations: dict[str, float] = {}
    failed = []
    set_mutant_under_test(_TRACE)
    for nodeid, item in items.items():
        state()._stats.clear()
        began = time.monotonic()
        if not _passes(item):
            failed.append(nodeid)
        durations[nodeid] = time.monotonic() - began
        for function in state()._stats:
            calls.setdefault(function, []).append(nodeid)
    return {"calls": calls, "durations": durations, "failed": failed}


def _try(items: dict[str, pytest.Item], command: dict[str, Any], writer: TextIO) -> dict[str, Any]:
    """The first test that fails, if one does, and whether it goes on failing without the mutant. Says which test it
    begins, for that may be the last that is heard of it."""
    for nodeid, limit_s in command["tests"]:
        writer.write(json.dumps({"begins": nodeid}) + "\n")
        faulthandler.dump_traceback_later(limit_s, exit=True)
        set_mutant_under_test(command["mutant"])
        passed = _passes(items[nodeid])
        set_mutant_under_test("")
        if not passed:
            is_broken = _shares_more_than_the_server(items[nodeid]) and not _passes(items[nodeid])
            faulthandler.cancel_dump_traceback_later()
            return {"killed_by": nodeid, "broken": is_broken}
    faulthandler.cancel_dump_traceback_later()
    return {"killed_by": None, "broken": False}


def _shares_more_than_the_server(item: pytest.Item) -> bool:
    """Whether a test's package has fixtures of the session, a running service say, that a mutant may have broken. What
    all tests share, `tests/conftest.py`, gives each a database of its own."""
    if not isinstance(item, pytest.Function):
        return False
    known = item._fixtureinfo.name2fixturedefs
    return any(made.scope == "session" and made.baseid.startswith("tests/") for name in known for made in known[name])


def _passes(item: pytest.Item) -> bool:
    _Outcome.failed = False
    # Everything of the test is torn down but what belongs to the session, which stands in for the next test.
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=cast(pytest.Item, item.session))
    return not _Outcome.failed
