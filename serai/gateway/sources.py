"""Where an Envoy gets its resources from: files that the agent beside it writes, or the agent's discovery outlet.

Resources name each other's source, so it is an input of what they are made from and nothing is rewritten afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: The cluster of the outlet. An Envoy that is fed by it has this one in its own bootstrap.
OUTLET = "serai_xds"
#: Where the agent keeps the certificate for the Envoy beside it, and what it is called there.
CERTIFICATE_FILE = "certificate.json"
CERTIFICATE_NAME = "edge"


class Source(Protocol):
    def of(self, file: str) -> dict[str, Any]:
        """Envoy's `ConfigSource` for what the agent keeps in `file`."""
        ...

    def secret(self, file: str) -> dict[str, Any] | None:
        """The same for what nobody else may read; None where it is not handed out."""
        ...


@dataclass(frozen=True, slots=True)
class FromFiles:
    folder: Path

    def of(self, file: str) -> dict[str, Any]:
        return {"path_config_source": {"path": str(self.folder / file)}, "resource_api_version": "V3"}

    def secret(self, file: str) -> dict[str, Any]:
        return self.of(file)


@dataclass(frozen=True, slots=True)
class FromOutlet:
    """Envoy asks again between once and twice this often; it is told "no change" in a few hundred bytes."""

    every_s: float = 0.5

    def of(self, file: str) -> dict[str, Any]:
        return {
            "api_config_source": {
                "api_type": "REST",
                "transport_api_version": "V3",
                "cluster_names": [OUTLET],
                "refresh_delay": f"{self.every_s:g}s",
                "request_timeout": "2s",
            },
            "resource_api_version": "V3",
        }

    def secret(self, file: str) -> None:
        """A private key never leaves its machine: an Envoy elsewhere has the certificate's files itself."""
