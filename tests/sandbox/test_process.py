"""The sandbox's process: start, stop, settings, faults and errors."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.process import KEY, Sandbox, eventually

pytestmark = pytest.mark.slow


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SERAI_")}
    return subprocess.run(
        [sys.executable, "-m", "serai.sandbox"],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_on_a_signal(start_sandbox: Callable[..., Sandbox], number: signal.Signals) -> None:
    sandbox = start_sandbox()
    assert sandbox.process is not None
    sandbox.fault("balance.retrieve", "execute_then_timeout")
    address = sandbox.api.removeprefix("http://").rpartition(":")
    with (
        socket.create_connection((address[0], int(address[2]))) as waiting,
        socket.create_connection(sandbox.smtp) as mailing,
    ):
        waiting.sendall(f"GET /v1/balance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        assert mailing.recv(100).startswith(b"220")
        eventually(lambda: not sandbox.http.get(f"{sandbox.api}/_faults").json()["items"])
        sandbox.process.send_signal(number)
        assert sandbox.stop() < 2


def test_answers_probes(sandbox: Sandbox) -> None:
    for url in (f"{sandbox.api}/livez", f"{sandbox.api}/readyz", f"{sandbox.mail}/livez", f"{sandbox.mail}/readyz"):
        assert sandbox.http.get(url).json() == {"status": "ok"}


def test_parts_can_be_disabled(start_sandbox: Callable[..., Sandbox]) -> None:
    started = start_sandbox(STRIPE="off")
    assert started.endpoints.keys() == {"mail", "smtp", "pid"}


def test_reports_a_port_that_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(SERAI_SANDBOX_DIR=str(tmp_path), SERAI_SANDBOX_STRIPE=address)
    assert done.returncode == 1
    assert f"cannot listen on {address} for stripe: Address already in use" in done.stderr
    assert not (tmp_path / "endpoints.json").exists()


def test_chooses_another_port_when_its_previous_one_is_in_use(start_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = start_sandbox()
    host, port = sandbox.smtp
    sandbox.stop()
    with socket.create_server((host, port)):
        sandbox.start()
        assert sandbox.smtp != (host, port)


def test_refuses_a_folder_that_is_in_use(sandbox: Sandbox) -> None:
    done = run(SERAI_SANDBOX_DIR=str(sandbox.directory))
    assert done.returncode == 1
    assert "another sandbox is running" in done.stderr


def test_reports_all_problems_of_its_settings_together() -> None:
    done = run(SERAI_MODE="production", SERAI_SANDBOX_MAIL="nowhere", SERAI_SANDBOX_SMTP_CERT="/x")
    assert done.returncode == 1
    for problem in ("production", "SERAI_SANDBOX_DIR is missing", "SERAI_SANDBOX_MAIL", "SERAI_SANDBOX_SMTP_KEY"):
        assert problem in done.stderr


def test_reads_a_secret_from_a_file(start_sandbox: Callable[..., Sandbox], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk_test_from_a_file\n")
    sandbox = start_sandbox(STRIPE_KEY_FILE=str(tmp_path / "key"))
    assert sandbox.stripe("sk_test_from_a_file").v1.balance.retrieve().object == "balance"


def test_memory_use_stays_low(start_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = start_sandbox()
    for _ in range(30):
        sandbox.paid_session()
    assert sandbox.process is not None
    status = Path(f"/proc/{sandbox.process.pid}/status").read_text()
    (resident,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 50_000, "kB"


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "refunds.destroy", "fault": "409"},
        {"operation": "refunds.create", "fault": "drop"},
        {"operation": "webhook", "fault": "409"},
        {"operation": "*", "fault": "delay", "delay_ms": -1},
        {"operation": "*", "fault": "delay", "count": 0},
        {"operation": "*", "fault": "delay", "colour": "red"},
        "delay",
    ],
)
def test_refuses_an_invalid_fault(sandbox: Sandbox, wrong: Any) -> None:
    answer = sandbox.http.post(f"{sandbox.api}/_faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_faults_apply_the_given_number_of_times_and_can_be_removed(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    fault = sandbox.post("/_faults", operation="*", fault="429", count=3)
    assert [sandbox.http.get(f"{sandbox.api}/v1/balance", headers=headers).status_code for _ in range(2)] == [429, 429]
    (left,) = sandbox.http.get(f"{sandbox.api}/_faults").json()["items"]
    assert (left["id"], left["count"], left["hits"]) == (fault["id"], 1, 2)
    assert sandbox.http.delete(f"{sandbox.api}/_faults/{fault['id']}").json() == {"removed": 1}
    assert sandbox.http.get(f"{sandbox.api}/v1/balance", headers=headers).status_code == 200


def test_errors_have_stripes_format(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    unknown = sandbox.http.get(f"{sandbox.api}/v1/moons", headers=headers)
    assert (unknown.status_code, unknown.json()["error"]["type"]) == (404, "invalid_request_error")
    large = sandbox.http.post(f"{sandbox.api}/v1/refunds", headers=headers, content=b"a" * 1_100_000)
    assert large.status_code == 413
    as_json = sandbox.http.post(f"{sandbox.api}/v1/refunds", headers=headers, json={"payment_intent": "pi_1"})
    assert as_json.status_code == 400
    old = sandbox.http.get(f"{sandbox.api}/v1/balance", headers=headers | {"Stripe-Version": "yesterday"})
    assert old.status_code == 400
    basic = sandbox.http.get(f"{sandbox.api}/v1/balance", auth=(KEY, ""))
    assert basic.status_code == 200
    assert basic.headers["Request-Id"].startswith("req_")


def test_pages_through_the_ledger(sandbox: Sandbox) -> None:
    for _ in range(3):
        sandbox.paid_session()
    first = sandbox.http.get(f"{sandbox.api}/_ledger", params={"limit": 2}).json()
    assert len(first["items"]) == 2
    assert first["next_after"] == first["items"][-1]["seq"]
    assert sandbox.http.get(f"{sandbox.api}/_ledger", params={"limit": "x"}).status_code == 400
    seqs = [entry["seq"] for entry in sandbox.whole_ledger()]
    assert seqs == sorted(set(seqs))
