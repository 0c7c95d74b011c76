from __future__ import annotations

from typing import Any

from tests.sandbox.process import DECLINED, Sandbox


def test_lists_events_newest_first(sandbox: Sandbox) -> None:
    session = sandbox.paid_session()
    listed = sandbox.stripe().v1.events.list({"limit": 4})
    assert [event.type for event in listed.data] == [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_intent.created",
    ]
    newest = listed.data[0]
    assert newest.data.object["id"] == session.id
    assert sandbox.stripe().v1.events.retrieve(newest.id).to_dict() == newest.to_dict()


def test_filters_by_type_and_time(sandbox: Sandbox) -> None:
    session = sandbox.open_session()
    sandbox.pay(session.url, DECLINED)
    sandbox.pay(session.url)
    client = sandbox.stripe()
    params: Any = {"types": ["payment_intent.payment_failed", "checkout.session.completed"], "limit": 2}
    both = client.v1.events.list(params).data
    assert [event.type for event in both] == ["checkout.session.completed", "payment_intent.payment_failed"]
    assert client.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data[0].id == both[0].id
    assert client.v1.events.list({"created": {"gt": both[0].created + 3600}}).data == []


def test_lists_all_pages(sandbox: Sandbox) -> None:
    made = [str(sandbox.paid_session().id) for _ in range(3)]
    client = sandbox.stripe()
    params: Any = {"type": "checkout.session.completed", "limit": 2}
    walked = []
    for event in client.v1.events.list(params).auto_paging_iter():
        walked.append(event.data.object["id"])
        if len(walked) == 3:
            break
    assert walked == made[::-1]


def test_an_event_names_the_request_that_caused_it(sandbox: Sandbox) -> None:
    client = sandbox.stripe()
    options: Any = {"idempotency_key": "the-key-of-this-test"}
    intent = client.v1.payment_intents.create({"amount": 500, "currency": "usd"}, options)
    event = client.v1.events.list({"type": "payment_intent.created", "limit": 1}).data[0]
    assert event.data.object["id"] == intent.id
    assert event.request is not None
    assert event.request.idempotency_key == "the-key-of-this-test"
    assert intent.last_response is not None
    assert event.request.id == intent.last_response.request_id
