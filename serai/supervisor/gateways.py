"""What a gateway's agent says of the shop behind it."""

from __future__ import annotations

from serai.supervisor.http import NoAnswer, get_json


async def reached(agent: str) -> dict[str, int]:
    """How many instances of each service this gateway sends requests to. Raises `NoAnswer`."""
    answer = await get_json(f"http://{agent}/readyz")
    try:
        return {str(service): int(count) for service, count in answer["healthy"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise NoAnswer(f"{agent}: {answer!r}") from problem
