"""Envoy always knows what it is told about: files come in order, and each whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from serai.gateway.envoy import Resources, resources
from serai.gateway.files import Files, write_atomically
from serai.gateway.routes import service_routes
from serai.gateway.snapshot import Endpoint, Snapshot
from tests.gateway.setups import edge
from tests.gateway.shop import DOCUMENTS
from tests.gateway.watching import watching


def _made(*services: str, **found: Endpoint) -> Resources:
    routes = service_routes({service: DOCUMENTS[service] for service in services})
    return resources(routes, Snapshot(services={name: (one,) for name, one in found.items()}, open=True), edge())


def _clusters(folder: Path) -> set[str]:
    return {cluster["name"] for cluster in json.loads((folder / "clusters.json").read_text())["resources"]}


def _routed(folder: Path) -> set[str]:
    """The clusters that the routes on disk lead to."""
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


def test_what_is_added_comes_endpoints_first_and_listeners_last(tmp_path: Path) -> None:
    (tmp_path / "endpoints").mkdir()
    with watching(tmp_path, tmp_path / "endpoints") as watcher:
        Files(tmp_path).write(_made("cart", "order"))
        assert watcher.seen() == [
            "put cart.json",
            "put order.json",
            "put clusters.json",
            "put jwt.json",
            "put routes.json",
            "put listeners.json",
        ]


def test_a_moved_instance_is_one_file(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.write(_made("cart", "order"))
    with watching(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_made("cart", "order", cart=Endpoint("127.0.0.1", 9)))
        assert watcher.seen() == ["put cart.json"]
        files.write(_made("cart", "order", cart=Endpoint("127.0.0.1", 9)))
        assert watcher.seen() == []


def test_what_is_removed_goes_the_other_way(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.write(_made("cart", "order"))
    with watching(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_made("cart"))
        assert watcher.seen() == ["put routes.json", "put clusters.json", "removed order.json"]
    assert _clusters(tmp_path) == {"gateway", "cart"}


def test_at_no_moment_a_route_leads_to_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    """One service goes and another comes in one step: the one is known long enough, the other early enough."""
    files = Files(tmp_path)
    files.write(_made("cart", "order"))
    with watching(tmp_path, tmp_path / "endpoints") as watcher:
        files.write(_made("cart", "product"))
        assert watcher.seen() == [
            "put product.json",
            "put clusters.json",
            "put routes.json",
            "put clusters.json",
            "removed order.json",
        ]
    assert _routed(tmp_path) == _clusters(tmp_path) == {"gateway", "cart", "product"}


def test_what_was_half_written_when_the_disk_was_full_is_written_the_next_time(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.write(_made("cart", "order"))
    # A folder in the way of the routes' draft: as little can be written there as on a full disk.
    obstacle = tmp_path / f".routes.json.{os.getpid()}"
    obstacle.mkdir()
    with pytest.raises(OSError, match=obstacle.name):
        files.write(_made("cart", "product"))
    assert _clusters(tmp_path) >= _routed(tmp_path) == {"gateway", "cart", "order"}
    obstacle.rmdir()
    assert files.write(_made("cart", "product")) == ["routes.json", "clusters.json"]
    assert _routed(tmp_path) == _clusters(tmp_path) == {"gateway", "cart", "product"}


def test_a_service_that_is_no_more_leaves_no_file(tmp_path: Path) -> None:
    Files(tmp_path).write(_made(*DOCUMENTS))
    # As after a restart with fewer documents.
    Files(tmp_path).write(_made("cart"))
    assert [path.name for path in (tmp_path / "endpoints").iterdir()] == ["cart.json"]


def test_what_a_killed_predecessor_did_not_finish_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "endpoints").mkdir()
    for draft in (tmp_path / ".routes.json.4711", tmp_path / "endpoints" / ".cart.json.4711"):
        draft.write_text("{")
    Files(tmp_path).write(_made("cart"))
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


def test_a_file_is_replaced_by_another_and_never_edited(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    write_atomically(path, b"first")
    with path.open("rb") as reader, watching(tmp_path) as watcher:
        write_atomically(path, b"second, and longer")
        assert reader.read() == b"first"
        assert watcher.seen() == ["put routes.json"]
    assert path.read_bytes() == b"second, and longer"
    assert path.stat().st_mode & 0o077 == 0
    assert [found.name for found in tmp_path.iterdir()] == ["routes.json"]
