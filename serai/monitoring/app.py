"""Assembles the monitoring service."""

from __future__ import annotations

from collections.abc import Mapping

from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import Settings, load
from serai.monitoring import api
from serai.monitoring.actions import Overview


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(Settings, environ)
    service = Service(topology.service("monitoring"), settings, callers=topology.callers_of("monitoring"))
    overview = Overview(service.registry, [url for url in settings.discovery_url.split(",") if url])
    service.routes(overview, [api.list_services])
    return service
