"""The counter of orders by the status they reached."""

from __future__ import annotations

from prometheus_client import Counter

from serai.chassis import telemetry

ORDERS = Counter("orders_total", "Orders that reached a status.", ["status"], registry=telemetry.REGISTRY)
