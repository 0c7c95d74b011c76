"""What a checkout relies on of the product service."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from serai.chassis.errors import Invalid, NotFound
from serai.contracts.product.inventory import HoldClosed, HoldLine, OutOfStock, RequestDiffers
from tests.contracts.worlds import ProductWorld, usd


async def test_facts_are_of_now_and_what_never_existed_is_left_out(product: ProductWorld) -> None:
    desk, chair = await product.item(stock=3, price=1500), await product.item(stock=0)
    facts = await product.client.variants([desk.variant_id, uuid4(), chair.variant_id, desk.variant_id])
    known = {one.variant_id: one for one in facts}
    assert len(facts) == 2
    assert (known[desk.variant_id].unit_price, known[desk.variant_id].available) == (usd(1500), 3)
    assert known[desk.variant_id].product_id == desk.product_id
    assert known[chair.variant_id].available == 0
    assert await product.client.variants([]) == []


async def test_what_is_no_longer_for_sale_is_told_with_nothing_available(product: ProductWorld) -> None:
    desk = await product.item(stock=3)
    await product.archive(desk)
    (facts,) = await product.client.variants([desk.variant_id])
    assert facts.available == 0
    with pytest.raises(OutOfStock) as refused:
        await product.client.hold(str(uuid4()), [HoldLine(desk.variant_id, 1)])
    assert refused.value.facts["items"] == [{"variant_id": str(desk.variant_id), "requested": 1, "available": 0}]


async def test_a_choice_is_of_what_is_for_sale(product: ProductWorld) -> None:
    desk = await product.item(stock=3)
    assert (await product.client.choose(desk.product_id, None)).variant_id == desk.variant_id
    assert (await product.client.choose(desk.product_id, desk.variant_id)).available == 3
    for product_id, variant_id in ((uuid4(), None), (desk.product_id, uuid4())):
        with pytest.raises(NotFound):
            await product.client.choose(product_id, variant_id)


async def test_a_hold_takes_units_and_answers_what_the_order_is_made_with(product: ProductWorld) -> None:
    desk, chair = await product.item(stock=3, price=1500), await product.item(stock=5, price=700)
    asked = [HoldLine(chair.variant_id, 1), HoldLine(desk.variant_id, 2)]
    lines = await product.client.hold(str(uuid4()), asked)
    told = {(line.variant_id, line.product_id, line.quantity, line.unit_price) for line in lines}
    assert told == {
        (desk.variant_id, desk.product_id, 2, usd(1500)),
        (chair.variant_id, chair.product_id, 1, usd(700)),
    }
    assert [line.variant_id for line in lines] == sorted(line.variant_id for line in lines)
    assert await product.units(desk) == (1, 2)
    assert await product.units(chair) == (4, 1)


async def test_the_same_hold_again_answers_the_first_answer_and_takes_nothing(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=2), str(uuid4())
    asked = [HoldLine(desk.variant_id, 2)]
    first = await product.client.hold(hold, asked)
    await product.set_price(desk, 9999)
    assert await product.client.hold(hold, asked) == first
    assert await product.units(desk) == (0, 2)


async def test_the_order_of_a_holds_lines_does_not_matter(product: ProductWorld) -> None:
    desk, chair, hold = await product.item(stock=2), await product.item(stock=2), str(uuid4())
    asked = [HoldLine(desk.variant_id, 1), HoldLine(chair.variant_id, 2)]
    assert await product.client.hold(hold, asked) == await product.client.hold(hold, asked[::-1])


async def test_another_hold_under_the_same_id_is_refused(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    with pytest.raises(RequestDiffers):
        await product.client.hold(hold, [HoldLine(desk.variant_id, 3)])
    assert await product.units(desk) == (3, 2)


async def test_a_hold_names_a_variant_once(product: ProductWorld) -> None:
    desk = await product.item(stock=5)
    with pytest.raises(Invalid):
        await product.client.hold(str(uuid4()), [HoldLine(desk.variant_id, 1), HoldLine(desk.variant_id, 1)])


async def test_all_lines_are_held_or_none_and_every_short_one_is_told(product: ProductWorld) -> None:
    desk, chair, unknown, hold = await product.item(stock=5), await product.item(stock=1), uuid4(), str(uuid4())
    with pytest.raises(OutOfStock) as refused:
        await product.client.hold(
            hold, [HoldLine(desk.variant_id, 2), HoldLine(chair.variant_id, 3), HoldLine(unknown, 1)]
        )
    assert sorted(refused.value.facts["items"], key=lambda item: int(item["requested"])) == [
        {"variant_id": str(unknown), "requested": 1, "available": 0},
        {"variant_id": str(chair.variant_id), "requested": 3, "available": 1},
    ]
    assert await product.units(desk) == (5, 0)
    # A hold that was refused holds nothing under its id, so less may be held under it.
    assert await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])


async def test_as_many_holds_succeed_as_there_are_units(product: ProductWorld) -> None:
    desk = await product.item(stock=3)
    answers = await asyncio.gather(
        *(product.client.hold(str(uuid4()), [HoldLine(desk.variant_id, 1)]) for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(answer, OutOfStock) for answer in answers) == 3
    assert await product.units(desk) == (0, 3)


async def test_what_is_committed_is_sold_once(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    for _ in range(3):
        await product.client.commit(hold)
    assert await product.units(desk) == (3, 0)


async def test_what_is_released_is_available_again_once(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    for _ in range(3):
        await product.client.release(hold)
    assert await product.units(desk) == (5, 0)


async def test_a_released_hold_can_be_neither_committed_nor_held_nor_returned(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    asked = [HoldLine(desk.variant_id, 2)]
    await product.client.hold(hold, asked)
    await product.client.release(hold)
    with pytest.raises(HoldClosed):
        await product.client.commit(hold)
    with pytest.raises(HoldClosed):
        await product.client.hold(hold, asked)
    with pytest.raises(NotFound):
        await product.client.put_back(hold)
    assert await product.units(desk) == (5, 0)


async def test_releasing_what_was_never_held_refuses_a_late_hold(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    for _ in range(2):
        await product.client.release(hold)
    with pytest.raises(HoldClosed):
        await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    with pytest.raises(HoldClosed):
        await product.client.commit(hold)
    assert await product.units(desk) == (5, 0)


async def test_what_was_never_held_can_be_neither_committed_nor_returned(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    with pytest.raises(NotFound):
        await product.client.commit(hold)
    with pytest.raises(NotFound):
        await product.client.put_back(hold)
    # And that leaves no tombstone.
    assert await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])


async def test_what_is_only_held_cannot_be_returned(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    with pytest.raises(NotFound):
        await product.client.put_back(hold)
    assert await product.units(desk) == (3, 2)


async def test_what_was_sold_returns_to_stock_once(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    await product.client.hold(hold, [HoldLine(desk.variant_id, 2)])
    await product.client.commit(hold)
    for _ in range(3):
        await product.client.put_back(hold)
    assert await product.units(desk) == (5, 0)


@pytest.mark.parametrize("returned", [False, True])
async def test_what_was_sold_can_be_neither_released_nor_held_again(product: ProductWorld, returned: bool) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    asked = [HoldLine(desk.variant_id, 2)]
    await product.client.hold(hold, asked)
    await product.client.commit(hold)
    if returned:
        await product.client.put_back(hold)
    with pytest.raises(HoldClosed):
        await product.client.release(hold)
    with pytest.raises(HoldClosed):
        await product.client.hold(hold, asked)
    # A late repetition of what was done is answered as then, and sells nothing anew.
    await product.client.commit(hold)
    assert await product.units(desk) == ((5, 0) if returned else (3, 0))


async def test_an_order_may_hold_a_second_time_under_a_name_of_its_own(product: ProductWorld) -> None:
    desk, order = await product.item(stock=5), uuid4()
    asked = [HoldLine(desk.variant_id, 2)]
    await product.client.hold(str(order), asked)
    await product.client.release(str(order))
    await product.client.hold(f"{order}:2", asked)
    await product.client.commit(f"{order}:2")
    assert await product.units(desk) == (3, 0)


async def test_units_stay_held_and_sold_when_their_product_is_taken_off_sale(product: ProductWorld) -> None:
    desk, hold = await product.item(stock=5), str(uuid4())
    asked = [HoldLine(desk.variant_id, 2)]
    first = await product.client.hold(hold, asked)
    await product.archive(desk)
    assert await product.client.hold(hold, asked) == first
    await product.client.commit(hold)
    await product.client.put_back(hold)
