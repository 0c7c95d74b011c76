"""Makes the mutants of a module, and says of each what it changes in words that survive moved lines."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What identifies a mutant: the function it is in, the lines it takes out, and those it puts in their place."""

    file: str
    function: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mutant:
    #: What mutmut's trampoline is told to switch it on.
    name: str
    #: Its function, as mutmut's trampoline reports calls.
    key: str
    change: Change


@dataclass(frozen=True, slots=True)
class MutatedModule:
    name: str
    #: The module with every mutant in it, each behind a switch.
    code: str
    mutants: tuple[Mutant, ...]


def mutate(file: str, source: str) -> MutatedModule:
    """All mutants of the module in `file`, a path relative to the repository."""
    # Their import takes a second, which every test process would spend when it collects the tests.
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import mangled_name_from_mutant_name, orig_function_and_class_names_from_key

    module = ".".join(Path(file).with_suffix("").parts)
    made = mutate_file_contents(file, source)
    lines = made.code.splitlines()

    def body_of(name: str, function: str) -> list[str]:
        span = made.line_span_by_function_name[name]
        found = (line.strip().replace(name, function) for line in lines[span.start - 1 : span.end])
        return [line for line in found if line]

    mutants = []
    for name in made.mutant_names:
        mangled = mangled_name_from_mutant_name(name)
        function, class_name = orig_function_and_class_names_from_key(name)
        removed, added = _difference(body_of(f"{mangled}__mutmut_orig", function), body_of(name, function))
        change = Change(file, f"{class_name}.{function}" if class_name else function, removed, added)
        mutants.append(Mutant(f"{module}.{name}", f"{module}.{mangled}", change))
    return MutatedModule(module, made.code, tuple(mutants))


def _difference(old: list[str], new: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    changed = [line for line in difflib.ndiff(old, new) if line[:2] in ("- ", "+ ")]
    removed = tuple(line[2:] for line in changed if line.startswith("-"))
    added = tuple(line[2:] for line in changed if line.startswith("+"))
    return removed, added
