"""How many small transactions per second PostgreSQL commits durably on this machine."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from urllib.parse import urlsplit

import asyncpg

from serai.supervisor import postgres
from tools.bench.figures import Load, LoadFailed

DATABASE = "bench"
SCALE = 10
SQL_TIMEOUT_S = 60.0


class Commits:
    """A target: pgbench's simple updates, in a separate database on the shop's server."""

    name = "commits"
    client = "pgbench"

    def __init__(self, admin_url: str, connections: int) -> None:
        parts = urlsplit(admin_url)
        self._admin_url = admin_url
        self._connections = connections
        self._environ = {
            **os.environ,
            "PGHOST": parts.hostname or "",
            "PGPORT": str(parts.port),
            "PGUSER": parts.username or "",
            "PGPASSWORD": parts.password or "",
        }

    def prepare(self) -> None:
        self._sql(f"create database {DATABASE}")
        self._pgbench("--initialize", "--quiet", f"--scale={SCALE}", timeout_s=SQL_TIMEOUT_S)

    def drop(self) -> None:
        self._sql(f"drop database if exists {DATABASE} with (force)")

    def run(self, seconds: float, turn: int) -> Load:
        whole = max(1, round(seconds))
        load = ["--skip-some-updates", "--protocol=prepared", f"--client={self._connections}", "--jobs=1"]
        return parse(self._pgbench(*load, "--no-vacuum", f"--time={whole}", timeout_s=whole + 30))

    def _sql(self, statement: str) -> None:
        asyncio.run(self._execute(statement))

    async def _execute(self, statement: str) -> None:
        conn = await asyncpg.connect(self._admin_url, timeout=SQL_TIMEOUT_S)
        try:
            await conn.execute(statement, timeout=SQL_TIMEOUT_S)
        finally:
            await conn.close(timeout=SQL_TIMEOUT_S)

    def _pgbench(self, *arguments: str, timeout_s: float) -> str:
        program = str(postgres.bin_folder() / "pgbench")
        try:
            done = subprocess.run(
                [program, *arguments, DATABASE], env=self._environ, capture_output=True, text=True, timeout=timeout_s
            )
        except subprocess.TimeoutExpired:
            raise LoadFailed(f"pgbench did not end within {timeout_s:.0f} s") from None
        if done.returncode != 0:
            raise LoadFailed(f"pgbench ended with {done.returncode}: {done.stderr[-1000:]}")
        return done.stdout


def parse(output: str) -> Load:
    """Raises `LoadFailed`."""
    count = re.search(r"transactions actually processed: (\d+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    rate = re.search(r"^tps = ([0-9.]+)", output, re.MULTILINE)
    if count is None or rate is None or (failed is not None and int(failed[1])):
        raise LoadFailed(f"pgbench printed:\n{output[-1000:]}")
    return Load(int(count[1]), int(count[1]) / float(rate[1]))
