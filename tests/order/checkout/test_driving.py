"""Who drives a saga, what becomes of a step that fails, and what is saved of one whose commit was cut off."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from serai.chassis.data.database import Connection, Database, DatabaseUnavailable
from serai.chassis.data.feed import Feed
from serai.chassis.errors import NotFound, Unavailable
from serai.order.checkout import actions, domain
from serai.order.checkout.domain import ALERT_AFTER, GIVE_UP_AFTER, State
from serai.order.checkout.saga import SAGA_AGE, SAGAS
from serai.order.orders.metrics import ORDERS
from tests.order.checkout.shop import Shop, alerts

#: The call that each step fails at, and the state it is done from.
STEPS = [
    (State.ACCEPTED, "cart", "freeze"),
    (State.CART_FROZEN, "product", "hold"),
    (State.PAYMENT_OPENING, "payment", "open"),
    (State.PAID, "product", "commit"),
    (State.STOCK_COMMITTED, "cart", "clear"),
    (State.REFUNDING, "payment", "refund"),
    (State.RESTOCKING, "product", "put_back"),
    (State.CANCELLING, "payment", "close"),
    (State.REJECTING, "payment", "close"),
]
BACK = [step for step in STEPS if step[0] in GIVE_UP_AFTER]
FORWARD_ONLY = [step for step in STEPS if step[0] not in GIVE_UP_AFTER]


async def before(shop: Shop, state: State) -> domain.Saga:
    """A saga whose next step is that of `state`."""
    if state in (State.ACCEPTED, State.CART_FROZEN):
        saga = await shop.accept()
        if state is State.ACCEPTED:
            return saga
        cart = await shop.cart.freeze(saga.order_id, shop.user_id, None)
        return await shop.put(saga, state, lines=tuple((line.variant_id, line.quantity) for line in cart.lines))
    if state is State.PAYMENT_OPENING:
        shop.payment.faults.fail_before("open")
        return await shop.put(await shop.drive(await shop.accept()), state)
    if state in (State.CANCELLING, State.REJECTING):
        return await shop.put(await shop.awaiting_payment(), state, failure={"code": "checkout_failed"})
    if state is State.PAID:
        return await shop.paid()
    if state is State.STOCK_COMMITTED:
        saga = await shop.paid()
        await shop.product.commit(saga.context.hold_id)
        return await shop.put(saga, state)
    return await shop.put(await shop.done(), state)


# Steps that fail


@pytest.mark.parametrize(("state", "callee", "method"), STEPS)
@pytest.mark.parametrize("error", [None, TimeoutError(), ConnectionResetError(), RuntimeError("a mistake of ours")])
async def test_a_step_that_nobody_answers_is_tried_again(
    shop: Shop, state: State, callee: str, method: str, error: Exception | None
) -> None:
    saga = await before(shop, state)
    steps = await shop.steps(saga.order_id)
    getattr(shop, callee).faults.fail_before(method, error=error)
    waiting = await shop.drive(saga)
    assert (waiting.state, waiting.attempts) == (state, 1)
    assert await shop.steps(saga.order_id) == steps
    (row,) = await shop.sql(
        "select next_run_at - now() as pause, lease_until < now() as free from checkout.saga where order_id = $1",
        saga.order_id,
    )
    assert row["free"]
    assert timedelta(0) < row["pause"] <= timedelta(seconds=domain.retry_pause_s(1))
    rested = await shop.rest(saga.order_id)
    assert rested.state in domain.RESTING
    assert rested.attempts == 0


async def test_pauses_grow_with_every_failure(shop: Shop) -> None:
    saga = await shop.paid()
    shop.product.faults.down = True
    for attempts in range(1, 5):
        saga = await shop.drive(saga)
        assert saga.attempts == attempts
        (row,) = await shop.sql(
            "select next_run_at - now() as pause from checkout.saga where order_id = $1", saga.order_id
        )
        assert row["pause"].total_seconds() > domain.retry_pause_s(attempts) / 2 - 0.4
        saga = await shop.claim(saga.order_id)


@pytest.mark.parametrize(("state", "callee", "method"), BACK)
async def test_a_step_before_payment_is_given_up_after_its_time(
    shop: Shop, state: State, callee: str, method: str
) -> None:
    saga = await before(shop, state)
    too_long = GIVE_UP_AFTER[state].total_seconds() + 1
    getattr(shop, callee).faults.fail_before(method, times=2)
    early = await shop.drive(await shop.claim(saga.order_id, waited_s=too_long - 30))
    assert early.state is state
    rejected = await shop.drive(await shop.claim(saga.order_id, waited_s=30))
    order = await shop.order(saga.order_id)
    assert (rejected.state, order.status) == (State.REJECTED, "rejected")
    assert order.failure is not None
    assert order.failure.code == "checkout_failed"
    assert rejected.context.failure is not None
    assert rejected.context.failure["status"] == 503
    assert shop.units() == (10, 0, 0)
    assert shop.cart.freeze_state(saga.order_id) == "released"


@pytest.mark.parametrize(("state", "callee", "method"), FORWARD_ONLY)
async def test_what_must_be_done_is_tried_for_ever_and_a_person_is_called(
    shop: Shop, state: State, callee: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await before(shop, state)
    getattr(shop, callee).faults.fail_before(method, times=2)
    await shop.drive(await shop.claim(saga.order_id, waited_s=ALERT_AFTER.total_seconds() - 60))
    assert alerts(caplog) == []
    stuck = await shop.drive(await shop.claim(saga.order_id, waited_s=120))
    assert (stuck.state, stuck.attempts) == (state, 2)
    assert alerts(caplog) == ["stuck_saga"]
    assert (await shop.rest(saga.order_id)).state in domain.RESTING


@pytest.mark.parametrize(("state", "callee", "method"), BACK)
async def test_a_refusal_before_payment_ends_the_checkout_at_once_with_its_own_reason(
    shop: Shop, state: State, callee: str, method: str
) -> None:
    saga = await before(shop, state)
    getattr(shop, callee).faults.fail_before(method, error=NotFound())
    rejected = await shop.drive(saga)
    assert rejected.state is State.REJECTED
    assert rejected.context.failure is not None
    assert (rejected.context.failure["code"], rejected.context.failure["status"]) == ("not_found", 404)


@pytest.mark.parametrize(
    ("state", "callee", "method"), [step for step in FORWARD_ONLY if step[2] not in ("commit", "put_back")]
)
async def test_a_refusal_of_what_must_be_done_is_only_a_reason_to_try_again(
    shop: Shop, state: State, callee: str, method: str
) -> None:
    saga = await before(shop, state)
    getattr(shop, callee).faults.fail_before(method, error=NotFound())
    waiting = await shop.drive(saga)
    assert (waiting.state, waiting.attempts) == (state, 1)


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (Unavailable(), logging.WARNING),
        (NotFound(), logging.WARNING),
        (TimeoutError(), logging.ERROR),
        (RuntimeError("a mistake of ours"), logging.ERROR),
    ],
)
async def test_only_what_nobody_foresaw_is_logged_as_an_error(
    shop: Shop, error: Exception, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    saga = await shop.accept()
    shop.cart.faults.fail_before("freeze", error=error)
    await shop.drive(saga)
    failed = [record for record in caplog.records if record.message.startswith("step failed")]
    assert [record.levelno for record in failed] == [level]
    assert (failed[0].exc_info is not None) == (level == logging.ERROR)


# Saving


async def test_nobody_takes_a_saga_while_its_driver_goes_on_from_step_to_step(shop: Shop) -> None:
    saga = await shop.accept()
    stall = shop.payment.faults.stall_before("open")
    driving = asyncio.create_task(shop.checkout.drive(saga))
    await stall.reached.wait()
    assert (await shop.saga(saga.order_id)).state is State.PAYMENT_OPENING
    assert not await shop.can_be_taken(saga.order_id)
    stall.resume()
    assert await driving is not None


async def test_a_saga_whose_driver_dies_between_two_steps_is_taken_over_once_the_lease_ends(shop: Shop) -> None:
    saga = await shop.accept()
    stall = shop.payment.faults.stall_before("open")
    driving = asyncio.create_task(shop.checkout.drive(saga))
    await stall.reached.wait()
    driving.cancel()
    assert not await shop.can_be_taken(saga.order_id)
    await shop.sql("update checkout.saga set lease_until = now() where order_id = $1", saga.order_id)
    assert await shop.can_be_taken(saga.order_id)


@pytest.mark.parametrize(("quantity", "state"), [(2, State.AWAITING_PAYMENT), (0, State.REJECTED)])
async def test_the_feed_is_nudged_as_soon_as_an_order_is_placed_or_rejected(
    shop: Shop, quantity: int, state: State
) -> None:
    saga = await shop.accept(quantity)
    assert not shop.feed.nudge._set.is_set()
    assert (await shop.drive(saga)).state is state
    assert shop.feed.nudge._set.is_set()


async def test_a_rejection_is_written_whole_or_not_at_all(shop: Shop) -> None:
    """The connection breaks between what is written of the saga and what is written of the order."""
    saga = await shop.accept(0)
    shop.feed = BrokenFeed(shop.db)
    rejected = await shop.checkout_on(shop.db).drive(saga)
    assert rejected is not None
    assert rejected.state is State.REJECTED
    assert await shop.status(saga.order_id) == "rejected"
    assert await shop.told(saga.order_id) == ["order.rejected"]


async def test_a_driver_that_was_overtaken_stops(shop: Shop) -> None:
    saga = await shop.accept()
    taken_over = await shop.claim(saga.order_id)
    assert await shop.checkout.drive(saga) is None
    assert (await shop.saga(saga.order_id)).state is State.ACCEPTED
    assert (await shop.drive(taken_over)).state is State.AWAITING_PAYMENT


async def test_a_driver_that_was_overtaken_rejects_nothing(shop: Shop) -> None:
    """What is written beside the saga is fenced off with it."""
    saga = await shop.accept(0)
    await shop.claim(saga.order_id)
    assert await shop.checkout.drive(saga) is None
    assert await shop.status(saga.order_id) == "pending"
    assert await shop.told(saga.order_id) == []
    assert not await shop.key_is_free(saga)


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize(
    ("quantity", "state", "told"),
    [(2, State.AWAITING_PAYMENT, ["order.placed"]), (0, State.REJECTED, ["order.rejected"])],
)
async def test_a_step_whose_commit_was_cut_off_is_saved_once(
    shop: Shop, cut: Any, quantity: int, state: State, told: list[str]
) -> None:
    saga = await shop.accept(quantity)
    await shop.cut.open()
    # Pricing takes a number before the first commit of a purchase.
    shop.cut.cuts = [None, cut] if quantity else [cut]
    driven = await shop.checkout_on(shop.cut).drive(saga)
    assert shop.cut.cuts == []
    assert driven is not None
    assert (driven.state, driven.attempts) == (state, 0)
    assert await shop.told(saga.order_id) == told
    steps = await shop.steps(saga.order_id)
    assert len(steps) == len(set(steps))


async def test_a_driver_looks_again_until_the_database_is_back(shop: Shop) -> None:
    saga = await shop.accept(0)
    await shop.cut.open()
    shop.cut.cuts = ["before"] * 7
    driven = await shop.checkout_on(shop.cut).drive(saga)
    assert driven is not None
    assert driven.state is State.REJECTED


async def test_a_driver_waits_twice_as_long_before_each_further_look(shop: Shop) -> None:
    looks: list[float] = []

    async def look() -> None:
        looks.append(time.monotonic())

    saga = await shop.accept(0)
    await shop.cut.open()
    shop.cut.cuts = ["before", look, "before", look, "before", look]
    began = time.monotonic()
    assert await shop.checkout_on(shop.cut, save_pause_s=0.1).drive(saga) is not None
    waited = [after - before for before, after in itertools.pairwise([began, *looks])]
    assert all(pause >= least for pause, least in zip(waited, (0.1, 0.2, 0.4), strict=True))


async def test_a_saga_is_left_to_its_lease_when_the_database_stays_away(shop: Shop) -> None:
    saga = await shop.accept(0)
    await shop.cut.open()
    shop.cut.cuts = ["before"] * 12
    assert await shop.checkout_on(shop.cut).drive(saga) is None
    assert shop.cut.cuts == []
    assert await shop.saga(saga.order_id) == saga


async def test_a_commit_that_was_cut_off_is_not_repeated_by_whoever_was_overtaken(shop: Shop) -> None:
    saga = await shop.accept(0)
    await shop.claim(saga.order_id)
    await shop.cut.open()
    shop.cut.cuts = ["before"]
    assert await shop.checkout_on(shop.cut).drive(saga) is None
    assert (await shop.saga(saga.order_id)).state is State.ACCEPTED


# A request that waits for its checkout


async def test_a_request_waits_for_its_checkout_through_a_failure(shop: Shop) -> None:
    saga = await shop.accept()
    shop.product.faults.fail_before("hold")
    driven = await shop.checkout.drive_within(saga, 5.0)
    assert driven is not None
    assert driven.state is State.AWAITING_PAYMENT


async def test_a_request_does_not_wait_for_a_try_that_would_come_too_late(shop: Shop) -> None:
    saga = await shop.accept()
    shop.product.faults.fail_before("hold")
    began = time.monotonic()
    assert await shop.checkout.drive_within(saga, 0.3) is None
    assert time.monotonic() - began < 0.3
    assert (await shop.rest(saga.order_id)).state is State.AWAITING_PAYMENT


async def test_a_checkout_goes_on_when_its_request_waits_no_longer(shop: Shop) -> None:
    saga = await shop.accept()
    stall = shop.payment.faults.stall_before("open")
    assert await shop.checkout.drive_within(saga, 0.1) is None
    assert shop.checkout.worker.active_jobs == 1
    stall.resume()
    await until(lambda: _is(shop, saga, State.AWAITING_PAYMENT))
    await until(lambda: _no_active_jobs(shop))


async def test_a_request_hears_of_what_another_worker_made_of_its_checkout(shop: Shop) -> None:
    saga = await shop.accept()
    stall = shop.payment.faults.stall_before("open")
    waiting = asyncio.create_task(shop.checkout.drive_within(saga, 5.0))
    await stall.reached.wait()
    other = await shop.drive(await shop.claim(saga.order_id))
    stall.resume()
    driven = await waiting
    assert driven == other
    assert driven.state is State.AWAITING_PAYMENT


async def test_a_request_does_not_take_a_checkout_for_done_that_another_worker_is_at(shop: Shop) -> None:
    saga = await shop.accept()
    await shop.claim(saga.order_id)
    assert await shop.checkout.drive_within(saga, 0.25) is None
    assert (await shop.saga(saga.order_id)).state is State.ACCEPTED


# Workers


async def test_a_worker_drives_what_is_due(lone_shop: Shop) -> None:
    saga = await lone_shop.accept()
    await lone_shop.make_due(saga.order_id)
    async with _working(lone_shop):
        await until(lambda: _is(lone_shop, saga, State.AWAITING_PAYMENT))


async def test_a_worker_leaves_alone_what_another_holds(lone_shop: Shop) -> None:
    held = await lone_shop.accept()
    async with _working(lone_shop):
        due = await lone_shop.accept()
        await lone_shop.make_due(due.order_id)
        lone_shop.checkout.nudge()
        await until(lambda: _is(lone_shop, due, State.AWAITING_PAYMENT))
    assert await lone_shop.saga(held.order_id) == held


async def test_a_worker_has_only_so_many_sagas_in_hand(lone_shop: Shop) -> None:
    stalls = [lone_shop.cart.faults.stall_before("freeze") for _ in range(18)]
    for _ in range(18):
        await lone_shop.make_due((await lone_shop.accept(1)).order_id)
    async with _working(lone_shop):
        await asyncio.gather(*(stall.reached.wait() for stall in stalls[:16]))
        lone_shop.checkout.nudge()
        await asyncio.sleep(0.05)
        assert lone_shop.checkout.worker.active_jobs == 16
        assert not stalls[16].reached.is_set()
        stalls[0].resume()
        await asyncio.wait_for(stalls[16].reached.wait(), 5)


async def test_a_worker_that_leaves_finishes_what_it_has_begun_and_begins_nothing(lone_shop: Shop) -> None:
    begun = await lone_shop.accept()
    await lone_shop.make_due(begun.order_id)
    stall = lone_shop.payment.faults.stall_before("open")
    async with _working(lone_shop):
        await stall.reached.wait()
        lone_shop.checkout.worker.stop_claiming()
        late = await lone_shop.accept()
        await lone_shop.make_due(late.order_id)
        lone_shop.checkout.nudge()
        stall.resume()
        await until(lambda: _is(lone_shop, begun, State.AWAITING_PAYMENT))
        lone_shop.checkout.nudge()
        await asyncio.sleep(0.05)
        assert (await lone_shop.saga(late.order_id)).epoch == late.epoch


async def test_a_worker_outlives_a_saga_that_cannot_be_saved(lone_shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    broken = await lone_shop.accept(1)
    await lone_shop.take_next_number()
    await lone_shop.make_due(broken.order_id)
    async with _working(lone_shop):
        await until(lambda: _was_left(caplog))
        await until(lambda: _no_active_jobs(lone_shop))
        await lone_shop.cart.release(broken.order_id)
        sound = await lone_shop.accept(1)
        await lone_shop.make_due(sound.order_id)
        lone_shop.checkout.nudge()
        await until(lambda: _is(lone_shop, sound, State.AWAITING_PAYMENT))
    assert (await lone_shop.saga(broken.order_id)).state is State.ACCEPTED


async def test_operators_see_how_many_sagas_are_where_and_how_old_they_are(lone_shop: Shop) -> None:
    waiting = await lone_shop.awaiting_payment()
    await lone_shop.cart.release(waiting.order_id)
    stuck = await lone_shop.paid()
    await lone_shop.claim(stuck.order_id, waited_s=100)
    rejected = await lone_shop.accept(0)
    lone_shop.cart.faults.fail_before("freeze", error=NotFound())
    assert (await lone_shop.drive(rejected)).state is State.REJECTED
    await lone_shop.checkout.measure()
    counts = {sample.labels["state"]: sample.value for sample in next(iter(SAGAS.collect())).samples}
    ages = {sample.labels["state"]: sample.value for sample in next(iter(SAGA_AGE.collect())).samples}
    assert counts == {"awaiting_payment": 1, "paid": 1}
    # A buyer may take the time there is.
    assert ages.keys() == {"paid"}
    assert 100 <= ages["paid"] < 130


async def test_operators_see_how_many_orders_reached_each_status(shop: Shop) -> None:
    def counted() -> dict[str, float]:
        samples = next(iter(ORDERS.collect())).samples
        return {one.labels["status"]: one.value for one in samples if one.name == "orders_total"}

    before = counted()
    sold = await shop.done()
    deps = shop.deps_of(shop.checkout, refund_patience_s=0)
    await actions.cancel_order(deps, shop.admin, sold.order_id, shop.idempotent_request())
    await shop.hear()
    shop.fill_cart()
    await shop.drive(await shop.cancelling())
    await shop.drive(await Shop(shop.db, "").accept(0))
    grown = {status: count - before.get(status, 0) for status, count in counted().items()}
    assert {status: by for status, by in grown.items() if by} == {
        "awaiting_payment": 2,
        "paid": 1,
        "refunded": 1,
        "cancelled": 1,
        "rejected": 1,
    }


class BrokenFeed(Feed):
    """The first event meets a connection that breaks."""

    def __init__(self, db: Database) -> None:
        super().__init__("order", db)
        self._broken = True

    async def append(
        self, tx: Connection, type_: str, subject: UUID | str, data: Any, traceparent: str | None = None
    ) -> UUID:
        if self._broken:
            self._broken = False
            raise DatabaseUnavailable
        return await super().append(tx, type_, subject, data)


class _working:
    """A worker of this process, for as long as the block runs."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._shop.checkout.worker.run())

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await look():
            await asyncio.sleep(0.005)


async def _is(shop: Shop, saga: domain.Saga, state: State) -> bool:
    return (await shop.saga(saga.order_id)).state is state


async def _no_active_jobs(shop: Shop) -> bool:
    return shop.checkout.worker.active_jobs == 0


async def _was_left(caplog: pytest.LogCaptureFixture) -> bool:
    return "job failed; it is retried when its lease expires" in caplog.messages
