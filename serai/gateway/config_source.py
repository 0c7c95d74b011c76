"""Where an Envoy reads its resources: files that the agent writes on the same machine, or the agent's xDS server.

Resources refer to each other through a `ConfigSource`, so the source is an input of the functions that build them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: The cluster of the xDS server. An Envoy that uses the xDS server defines it in its own bootstrap.
XDS_CLUSTER = "serai_xds"
#: The file in which the agent gives Envoy the certificate, and the name of the secret in it.
CERTIFICATE_FILE = "certificate.json"
CERTIFICATE_NAME = "edge"


class ConfigSource(Protocol):
    def for_file(self, file: str) -> dict[str, Any]:
        """Envoy's `ConfigSource` for the resources that the agent writes to `file`."""
        ...

    def secret(self, file: str) -> dict[str, Any] | None:
        """The `ConfigSource` of a file with a private key; None if this source does not provide it."""
        ...


@dataclass(frozen=True, slots=True)
class FileSource:
    folder: Path

    def for_file(self, file: str) -> dict[str, Any]:
        return {"path_config_source": {"path": str(self.folder / file)}, "resource_api_version": "V3"}

    def secret(self, file: str) -> dict[str, Any]:
        return self.for_file(file)


@dataclass(frozen=True, slots=True)
class XdsSource:
    """REST polling. Envoy waits between `poll_interval_s` and twice that; a response "no change" is a few hundred
    bytes.
    """

    poll_interval_s: float = 0.5

    def for_file(self, file: str) -> dict[str, Any]:
        return {
            "api_config_source": {
                "api_type": "REST",
                "transport_api_version": "V3",
                "cluster_names": [XDS_CLUSTER],
                "refresh_delay": f"{self.poll_interval_s:g}s",
                "request_timeout": "2s",
            },
            "resource_api_version": "V3",
        }

    def secret(self, file: str) -> None:
        """None: a private key does not leave its machine. A remote Envoy has its own copy of the files."""
