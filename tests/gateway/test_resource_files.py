"""Resource files are written atomically, in an order in which no resource refers to an unknown one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from serai.gateway.envoy_resources import Resources, build_resources
from serai.gateway.resource_files import ResourceFiles, write_atomically
from serai.gateway.routes import service_routes
from serai.gateway.system_state import Endpoint, SystemState
from tests.gateway.config_cases import edge_config
from tests.gateway.fake_services import DOCUMENTS
from tests.gateway.inotify import watch_files


def _build(*services: str, **found: Endpoint) -> Resources:
    routes = service_routes({service: DOCUMENTS[service] for service in services})
    return build_resources(
        routes, SystemState(services={name: (one,) for name, one in found.items()}, open=True), edge_config()
    )


def _clusters(folder: Path) -> set[str]:
    return {cluster["name"] for cluster in json.loads((folder / "clusters.json").read_text())["resources"]}


def _routed(folder: Path) -> set[str]:
    """The clusters that the routes on disk refer to."""
    found: set[str] = set()

    def look(node: Any) -> None:
        if isinstance(node, dict):
            found.update([node["cluster"]] if isinstance(node.get("cluster"), str) else [])
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    look(json.loads((folder / "routes.json").read_text()))
    return found


def test_additions_are_written_endpoints_first_and_listeners_last(tmp_path: Path) -> None:
    (tmp_path / "endpoints").mkdir()
    with watch_files(tmp_path, tmp_path / "endpoints") as watcher:
        ResourceFiles(tmp_path).write(_build("cart", "order"))
        assert watcher.events() == [
            "put cart.json",
            "put order.json",
            "put clusters.json",
            "put jwt.json",
            "put routes.json",
            "put listeners.json",
        ]


def test_a_moved_instance_changes_one_file(tmp_path: Path) -> None:
    files = ResourceFiles(tmp_path)
    files.write(_build("cart", "order"))
    with watch_files(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_build("cart", "order", cart=Endpoint("127.0.0.1", 9)))
        assert watcher.events() == ["put cart.json"]
        files.write(_build("cart", "order", cart=Endpoint("127.0.0.1", 9)))
        assert watcher.events() == []


def test_removals_are_written_in_the_opposite_order(tmp_path: Path) -> None:
    files = ResourceFiles(tmp_path)
    files.write(_build("cart", "order"))
    with watch_files(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_build("cart"))
        assert watcher.events() == ["put routes.json", "put clusters.json", "removed order.json"]
    assert _clusters(tmp_path) == {"gateway", "cart"}


def test_no_route_ever_refers_to_a_missing_cluster(tmp_path: Path) -> None:
    """One write removes a service and adds another: the old cluster stays long enough, the new one is early enough."""
    files = ResourceFiles(tmp_path)
    files.write(_build("cart", "order"))
    with watch_files(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_build("cart", "product"))
        assert watcher.events() == [
            "put product.json",
            "put clusters.json",
            "put routes.json",
            "put clusters.json",
            "removed order.json",
        ]
    assert _routed(tmp_path) == _clusters(tmp_path) == {"gateway", "cart", "product"}


def test_after_a_failed_write_the_next_one_writes_the_rest(tmp_path: Path) -> None:
    files = ResourceFiles(tmp_path)
    files.write(_build("cart", "order"))
    # A folder in place of the temporary file makes the write fail, as a full disk would.
    obstacle = tmp_path / f".routes.json.{os.getpid()}"
    obstacle.mkdir()
    with pytest.raises(OSError, match=obstacle.name):
        files.write(_build("cart", "product"))
    assert _clusters(tmp_path) >= _routed(tmp_path) == {"gateway", "cart", "order"}
    obstacle.rmdir()
    assert files.write(_build("cart", "product")) == ["routes.json", "clusters.json"]
    assert _routed(tmp_path) == _clusters(tmp_path) == {"gateway", "cart", "product"}


def test_the_files_of_a_removed_service_are_deleted(tmp_path: Path) -> None:
    ResourceFiles(tmp_path).write(_build(*DOCUMENTS))
    # As after a restart with fewer documents.
    ResourceFiles(tmp_path).write(_build("cart"))
    assert [path.name for path in (tmp_path / "endpoints").iterdir()] == ["cart.json"]


def test_temporary_files_of_a_killed_predecessor_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "endpoints").mkdir()
    for draft in (tmp_path / ".routes.json.4711", tmp_path / "endpoints" / ".cart.json.4711"):
        draft.write_text("{")
    ResourceFiles(tmp_path).write(_build("cart"))
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_file_is_replaced_by_another_and_never_edited(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    write_atomically(path, b"first")
    with path.open("rb") as reader, watch_files(tmp_path) as watcher:
        write_atomically(path, b"second, and longer")
        assert reader.read() == b"first"
        assert watcher.events() == ["put routes.json"]
    assert path.read_bytes() == b"second, and longer"
    assert path.stat().st_mode & 0o077 == 0
    assert [found.name for found in tmp_path.iterdir()] == ["routes.json"]
