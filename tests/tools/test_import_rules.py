"""The import rules cover the whole tree, and our own contract type refuses what it should."""

from __future__ import annotations

from typing import Any

import pytest
from grimp import ImportGraph

from tools.import_rules import AllowedContract, build_graph, contracts, lines, without_layer

#: Imports that contracts ignore. Lines may be removed, but none may be added.
EXCEPTIONS = {
    "serai.contracts.cart -> serai.contracts.product.inventory",
    # Handlers use the dependencies of the whole service: the saga, the caches.
    "serai.order.deps -> serai.order.checkout.saga",
    "serai.product.*.api -> serai.product.deps",
    "serai.product.*.internal -> serai.product.deps",
}


def graph_of(*imports: tuple[str, str]) -> ImportGraph:
    graph = ImportGraph()
    for importer, imported in imports:
        graph.add_module("shop")
        graph.add_import(importer=importer, imported=imported)
    return graph


def allows(graph: ImportGraph) -> list[tuple[str, str]]:
    """The imports that are refused for a domain that may use uuid and shop.values."""
    options = {"source_modules": ["shop.*.domain"], "allowed_modules": ["uuid", "shop.values"]}
    check = AllowedContract("a domain", {"root_packages": ["shop"]}, options).check(graph, False)
    refused: list[tuple[str, str]] = check.metadata["refused"]
    assert check.kept is (not refused)
    return refused


def test_every_module_is_in_a_layer() -> None:
    assert without_layer(build_graph(), contracts()) == []


@pytest.mark.parametrize("missing", ["serai.cart", "serai.contracts.*", "tools.bench"])
def test_a_package_that_no_contract_lists_is_reported(missing: str) -> None:
    def lists(rule: dict[str, Any]) -> bool:
        return missing in (*lines(rule, "containers"), *lines(rule, "modules"))

    lost = without_layer(build_graph(), [rule for rule in contracts() if not lists(rule)])
    assert lost
    assert all(module.startswith(missing.rstrip("*")) for module in lost)


def test_no_exception_is_added() -> None:
    overlooked = {line for rule in contracts() for line in lines(rule, "ignore_imports")}
    assert overlooked <= EXCEPTIONS


@pytest.mark.parametrize("imported", ["uuid", "shop.values", "shop.values.money"])
def test_what_is_listed_may_be_imported(imported: str) -> None:
    assert allows(graph_of(("shop.cart.domain", imported))) == []


@pytest.mark.parametrize("imported", ["asyncio", "shop", "shop.cart.store", "shop.values_of_others", "uuid_utils"])
def test_what_is_not_listed_is_refused(imported: str) -> None:
    assert allows(graph_of(("shop.cart.domain", imported))) == [("shop.cart.domain", imported)]


def test_other_modules_may_import_what_they_like() -> None:
    assert allows(graph_of(("shop.cart.store", "asyncpg"))) == []
