"""The public routes of the monitoring service."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from serai.contracts.monitoring import Services
from serai.monitoring.actions import Overview


@get("/api/monitoring/services", needs="monitoring:read")
async def list_services(deps: NamedDependency[Overview]) -> Services:
    """Every instance of every service, with its address, health and request counts."""
    return await deps.services()
