"""Tracks which resources Envoy rejected, why, and whether it has accepted newer ones since.

Envoy counts rejections per resource. It gives the reason only in its log, without the name of the resource. Having
rejected a resource, it serves with the previous version.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

#: Our names of the resources by the prefix of Envoy's counters. An unreadable file counts as a rejection.
_RESOURCE_NAMES = {
    "cluster_manager.cds": "clusters",
    "listener_manager.lds": "listeners",
    "http.edge.rds.edge": "routes",
    "extension_config_discovery.http_filter.envoy.filters.http.jwt_authn": "keys",
}
COUNTERS = "update_(rejected|failure|success)$"


class ConfigRejections:
    def __init__(self) -> None:
        #: The reason of each rejection that still holds, by resource. Envoy serves an older version of these.
        self.active: dict[str, str] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    def update(self, counters: Mapping[str, int]) -> list[str]:
        """The resources that were rejected since the last call, from Envoy's counters.

        A rejection is no longer active once Envoy has accepted a newer version.
        """
        newly_rejected: list[str] = []
        for resource, (rejected, accepted) in _count_by_resource(counters).items():
            rejected_before, accepted_before = self._seen.get(resource, (0, 0))
            if rejected < rejected_before or accepted < accepted_before:
                # Envoy has restarted and counts from 0.
                rejected_before = accepted_before = 0
            self._seen[resource] = rejected, accepted
            if rejected > rejected_before:
                newly_rejected.append(resource)
            elif accepted > accepted_before:
                self.active.pop(resource, None)
        return newly_rejected

    def set_reasons(self, resources: Iterable[str], reasons: Iterable[str]) -> None:
        """Sets the reasons. The log does not name the resource, so each rejected resource gets all reasons."""
        why = "; ".join(dict.fromkeys(reasons)) or "its log says why"
        self.active |= dict.fromkeys(resources, why)


def _count_by_resource(counters: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """(rejected, accepted) counts by resource."""
    found: dict[str, tuple[int, int]] = {}
    for name, count in counters.items():
        owner, _, outcome = name.rpartition(".")
        kind, _, service = owner.partition(".")
        resource = f"endpoints of {service}" if kind == "cluster" and "." not in service else _RESOURCE_NAMES.get(owner)
        if resource is not None:
            rejected, accepted = found.get(resource, (0, 0))
            found[resource] = (
                (rejected, accepted + count) if outcome == "update_success" else (rejected + count, accepted)
            )
    return found
