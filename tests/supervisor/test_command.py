"""The command line: its output says what is wrong and what to do."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serai.chassis.process.ports import is_free
from serai.supervisor import keys, ports
from serai.supervisor.home import Home

pytestmark = pytest.mark.slow


def serai(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serai", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def port_in_use() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("command", ["up", "serve", "migrate", "seed", "status", "restart", "openapi"])
def test_every_command_has_help(command: str) -> None:
    answer = serai(command, "--help")
    assert answer.returncode == 0
    assert len(answer.stdout) > 150


def test_a_port_in_use_is_reported_before_anything_starts(tmp_path: Path, port_in_use: int) -> None:
    answer = serai("up", SERAI_HOME=str(tmp_path / "home"), SERAI_PORT=str(port_in_use))
    assert answer.returncode == 1
    assert f"port {port_in_use} on 127.0.0.1 is in use" in answer.stderr
    assert "SERAI_PORT=" in answer.stderr
    assert not (tmp_path / "home" / "postgres").exists()


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8080.0"])
def test_an_invalid_port_is_refused(tmp_path: Path, port: str) -> None:
    answer = serai("up", SERAI_HOME=str(tmp_path), SERAI_PORT=port)
    assert answer.returncode == 1
    assert "a number from 1 to 65535" in answer.stderr


def test_a_second_up_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    with home.lock():
        answer = serai("up", SERAI_HOME=str(tmp_path), SERAI_PORT=str(ports.find_free()))
    assert answer.returncode == 1
    assert "already running" in answer.stderr


def test_status_reports_a_missing_installation(tmp_path: Path) -> None:
    answer = serai("status", "--json", SERAI_HOME=str(tmp_path / "none"))
    assert answer.returncode == 1
    assert "there is no installation" in answer.stderr
    assert "make up" in answer.stderr


def test_status_reports_that_nothing_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    keys.load(home)
    answer = serai("status", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "is not running" in answer.stderr


@pytest.mark.parametrize("wrong", ["order", "order=0", "ordre=2", "postgres=2", "order=2,order=3"])
def test_a_wrong_number_of_replicas_is_refused(wrong: str) -> None:
    answer = serai("up", "--replicas", wrong)
    assert answer.returncode == 2
    assert "--replicas" in answer.stderr


def test_serve_lists_the_services() -> None:
    answer = serai("serve", "ordre")
    assert answer.returncode == 2
    assert "order" in answer.stderr


def test_migrate_refuses_a_service_without_a_database(tmp_path: Path) -> None:
    answer = serai("migrate", "monitoring", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "has no database" in answer.stderr


@pytest.mark.parametrize("command", ["status", "up"])
def test_the_light_commands_import_no_web_framework(command: str) -> None:
    program = (
        "import sys; from serai.supervisor import status, up; "
        "sys.exit(str({'litestar', 'asyncpg', 'granian', 'cryptography'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert answer.stderr.strip() == "set()"


def test_keys_are_stable_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    assert keys.load(home) == keys.load(home)
    assert keys.logins(home) == keys.logins(home)
    for file in (home.keys, home.logins):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    for home in (one, other):
        home.create()
        keys.logins(home)
    first, second = keys.load(one), keys.load(other)
    for name in ("postgres", "registry_token", "stripe", "webhook", "jwt_private"):
        assert getattr(first, name) != getattr(second, name)
    assert not set(first.seeds.values()) & set(second.seeds.values())
    assert not {login["password"] for login in keys.logins(one)} & {login["password"] for login in keys.logins(other)}


def test_the_public_key_set_has_no_private_key(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    loaded = keys.load(home)
    assert "d" in json.loads(loaded.jwt_private)["keys"][0]
    assert "d" not in json.loads(loaded.jwt_public)["keys"][0]


def test_ports_are_stable_and_one_in_use_is_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    first = ports.allocate(home)
    assert ports.allocate(home) == first
    with socket.create_server(("127.0.0.1", first["postgres"])):
        second = ports.allocate(home)
    assert second["postgres"] != first["postgres"]
    assert second["discovery"] == first["discovery"]


def test_a_free_port_is_not_in_the_ephemeral_range() -> None:
    lowest, highest = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    found = {ports.find_free() for _ in range(50)}
    assert len(found) > 25
    assert not found.intersection(range(lowest, highest + 1))
    assert all(is_free(port) for port in found)


def test_a_found_port_is_not_found_by_another_process() -> None:
    port = ports.find_free()
    program = f"""
from serai.supervisor import ports
ports._candidate_ports = lambda: range({port}, {port + 40})
print({port} in {{ports.find_free() for _ in range(20)}}, ports._reserve({port}))
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found == "False None\n"


def test_demo_orders_need_a_running_shop(tmp_path: Path) -> None:
    answer = serai("seed", "--orders", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "start the shop with `serai up` first" in answer.stderr
