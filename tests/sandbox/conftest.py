"""Fixtures: one sandbox for all tests that leave its state as it was, and a separate one for tests that kill it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.process import Endpoint, Sandbox


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    try:
        yield sandbox.start()
    finally:
        sandbox.close()


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield shared_sandbox
    shared_sandbox.http.delete(f"{shared_sandbox.api}/_faults")
    shared_sandbox.http.delete(f"{shared_sandbox.mail}/_faults")
    shared_sandbox.post("/_webhook", url=None)


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Starts a sandbox with its own settings (`SMTP_AUTH=…`) in its own folder."""
    started: list[Sandbox] = []

    def start(**environment: str) -> Sandbox:
        sandbox = Sandbox(tmp_path / f"sandbox-{len(started)}", **environment)
        started.append(sandbox)
        return sandbox.start()

    yield start
    for sandbox in started:
        sandbox.close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    listening = Endpoint().start()
    yield listening
    listening.stop()


@pytest.fixture
def webhooks(sandbox: Sandbox, endpoint: Endpoint) -> Endpoint:
    """An endpoint that receives every event of the shared sandbox."""
    sandbox.post("/_webhook", url=endpoint.url, enabled_events=["*"])
    return endpoint
