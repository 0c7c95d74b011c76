"""The memory and the document of `serai status`."""

from pathlib import Path

import psutil

from serai.supervisor import ports
from serai.supervisor.postgres import Postgres
from serai.supervisor.status import Row, Status, memory_of_tree


def test_shared_buffers_count_once(tmp_path: Path) -> None:
    settings = {"fsync": "off", "huge_pages": "off"}
    with Postgres(tmp_path / "server", ports.find_free(), "x", tmp_path / "log", settings) as server:
        assert server.pid is not None
        top = psutil.Process(server.pid)
        sum_of_rss = sum(process.memory_info().rss for process in (top, *top.children(recursive=True)))
        assert top.memory_info().rss <= memory_of_tree(server.pid) < sum_of_rss


def test_a_process_that_has_exited_uses_no_memory() -> None:
    assert memory_of_tree(None) == 0
    assert memory_of_tree(2**22 + 1) == 0


def test_the_json_document_has_its_documented_members() -> None:
    row = Row("order", "order-1", "127.0.0.1:1", "passing", 1, "0.1.0", 5)
    login = {"role": "admin", "email": "a@b.example", "password": "p"}
    status = Status(
        "http://localhost:8080", ["http://127.0.0.1:8080"], [row], {"stripe": "http://127.0.0.1:2"}, [login], ready=True
    )
    assert set(status.as_document()) == {"gateway", "gateways", "services", "sandbox", "logins"}
    assert set(status.as_document()["services"][0]) == {
        "name",
        "instance",
        "address",
        "health",
        "pid",
        "version",
        "rss_bytes",
    }
    assert "order-1" in status.as_text()
