"""The whole shop's beginning and end: nothing is left behind, whatever ends it, and the next start heals."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from serai import topology
from serai.supervisor import ports
from tools.shop.system import NO_LIMITS, NO_PAST, System, running_system

NOBODY = pwd.getpwnam("nobody").pw_uid
EXPECTED = {"postgres", "discovery", "sandbox", "gateway", *(service.name for service in topology.SERVICES)}


def make_system(folder: Path, name: str = "home", environ: dict[str, str] | None = None) -> System:
    return System(folder / name, ports.find_free(), {**NO_LIMITS, **NO_PAST, **(environ or {})})


def assert_gone(processes: list[psutil.Process], timeout_s: float = 10.0) -> None:
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One for all tests of this module that do not need a new one: a start takes twenty seconds of processor time."""
    system = make_system(tmp_path_factory.mktemp("lifecycle"))
    yield system
    system.stop()


@pytest.fixture
def started(installation: System) -> System:
    """The installation, ready. It is started again where the test before has stopped it."""
    if installation.process is None or installation.process.poll() is not None:
        installation.start()
    installation.wait_ready()
    return installation


def test_a_killed_supervisor_leaves_nothing_running_and_the_next_start_heals(started: System) -> None:
    started.signed_in("customer").close()
    left = started.processes()[1:]
    assert started.process is not None
    started.process.kill()
    started.process.wait()
    assert_gone(left)
    started.start("--replicas", "order=2")
    started.wait_ready()
    assert {row["name"] for row in started.status()["services"]} == EXPECTED
    assert sorted(row["instance"] for row in started.rows("order")) == ["order-1", "order-2"]
    # The account of before is still there: the same data, and the same keys.
    started.signed_in("customer").close()


def test_whatever_dies_is_started_again(started: System) -> None:
    for name in ("cart", "postgres", "discovery", "gateway", "sandbox"):
        killed = started.kill(name)
        started.wait_for(
            f"{name} to be back", lambda name=name, killed=killed: started.rows(name)[0]["pid"] not in (None, killed)
        )
    started.wait_ready()
    with started.client() as client:
        started.wait_for("the catalogue to be served", lambda: client.get("/api/products").status_code == 200, 10.0)


def test_a_stop_is_heard_though_it_was_ignored_when_we_were_started(tmp_path: Path) -> None:
    """As a background shell or nohup starts programs; and as a user that is not root."""
    system = make_system(tmp_path)
    system.home.mkdir()
    command = [sys.executable, "-m", "serai", "up"]
    if os.geteuid() == 0:
        # May read what root keeps closed (this checkout, the interpreter), and is otherwise nobody special.
        tool = shutil.which("setpriv")
        assert tool is not None
        rights = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        command = [tool, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *rights, *command]
        os.chown(system.home, NOBODY, NOBODY)
    shell = 'trap "" INT TERM HUP; exec "$@"'
    with system.output.open("ab") as output:
        system.process = subprocess.Popen(
            ["/bin/sh", "-c", shell, "sh", *command],
            env={**system.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        system.wait_ready()
        running = system.processes()
        assert all(process.uids().effective != 0 for process in running)
        assert system.stop(signal.SIGINT) < 15
        assert_gone(running, timeout_s=0.5)
    finally:
        with suppress(AssertionError):
            system.stop()


def test_two_installations_run_side_by_side(started: System, tmp_path: Path) -> None:
    one = started
    with running_system(tmp_path / "two") as two:
        pids = [{row["pid"] for row in each.status()["services"]} for each in (one, two)]
        assert not pids[0] & pids[1]
        stranger = httpx.post(
            f"{two.url}/api/auth/login",
            json={"email": one.login("admin")["email"], "password": one.login("admin")["password"]},
            trust_env=False,
        )
        assert stranger.status_code == 401
        one.stop()
        with two.client() as client:
            assert client.get("/api/products").status_code == 200
