"""Extends import-linter by a contract that lists allowed imports, and by a count of the modules that the contracts of
`.importlinter` cover. `python -m tools.import_rules` prints that count."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import grimp
from grimp import ImportGraph
from importlinter import api
from importlinter.application import output
from importlinter.domain import fields
from importlinter.domain.contract import Contract, ContractCheck
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ModuleExpression

CONFIGURATION = Path(__file__).parents[1] / ".importlinter"
#: The packages in which every module must be in a layer. Tests mirror them and have no layers of their own.
LAYERED = ("serai", "tools")


class AllowedContract(Contract):
    """The source modules may directly import only the listed modules. A listed package includes its submodules.

    Options: `source_modules` and `allowed_modules`, both with wildcards as in other contracts. A source module that
    matches nothing is no error, so that rules can be written for future packages.
    """

    type_name = "allowed"

    source_modules = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed_modules = fields.SetField(subfield=fields.ModuleExpressionField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        sources = _matching(graph, self.source_modules)
        allowed = _matching(graph, self.allowed_modules)
        refused = [
            (importer, imported)
            for importer in sorted(sources & graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not any(package in allowed for package in _itself_and_packages(imported))
        ]
        return ContractCheck(kept=not refused, metadata={"refused": refused})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["refused"]:
            output.print_error(f"{importer} imports {imported}, which is not listed in allowed_modules", bold=False)
        output.new_line()


def _matching(graph: ImportGraph, expressions: object) -> set[str]:
    # A contract's fields are replaced by their values at run time, which their declared types do not show.
    found = module_expressions_to_modules(graph, cast(Iterable[ModuleExpression], expressions))
    return {module.name for module in found}


def _itself_and_packages(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".")[0]


def contracts() -> list[dict[str, Any]]:
    """The options of each contract in `.importlinter`."""
    found: list[dict[str, Any]] = api.read_configuration(str(CONFIGURATION))["contracts_options"]
    return found


def build_graph() -> ImportGraph:
    return grimp.build_graph(*LAYERED)


def covered_by(contract: dict[str, Any], graph: ImportGraph) -> set[str]:
    """The modules whose imports a contract restricts."""
    options = ("containers", "modules", "source_modules", "protected_modules", "layers")
    chosen = next(each for each in options if lines(contract, each))
    named = _named(lines(contract, chosen), graph)
    covered = {module for module in graph.modules if not named.isdisjoint(_itself_and_packages(module))}
    # A container is not a layer itself.
    return covered - named if chosen == "containers" else covered


def without_layer(graph: ImportGraph, rules: Iterable[dict[str, Any]]) -> list[str]:
    """The modules whose package is neither listed exhaustively by a layers contract nor independent of its siblings."""
    in_layers: set[str] = set()
    for rule in rules:
        if rule["type"] == "layers" and rule.get("exhaustive") == "True":
            # The contract itself refuses modules of the package that are in no layer.
            for package in _named(lines(rule, "containers"), graph) & graph.modules:
                in_layers |= graph.find_children(package)
        elif rule["type"] == "independence":
            in_layers |= _named(lines(rule, "modules"), graph)
    return sorted(graph.modules - in_layers - set(LAYERED))


def lines(contract: dict[str, Any], option: str) -> list[str]:
    """The lines of an option. An option with a single line is read as a string."""
    value = contract.get(option, [])
    return [value] if isinstance(value, str) else list(value)


def _named(expressions: Iterable[str], graph: ImportGraph) -> set[str]:
    return {module for each in expressions for module in (graph.find_matching_modules(each) if "*" in each else {each})}


def main() -> int:
    graph, rules = build_graph(), contracts()
    for rule in rules:
        print(f"{len(covered_by(rule, graph)):5} modules  {rule['type']:13} {rule['name']}")
    lost = without_layer(graph, rules)
    print(f"{len(graph.modules) - len(LAYERED):5} modules in {' and '.join(LAYERED)}, {len(lost)} of them in no layer")
    for module in lost:
        print(f"      {module}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
