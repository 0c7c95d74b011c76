"""The control socket of a running supervisor: permissions, requests and responses."""

import asyncio
import json
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from serai.supervisor import control
from serai.supervisor.control import IsListening, Refused, Say
from serai.supervisor.home import Home, write_json
from tests.supervisor.test_command import serai


async def echo(request: dict[str, Any], say: Say, is_listening: IsListening) -> None:
    if "reason" in request:
        raise Refused(request["reason"])
    for word in request["words"]:
        say(word)


async def send(path: Path, request: dict[str, Any]) -> list[str]:
    return await asyncio.to_thread(lambda: list(control.send_request(path, request)))


async def test_reports_progress_and_is_removed_afterwards() -> None:
    async with control.listen(echo) as path:
        assert await send(path, {"words": ["one", "two"]}) == ["one", "two"]
        with pytest.raises(Refused, match="not today"):
            await send(path, {"reason": "not today"})
    assert not path.parent.exists()
    with pytest.raises(Refused, match="does not answer"):
        await send(path, {"words": []})


async def test_only_its_owner_may_open_it() -> None:
    async with control.listen(echo) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_its_path_is_short_enough_with_any_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with control.listen(echo) as path:
        assert await send(path, {"words": ["heard"]}) == ["heard"]


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"x" * 20_000 + b"\n", b"\xff\n", b"\n"])
async def test_refuses_a_malformed_request(line: bytes) -> None:
    async with control.listen(echo) as path:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        answer = json.loads(await asyncio.wait_for(reader.readline(), 10))
        assert answer == {"refused": "the request is malformed"}
        writer.close()
        assert await send(path, {"words": ["still here"]}) == ["still here"]


async def test_handles_one_request_at_a_time_and_notices_a_disconnect() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def until_disconnected(request: dict[str, Any], say: Say, is_listening: IsListening) -> None:
        started.set()
        while is_listening():
            await asyncio.sleep(0.01)
        ended.set()

    async with asyncio.timeout(30), control.listen(until_disconnected) as path:
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"{}\n")
        await started.wait()
        with pytest.raises(Refused, match="another restart is in progress"):
            await send(path, {})
        writer.close()
        await ended.wait()


def test_the_socket_of_a_killed_supervisor_is_removed_and_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    stale = tmp_path / "serai-control-x"
    stale.mkdir()
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(stale / "socket"))
    other = tmp_path / "precious"
    other.mkdir()
    for recorded in (stale / "socket", other / "socket"):
        write_json(home.run, {"control": str(recorded)})
        control.remove_stale_socket(home)
    assert not stale.exists()
    assert other.exists()


def test_restart_reports_that_the_shop_is_not_running(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    write_json(home.keys, {})
    answer = serai("restart", "order", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "is not running" in answer.stderr


def test_restart_reports_that_the_shop_is_starting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    write_json(home.keys, {})
    write_json(home.run, {"phase": "starting", "control": ""})
    with home.lock():
        answer = serai("restart", "order", SERAI_HOME=str(tmp_path))
    assert answer.returncode == 1
    assert "is starting" in answer.stderr
