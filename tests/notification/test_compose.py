"""What an email says about an order or a user, and which stored data it is composed from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from serai.chassis.errors import NotFound, Unavailable
from serai.commerce.forms import DiscountOut, TaxLineOut
from serai.commerce.money import Money
from serai.contracts.order.client import OrderForMail
from serai.contracts.order.fulfilment import Fulfilment, FulfilmentItem
from serai.contracts.order.orders import Order
from serai.contracts.user import IssuedLink, LinkExpired, UserContact
from serai.notification import template_data
from serai.notification.compose import Composer, Obsolete, Undeliverable, order_confirmation, shipped
from serai.notification.store import ClaimedEmail, RequestedContent
from serai.notification.template_data import Discount, TaxLine
from tests.notification.harness import UnusedClients
from tests.notification.shop import an_order

USER_ID = UUID(int=1)


class Services(UnusedClients):
    """The order and the user service, reduced to one order, one user and the link of one event."""

    def __init__(self, order: Order | None = None, *, disabled: bool = False, link: IssuedLink | None = None) -> None:
        self._order = order
        self._user = UserContact(USER_ID, "Ada@example.com", "Ada", disabled)
        self._link = link

    async def order(self, order_id: UUID) -> OrderForMail:
        if self._order is None or self._order.id != order_id:
            raise NotFound
        return OrderForMail(USER_ID, self._order)

    async def user(self, user_id: UUID) -> UserContact:
        if user_id != USER_ID:
            raise NotFound
        return self._user

    async def issue_link(self, link_id: UUID) -> IssuedLink:
        if self._link is None:
            raise LinkExpired
        return self._link


class UnreachableServices(Services):
    async def user(self, user_id: UUID) -> UserContact:
        raise Unavailable


def composer(services: Services) -> Composer:
    return Composer(services, services)


def claimed(
    template: str,
    event: str | None = "an.event",
    *,
    order_id: UUID | None = None,
    user_id: UUID | None = USER_ID,
    facts: Mapping[str, Any] | None = None,
    recipient: str | None = None,
) -> ClaimedEmail:
    return ClaimedEmail(
        id=uuid4(), template=template, event=event, user_id=user_id, order_id=order_id, facts=dict(facts or {}),
        recipient=recipient, attempts=1, refusals=0, overdue=False, epoch=1, traceparent=None,
    )  # fmt: skip


def requested(template: str, data: Mapping[str, Any], *, to: str = "ada@example.com", **more: Any) -> ClaimedEmail:
    return claimed(template, None, user_id=None, facts={"letter": dict(data), "html": None, **more}, recipient=to)


MESSAGE = {"subject": "Hello", "text": "Hello."}


def test_a_confirmation_takes_its_sums_from_the_order_and_makes_up_no_discount() -> None:
    inclusive = msgspec.structs.replace(
        an_order("ada@example.com"),
        subtotal=Money(11900, "USD"),
        shipping=Money(100, "USD"),
        tax=Money(1900, "USD"),
        tax_lines=[TaxLineOut("VAT", "19", 1900, Money(10000, "USD"), Money(1900, "USD"), included=True)],
        prices_include_tax=True,
        total=Money(12000, "USD"),
    )
    data = order_confirmation(inclusive)
    assert data.discounts == []
    assert data.discount is None
    assert data.tax_lines == [TaxLine("VAT", Money(1900, "USD"))]
    assert data.prices_include_tax
    assert data.total == Money(12000, "USD")


def test_a_confirmation_names_the_discounts_of_the_order() -> None:
    discount = DiscountOut("summer", "Summer sale", "SUN", "order", Money(5, "USD"))
    order = msgspec.structs.replace(an_order("ada@example.com"), discounts=[discount])
    assert order_confirmation(order).discounts == [Discount("Summer sale", Money(5, "USD"))]


@pytest.mark.parametrize("field", ["number", "subtotal", "shipping", "tax", "total"])
def test_an_order_without_its_number_or_a_total_cannot_be_confirmed(field: str) -> None:
    order = msgspec.structs.replace(an_order("ada@example.com"), **{field: None})
    with pytest.raises(Undeliverable):
        order_confirmation(order)


def test_a_shipping_email_is_about_the_latest_package_only() -> None:
    order = an_order("ada@example.com")
    [desk] = order.items
    lamp = msgspec.structs.replace(desk, variant_id=uuid4(), name="Lamp", quantity=3)
    now = datetime.now(UTC)
    packages = [
        Fulfilment([FulfilmentItem(uuid4(), lamp.variant_id, 2)], "second", now),
        Fulfilment([FulfilmentItem(uuid4(), desk.variant_id, 1)], "first", now - timedelta(days=1)),
    ]
    order = msgspec.structs.replace(order, items=[desk, lamp], fulfilments=packages)
    data = shipped(order)
    assert [(line.name, line.quantity) for line in data.items] == [("Lamp", 2)]
    assert data.tracking_number == "second"


def test_a_shipping_email_without_a_recorded_package_lists_the_whole_order() -> None:
    data = shipped(an_order("ada@example.com"))
    assert [(line.name, line.quantity) for line in data.items] == [("Walnut <desk>", 2)]
    assert data.tracking_number is None


async def test_an_email_about_an_order_goes_to_the_address_of_the_order() -> None:
    order = an_order("buyer@example.com")
    composed = await composer(Services(order)).compose(claimed("cancelled", order_id=order.id))
    assert composed.recipient == "buyer@example.com"
    assert composed.data == template_data.Cancelled(order_id=order.id, number="S-100042")


async def test_a_refund_email_says_what_was_stored_about_the_refund() -> None:
    order = an_order("ada@example.com", number=None)
    money = {"amount": 5, "currency": "USD"}
    facts = {"amount": money, "refunded": money, "full": False, "reason": "a field of a newer version"}
    composed = await composer(Services(order)).compose(claimed("refunded", order_id=order.id, facts=facts))
    assert composed.data == template_data.Refunded(
        order_id=order.id, amount=Money(5, "USD"), refunded=Money(5, "USD"), full=False
    )


@pytest.mark.parametrize(
    "email", [claimed("cancelled", order_id=uuid4()), claimed("password_changed", user_id=uuid4())]
)
async def test_an_email_about_something_that_no_longer_exists_cannot_be_delivered(email: ClaimedEmail) -> None:
    with pytest.raises(Undeliverable, match="no longer exists"):
        await composer(Services()).compose(email)


async def test_a_service_that_cannot_be_reached_is_not_mistaken_for_a_missing_user() -> None:
    with pytest.raises(Unavailable):
        await composer(UnreachableServices()).compose(claimed("address_taken"))


async def test_a_link_is_issued_for_the_templates_that_carry_one() -> None:
    link = IssuedLink("token", datetime.now(UTC))
    with_link = composer(Services(link=link))
    for template in ("welcome", "email_verification", "password_reset"):
        assert (await with_link.compose(claimed(template))).link == link
    assert (await with_link.compose(claimed("address_taken"))).link is None


async def test_an_email_whose_link_has_expired_is_obsolete_unless_it_makes_sense_without() -> None:
    without_link = composer(Services())
    for template in ("email_verification", "password_reset"):
        with pytest.raises(Obsolete):
            await without_link.compose(claimed(template))
    assert (await without_link.compose(claimed("welcome"))).link is None


async def test_stored_content_with_fields_of_a_newer_version_is_read() -> None:
    line = {"name": "Lamp", "options": {}, "quantity": 1, "total": {"amount": 1, "currency": "USD"}, "new": 1}
    order = an_order("ada@example.com")
    data = msgspec.to_builtins(order_confirmation(order)) | {"items": [line], "gift_note": "new"}
    composed = await composer(Services()).compose(requested("order_confirmation", data, priority="new"))
    assert isinstance(composed.data, template_data.OrderConfirmation)
    assert composed.data.items == [template_data.Line("Lamp", {}, 1, Money(1, "USD"))]


async def test_content_that_was_pruned_cannot_be_sent_again() -> None:
    with pytest.raises(Undeliverable, match="deleted"):
        await composer(Services()).compose(claimed("message", None, recipient="ada@example.com"))


async def test_html_of_a_request_is_kept_as_it_is() -> None:
    email = requested("message", MESSAGE, html="<p>Hello</p>")
    assert (await composer(Services()).compose(email)).html == "<p>Hello</p>"
    assert RequestedContent(MESSAGE, "<p>Hello</p>").stored() == email.facts


async def test_marketing_goes_to_the_address_of_its_user_only() -> None:
    data = MESSAGE | {"user_id": str(USER_ID)}
    composed = await composer(Services()).compose(requested("marketing", data))
    assert composed.recipient == "ada@example.com", "the case of an address does not matter"
    for services, email in (
        (Services(), requested("marketing", data, to="eve@example.com")),
        (Services(disabled=True), requested("marketing", data)),
        (Services(), requested("marketing", data | {"user_id": str(uuid4())})),
    ):
        with pytest.raises(Undeliverable, match="opted in"):
            await composer(services).compose(email)
