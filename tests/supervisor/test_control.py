"""The socket of a running supervisor: who may open it, what it takes, and what it answers."""

import asyncio
import json
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from serai.supervisor import control
from serai.supervisor.control import Listening, Refused, Say
from serai.supervisor.home import Home, write_json
from tests.supervisor.test_command import serai


async def echo(request: dict[str, Any], say: Say, listening: Listening) -> None:
    if "why" in request:
        raise Refused(request["why"])
    for word in request["words"]:
        say(word)


async def asked(path: Path, request: dict[str, Any]) -> list[str]:
    return await asyncio.to_thread(lambda: list(control.ask(path, request)))


async def test_says_what_is_done_and_is_gone_afterwards() -> None:
    async with control.listen(echo) as path:
        assert await asked(path, {"words": ["one", "two"]}) == ["one", "two"]
        with pytest.raises(Refused, match="not today"):
            await asked(path, {"why": "not today"})
    assert not path.parent.exists()
    with pytest.raises(Refused, match="does not answer"):
        await asked(path, {"words": []})


async def test_only_its_owner_may_open_it() -> None:
    async with control.listen(echo) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_its_path_is_short_enough_wherever_temporary_files_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with control.listen(echo) as path:
        assert await asked(path, {"words": ["heard"]}) == ["heard"]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"x" * 20_000 + b"\n", b"\xff\n", b"\n"])
async def test_what_is_no_request_is_refused(line: bytes) -> None:
    async with control.listen(echo) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        answer = json.loads(await asyncio.wait_for(reader.readline(), 10))
        assert answer == {"refused": "that is not a request"}
        writer.close()
        assert await asked(path, {"words": ["still here"]}) == ["still here"]


async def test_one_thing_is_done_at_a_time_and_nobody_waits_in_vain() -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def until_nobody_listens(request: dict[str, Any], say: Say, listening: Listening) -> None:
        begun.set()
        while listening():
            await asyncio.sleep(0.01)
        gone.set()

    async with asyncio.timeout(30), control.listen(until_nobody_listens) as path:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"{}\n")
        await begun.wait()
        with pytest.raises(Refused, match="another restart is under way"):
            await asked(path, {})
        writer.close()
        await gone.wait()


def test_the_socket_of_a_killed_supervisor_is_removed_and_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    left = tmp_path / "serai-control-x"
    left.mkdir()
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(left / "socket"))
    other = tmp_path / "precious"
    other.mkdir()
    for named in (left / "socket", other / "socket"):
        write_json(home.run, {"control": str(named)})
        control.forget(home)
    assert not left.exists()
    assert other.exists()


def test_restart_says_that_nothing_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    write_json(home.keys, {})
    answer = serai("restart", "order", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "is not running" in answer.stderr


def test_restart_says_that_the_shop_is_still_starting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    write_json(home.keys, {})
    write_json(home.run, {"phase": "starting", "control": ""})
    with home.lock():
        answer = serai("restart", "order", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "is starting" in answer.stderr
