"""The dates of demo orders."""

from datetime import UTC, datetime, timedelta

import pytest

from serai.contracts.order.orders import HistoryEntry
from serai.demo.past import past_of

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DELIVERED = [HistoryEntry(status, NOW) for status in ("pending", "awaiting_payment", "paid", "shipped", "delivered")]
REFUNDED = [*DELIVERED, HistoryEntry("refunding", NOW), HistoryEntry("refunded", NOW)]


@pytest.mark.parametrize("history", [DELIVERED[:1], DELIVERED[:3], DELIVERED, REFUNDED])
@pytest.mark.parametrize("partly_refunded", [False, True])
@pytest.mark.parametrize("hours", [1, 30, 700])
def test_steps_keep_their_order_and_none_is_in_the_future(
    history: list[HistoryEntry], partly_refunded: bool, hours: int
) -> None:
    age = timedelta(hours=hours)
    past = past_of(history, partly_refunded=partly_refunded, age=age, now=NOW, pace=1.3)
    times = [entry.at for entry in past.history]
    assert [entry.status for entry in past.history] == [entry.status for entry in history]
    assert past.placed_at == times[0] == NOW - age
    assert times == sorted(set(times))
    assert times[-1] <= past.changed_at < NOW


def test_related_dates_match_the_history() -> None:
    past = past_of(DELIVERED, partly_refunded=True, age=timedelta(days=20), now=NOW)
    times = {entry.status: entry.at for entry in past.history}
    assert past.paid_at == times["paid"]
    assert past.shipped_at == times["shipped"]
    assert past.changed_at > times["delivered"]


def test_an_unpaid_order_has_no_payment_date() -> None:
    cancelled = [*DELIVERED[:2], HistoryEntry("cancelled", NOW)]
    past = past_of(cancelled, partly_refunded=False, age=timedelta(days=3), now=NOW)
    assert past.paid_at is None
    assert past.changed_at == past.history[-1].at
