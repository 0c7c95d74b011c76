"""Which resources Envoy refused, why, and whether it has taken newer ones since.

Envoy counts what it refused by the name of what it was told, and says why in its log alone, without that name. What it
refuses it goes on without: it serves with what it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Envoy's names of what we hand over. A file it cannot read is as good as refused.
_NAMES = {
    "cluster_manager.cds": "clusters",
    "listener_manager.lds": "listeners",
    "http.edge.rds.edge": "routes",
    "extension_config_discovery.http_filter.envoy.filters.http.jwt_authn": "keys",
}
COUNTERS = "update_(rejected|failure|success)$"


class Refusals:
    def __init__(self) -> None:
        #: Why, by what is served in an older version because of it.
        self.standing: dict[str, str] = {}
        self.total = 0
        self._seen: dict[str, tuple[int, int]] = {}

    def look(self, counters: Mapping[str, int]) -> list[str]:
        """What was refused since the last look, from Envoy's counters; what was taken is forgiven."""
        refused: list[str] = []
        for what, (bad, good) in _by_what(counters).items():
            bad_before, good_before = self._seen.get(what, (0, 0))
            if bad < bad_before or good < good_before:
                # Another Envoy, which counts from the beginning.
                bad_before = good_before = 0
            self._seen[what] = bad, good
            if bad > bad_before:
                self.total += bad - bad_before
                refused.append(what)
            elif good > good_before:
                self.standing.pop(what, None)
        return refused

    def explain(self, refused: Iterable[str], reasons: Iterable[str]) -> None:
        """The log does not say which of several was meant, so each gets all that was said."""
        why = "; ".join(dict.fromkeys(reasons)) or "its log says why"
        self.standing |= dict.fromkeys(refused, why)


def _by_what(counters: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """How often each was refused and how often taken."""
    found: dict[str, tuple[int, int]] = {}
    for name, count in counters.items():
        whose, _, what_happened = name.rpartition(".")
        kind, _, service = whose.partition(".")
        what = f"endpoints of {service}" if kind == "cluster" and "." not in service else _NAMES.get(whose)
        if what is not None:
            bad, good = found.get(what, (0, 0))
            found[what] = (bad, good + count) if what_happened == "update_success" else (bad + count, good)
    return found
