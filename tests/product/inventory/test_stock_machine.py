"""Whatever is asked of holds and stock, in any order and at once: nothing is lost, nothing is promised twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal
from uuid import uuid4

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.product.shop import Json, Shop, sized, variant_id

VARIANTS = 3
STOCK = 6
HOLDS = 3

Lines = dict[int, int]
Step = tuple[Literal["hold", "commit", "release", "return", "adjust"], int, Lines]

lines = st.dictionaries(st.integers(0, VARIANTS - 1), st.integers(1, 4), min_size=1)
steps: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("hold"), st.integers(0, HOLDS - 1), lines),
    st.tuples(st.sampled_from(["commit", "release", "return"]), st.integers(0, HOLDS - 1), st.just({})),
    st.tuples(st.just("adjust"), st.integers(0, VARIANTS - 1), st.dictionaries(st.just(0), st.integers(-4, 4))),
)
several = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Model:
    """What stock and holds should be, written as simply as it can be said."""

    def __init__(self) -> None:
        self.available = Counter(dict.fromkeys(range(VARIANTS), STOCK))
        self.held: Counter[int] = Counter()
        self.holds: dict[int, tuple[str, Lines]] = {}

    def step(self, step: Step) -> int:
        """The status of the answer."""
        verb, at, asked = step
        status, kept = self.holds.get(at, ("none", {}))
        match verb, status:
            case "adjust", _:
                delta = asked.get(0, 0)
                if delta == 0:
                    return 422
                if self.available[at] + delta < 0:
                    return 409
                self.available[at] += delta
                return 200
            case "hold", "none":
                if any(self.available[variant] < quantity for variant, quantity in asked.items()):
                    return 409
                self.available -= Counter(asked)
                self.held += Counter(asked)
                self.holds[at] = ("held", asked)
                return 200
            case "hold", "held":
                return 200 if asked == kept else 409
            case "hold", _:
                return 409
            case "commit", "held":
                self.held -= Counter(kept)
            case "commit", "none":
                return 404
            case "commit", "released":
                return 409
            case "release", "none":
                pass
            case "release", "held":
                self.held -= Counter(kept)
                self.available += Counter(kept)
            case "release", "committed" | "returned":
                return 409
            case "return", "committed":
                self.available += Counter(kept)
            case "return", "none" | "held" | "released":
                return 404
            case _:
                return 204
        self.holds[at] = ({"commit": "committed", "release": "released", "return": "returned"}[verb], kept)
        return 204


async def perform(shop: Shop, product: Json, orders: list[str], step: Step) -> int:
    verb, at, asked = step
    match verb:
        case "adjust":
            return (await shop.stock(product, asked.get(0, 0), at)).status_code
        case "hold":
            asking = [(variant_id(product, variant), quantity) for variant, quantity in asked.items()]
            return (await shop.hold(orders[at], *asking)).status_code
        case _:
            return (await shop.end(orders[at], verb)).status_code


async def require_invariants(database_url: str, product: Json) -> dict[str, tuple[int, int]]:
    """Stock agrees with itself, with the ledger and with the holds. (held, available) of each variant."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            """
            with line as (
                select hold.status, line.* from hold,
                       jsonb_to_recordset(lines) as line (variant_id uuid, product_id uuid, quantity bigint)
            )
            select v.*,
                   (select coalesce(sum(delta), 0) from stock_movement where variant_id = v.id) as noted,
                   (select coalesce(sum(quantity), 0) from line
                    where variant_id = v.id and status = 'held') as holding,
                   (select coalesce(sum(quantity), 0) from line
                    where variant_id = v.id and status = 'committed') as committed
            from variant v where product_id = $1
            """,
            product["id"],
        )
    finally:
        await connection.close()
    assert len(rows) == VARIANTS
    for row in rows:
        assert row["on_hand"] == row["available"] + row["held"]
        assert min(row["on_hand"], row["available"], row["held"], row["sold"]) >= 0
        assert row["initial"] + row["restocked"] == row["on_hand"] + row["sold"]
        assert row["noted"] == row["on_hand"]
        assert row["holding"] == row["held"]
        assert row["committed"] == row["sold"]
    return {str(row["id"]): (row["held"], row["available"]) for row in rows}


@several
@given(st.lists(steps, max_size=25))
async def test_stock_is_what_the_model_says(empty_shop: Shop, database_url: str, taken: list[Step]) -> None:
    product = await empty_shop.create(**sized("S", "M", "L", stock=STOCK))
    orders = [str(uuid4()) for _ in range(HOLDS)]
    model = Model()
    for step in taken:
        assert await perform(empty_shop, product, orders, step) == model.step(step), step
    levels = await require_invariants(database_url, product)
    assert levels == {variant_id(product, at): (model.held[at], model.available[at]) for at in range(VARIANTS)}


@several
@given(st.lists(steps, max_size=25))
async def test_stock_adds_up_whatever_happens_at_once(empty_shop: Shop, database_url: str, taken: list[Step]) -> None:
    product = await empty_shop.create(**sized("S", "M", "L", stock=STOCK))
    orders = [str(uuid4()) for _ in range(HOLDS)]
    answers = await asyncio.gather(*(perform(empty_shop, product, orders, step) for step in taken))
    assert set(answers) <= {200, 204, 404, 409, 422}
    await require_invariants(database_url, product)
