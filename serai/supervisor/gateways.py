"""Reads the state of a gateway's agent."""

from __future__ import annotations

from serai.supervisor.http import RequestFailed, get_json


async def reachable_instances(agent: str) -> dict[str, int]:
    """How many instances of each service this gateway routes to. Raises `RequestFailed`."""
    answer = await get_json(f"http://{agent}/readyz")
    try:
        return {str(service): int(count) for service, count in answer["healthy"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise RequestFailed(f"{agent}: {answer!r}") from problem
