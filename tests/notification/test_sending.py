"""The email worker with a failing SMTP server, a failing database, and after being killed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serai.chassis.data.database import Database
from serai.chassis.data.feed import Event
from serai.contracts.order.events import ORDER_CANCELLED, ORDER_PAID, ORDER_PLACED, ORDER_SHIPPED, OrderEvent
from serai.notification import actions, store
from serai.notification.domain import MAX_REFUSALS
from tests import tokens
from tests.conftest import blocking
from tests.notification.harness import NO_KEY, Inbox, WorkerHarness, eventually, unique_address


async def test_an_email_names_its_sender_and_suppresses_out_of_office_replies(
    harness: WorkerHarness, inbox: Inbox
) -> None:
    email_id = await harness.queue(to := unique_address())
    await harness.send_due()
    [mail] = inbox.emails(to)
    assert mail["message_id"] == f"<{email_id}@serai.example>"
    kept = await harness.email(email_id)
    assert kept.status == "sent"
    assert kept.sent_at is not None
    assert kept.headers is not None
    assert kept.headers["Auto-Submitted"] == "auto-generated"
    assert kept.headers["From"] == "Serai <shop@serai.example>"
    assert "List-Unsubscribe" not in kept.headers
    assert kept.text == mail["text"].replace("\r\n", "\n")


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
async def test_a_deferred_email_is_tried_again(harness: WorkerHarness, inbox: Inbox, stage: str) -> None:
    inbox.fault("refuse", stage=stage, code=451)
    email_id = await harness.queue(to := unique_address())
    await harness.send_due()
    waiting = await harness.email(email_id)
    assert (waiting.status, waiting.attempts) == ("queued", 1)
    assert waiting.error is not None
    assert waiting.error.startswith("451")
    assert not inbox.emails(to)
    await harness.end_all_delays()
    await harness.send_due()
    assert ((await harness.email(email_id)).status, len(inbox.emails(to))) == ("sent", 1)


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_an_email_refused_for_good_fails_after_a_few_tries(
    harness: WorkerHarness, inbox: Inbox, stage: str
) -> None:
    inbox.fault("refuse", stage=stage, code=550, count=MAX_REFUSALS)
    email_id = await harness.queue(unique_address())
    for attempt in range(1, MAX_REFUSALS + 1):
        assert (await harness.email(email_id)).status == "queued"
        await harness.send_due()
        await harness.end_all_delays()
        assert (await harness.email(email_id)).attempts == attempt
    failed = await harness.email(email_id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.startswith("550")
    await harness.send_due()
    assert (await harness.email(email_id)).attempts == MAX_REFUSALS, "a failed mail rests"


async def test_a_refused_sender_does_not_fail_the_email(harness: WorkerHarness, inbox: Inbox) -> None:
    inbox.fault("refuse", stage="mail", code=553, count=MAX_REFUSALS + 1)
    email_id = await harness.queue(to := unique_address())
    for _ in range(MAX_REFUSALS + 2):
        await harness.send_due()
        await harness.end_all_delays()
    assert ((await harness.email(email_id)).status, len(inbox.emails(to))) == ("sent", 1)


async def test_a_failed_email_that_is_sent_again_keeps_its_id(harness: WorkerHarness, inbox: Inbox) -> None:
    inbox.fault("refuse", stage="rcpt", code=550, count=MAX_REFUSALS)
    email_id = await harness.queue(to := unique_address())
    for _ in range(MAX_REFUSALS):
        await harness.send_due()
        await harness.end_all_delays()
    await actions.resend(harness.db, UUID(email_id), NO_KEY)
    await harness.send_due()
    assert (await harness.email(email_id)).status == "sent"
    assert [mail["message_id"] for mail in inbox.emails(to)] == [f"<{email_id}@serai.example>"]


@pytest.mark.parametrize("stored", [True, False])
async def test_a_connection_cut_after_the_email_was_handed_over_makes_no_second_email(
    harness: WorkerHarness, inbox: Inbox, stored: bool
) -> None:
    inbox.fault("cut", stored=stored)
    email_id = await harness.queue(to := unique_address())
    await harness.send_due()
    assert (await harness.email(email_id)).status == "queued", "nobody can tell whether it was taken"
    await harness.end_all_delays()
    await harness.send_due()
    assert (await harness.email(email_id)).status == "sent"
    assert {mail["message_id"] for mail in inbox.emails(to)} == {f"<{email_id}@serai.example>"}


async def test_an_unreachable_server_only_costs_an_attempt(db: Database) -> None:
    harness = WorkerHarness(db, "smtp://127.0.0.1:9?starttls=no")
    email_id = await harness.queue(unique_address())
    await harness.send_due()
    waiting = await harness.email(email_id)
    assert (waiting.status, waiting.attempts) == ("queued", 1)


async def test_an_email_tried_for_three_days_is_given_up(db: Database) -> None:
    harness = WorkerHarness(db, "smtp://127.0.0.1:9?starttls=no")
    email_id = await harness.queue(unique_address())
    async with db.transaction() as tx:
        await tx.execute("update mail set give_up_at = now() - interval '1 second'")
    await harness.send_due()
    assert (await harness.email(email_id)).status == "failed"


async def test_an_email_of_a_worker_that_dies_during_a_command_is_sent_by_another(
    harness: WorkerHarness, inbox: Inbox
) -> None:
    inbox.fault("stall", seconds=30, stored=True)
    email_id = await harness.queue(to := unique_address())
    dying = asyncio.create_task(harness.send_one())

    async def taken() -> bool:
        return bool(inbox.emails(to))

    await eventually(taken)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await harness.end_all_delays()
    await harness.send_due()
    assert (await harness.email(email_id)).status == "sent"
    assert {mail["message_id"] for mail in inbox.emails(to)} == {f"<{email_id}@serai.example>"}


async def test_a_database_that_is_away_for_a_moment_breaks_no_delivery_off(
    harness: WorkerHarness, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    # Services started earlier in this process set another level.
    caplog.set_level(logging.INFO)
    inbox.fault("stall", seconds=1, stored=True)
    email_id = await harness.queue(to := unique_address())
    sending = asyncio.create_task(harness.worker.run())

    async def taken() -> bool:
        return bool(inbox.emails(to))

    async def missed() -> bool:
        harness.worker.nudge()
        return "no job claimed" in caplog.text

    async def sent() -> bool:
        return (await harness.email(email_id)).status == "sent"

    await eventually(taken)
    await harness.db.close()
    await eventually(missed)
    await harness.db.open()
    await eventually(sent)
    assert (await harness.email(email_id)).attempts == len(inbox.emails(to)) == 1
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_draining_worker_finishes_its_attempts_and_claims_no_more(harness: WorkerHarness, inbox: Inbox) -> None:
    inbox.fault("stall", seconds=1, stored=True)
    begun = await harness.queue(to := unique_address())
    sending = asyncio.create_task(harness.worker.run())
    await eventually(lambda: _as_many(inbox, to, 1))
    harness.worker.stop_claiming()
    late = await harness.queue(unique_address())
    harness.worker.nudge()

    async def finished() -> bool:
        return harness.worker.active_jobs == 0

    await eventually(finished)
    assert ((await harness.email(begun)).status, (await harness.email(late)).attempts) == ("sent", 0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def test_a_stopped_worker_records_its_attempts_before_it_ends(harness: WorkerHarness, inbox: Inbox) -> None:
    inbox.fault("stall", seconds=30, stored=True)
    email_id = await harness.queue(to := unique_address())
    sending = asyncio.create_task(harness.worker.run())
    await eventually(lambda: _as_many(inbox, to, 1))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    stopped = await harness.email(email_id)
    assert (stopped.status, stopped.attempts, stopped.error) == ("queued", 1, "The worker was stopped.")


async def test_emails_are_sent_concurrently_over_reused_connections(harness: WorkerHarness, inbox: Inbox) -> None:
    to = unique_address()
    ids = {await harness.queue(to, f"Number {number}.") for number in range(25)}
    sending = asyncio.create_task(harness.worker.run())

    async def all_sent() -> bool:
        async with harness.db.connection() as conn:
            return bool(await conn.fetchval("select count(*) = 25 from mail where status = 'sent'"))

    await eventually(all_sent)
    await harness.queue(to, "One more.")
    harness.worker.nudge()
    await eventually(lambda: _as_many(inbox, to, 26))
    assert ids < {mail["message_id"].strip("<>").partition("@")[0] for mail in inbox.emails(to)}
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def _as_many(inbox: Inbox, to: str, count: int) -> bool:
    return len(inbox.emails(to)) == count


async def test_a_process_killed_while_it_sends_loses_no_email(database: Callable[[str], str], inbox: Inbox) -> None:
    url = database("notification")
    db = Database(url, size=2)
    await db.open()
    harness = WorkerHarness(db, inbox.url)
    inbox.fault("stall", seconds=30, stored=True)
    email_id = await harness.queue(to := unique_address())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serai", "serve", "notification"),
        env={"PATH": os.environ["PATH"], **tokens.environ("notification", url, SMTP_URL=inbox.url)},
    )
    try:

        async def taken() -> bool:
            return bool(inbox.emails(to))

        await eventually(taken, within_s=30)
    finally:
        process.kill()
        await process.wait()
    killed = await harness.email(email_id)
    assert (killed.status, killed.attempts) == ("queued", 1)
    await harness.send_due()
    assert (await harness.email(email_id)).attempts == 1, "the lease of the dead holds"
    await harness.end_all_delays()
    await harness.send_due()
    assert (await harness.email(email_id)).status == "sent"
    assert {mail["message_id"] for mail in inbox.emails(to)} == {f"<{email_id}@serai.example>"}
    await harness.worker.disconnect()
    await db.close()


async def test_a_worker_that_froze_past_its_lease_changes_nothing(harness: WorkerHarness, inbox: Inbox) -> None:
    email_id = await harness.queue(to := unique_address())
    async with harness.db.transaction() as tx:
        [frozen] = await store.claim(tx, 1, 90)
    await harness.send_due()
    assert not inbox.emails(to), "the lease holds"
    await harness.end_all_delays()
    await harness.send_due()
    async with harness.db.transaction() as tx:
        late = store.EmailContent("else@example.com", "late", {}, "late", "late")
        assert not await store.finish(tx, frozen, "failed", error="late", refusals=0, content=late)
    kept = await harness.email(email_id)
    assert (kept.status, kept.to, kept.subject, kept.error) == ("sent", to, "A word", None)
    assert kept.text == inbox.emails(to)[0]["text"]


async def test_logs_contain_no_addresses(
    harness: WorkerHarness, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    inbox.fault("refuse", stage="rcpt", code=550)
    inbox.fault("refuse", stage="data", code=451)
    await harness.queue(to := unique_address(), "A secret between us.")
    for _ in range(3):
        await harness.send_due()
        await harness.end_all_delays()
    assert len(inbox.emails(to)) == 1
    told = [record.__dict__ for record in caplog.records if record.name.startswith("serai")]
    assert [record.get("outcome") for record in told if "outcome" in record] == ["refused", "deferred", "sent"]
    assert to not in str(told)
    assert "secret" not in str(told)


async def test_several_workers_share_one_queue_without_sending_twice(harness: WorkerHarness, inbox: Inbox) -> None:
    to = unique_address()
    ids = {await harness.queue(to, f"Number {number}.") for number in range(30)}
    others = [WorkerHarness(harness.db, inbox.url) for _ in range(3)]
    await asyncio.gather(*(each.send_due() for each in (harness, *others)))
    for other in others:
        await other.worker.disconnect()
    mails = inbox.emails(to)
    assert {mail["message_id"] for mail in mails} == {f"<{id}@serai.example>" for id in ids}
    assert len(mails) == 30


async def test_content_is_deleted_after_three_months_and_the_log_entry_stays(harness: WorkerHarness) -> None:
    email_id = await harness.queue(unique_address())
    waiting = await harness.queue(unique_address())
    async with harness.db.transaction() as tx:
        await tx.execute("update mail set next_at = now() + interval '1 day' where id = $1", UUID(waiting))
    await harness.send_due()
    async with harness.db.transaction() as tx:
        await tx.execute("update mail_content set created_at = now() - interval '91 days'")
    await actions.prune(harness.db)
    kept = await harness.email(email_id)
    assert (kept.status, kept.text, kept.html, kept.headers) == ("sent", None, None, None)
    assert kept.subject == "A word"
    await actions.resend(harness.db, UUID(email_id), NO_KEY)
    await harness.send_due()
    assert (await harness.email(email_id)).error == "The content of this email has been deleted."


async def test_only_an_event_that_queued_an_email_wakes_the_sender(db: Database) -> None:
    woken: list[bool] = []
    intake = actions.FeedConsumer(actions.handle_order_event, lambda: woken.append(True))
    for type_, wakes in ((ORDER_PLACED, 0), (ORDER_PAID, 1), (ORDER_PLACED, 1), (ORDER_SHIPPED, 2)):
        async with db.transaction() as tx:
            await intake.apply(tx, _event(0, type_))
        intake.committed()
        assert len(woken) == wakes


_STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["apply", "crash while applying", "claim and die"])), max_size=25
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_each_event_causes_one_email_however_often_it_is_delivered_and_workers_die(
    database_url: str, steps: list[tuple[int, str]]
) -> None:
    blocking(_each_makes_one_mail(database_url, steps))


@pytest.fixture
def database_url(database: Callable[[str], str]) -> str:
    return database("notification")


class Crash(Exception):
    pass


async def _each_makes_one_mail(url: str, steps: list[tuple[int, str]]) -> None:
    db = Database(url, size=1)
    await db.open()
    events = [_event(number, type_) for number, type_ in enumerate((ORDER_PAID, ORDER_SHIPPED, ORDER_CANCELLED))]
    events.append(msgspec.structs.replace(_event(3, ORDER_PAID), subject=events[0].subject))
    applied: set[UUID] = set()
    async with db.transaction() as tx:
        await tx.execute("delete from mail")
    for number, step in steps:
        if step == "claim and die":
            async with db.transaction() as tx:
                await store.claim(tx, 1, 0.0)
            continue
        with contextlib.suppress(Crash):
            async with db.transaction() as tx:
                await actions.handle_order_event(tx, events[number])
                if step == "crash while applying":
                    raise Crash
            applied.add(events[number].id)
    async with db.connection() as conn:
        rows = await conn.fetch("select id, status from mail order by id")
    await db.close()
    assert [row["id"] for row in rows] == sorted(applied)
    assert {row["status"] for row in rows} <= {"queued"}


def _event(number: int, type_: str) -> Event:
    order_id = UUID(int=100 + number)
    return Event(
        id=UUID(int=number + 1),
        source="/order",
        type=type_,
        subject=str(order_id),
        time=datetime.now(UTC),
        position=number + 1,
        data=msgspec.to_builtins(OrderEvent(order_id, UUID(int=200), f"S-{number}")),
    )
