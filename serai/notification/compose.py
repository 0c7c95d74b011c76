"""Composes an email: looks up its recipient and its data when it is sent, because feeds carry ids only."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from serai.chassis.errors import NotFound
from serai.commerce.forms import LineOut
from serai.contracts.order.client import OrderClient
from serai.contracts.order.orders import Order
from serai.contracts.user import IssuedLink, LinkExpired, UserClient
from serai.notification import template_data
from serai.notification.store import ClaimedEmail, RequestedContent
from serai.notification.template_data import TEMPLATE_DATA, Discount, Line, TaxLine, TemplateData

T = TypeVar("T")


class Undeliverable(Exception):
    """The email has no recipient or no content. `str` is the reason for the delivery log."""


class Obsolete(Exception):
    """The email no longer makes sense. `str` is the reason for the delivery log."""


class ComposedEmail(msgspec.Struct, frozen=True):
    """`html` replaces the rendered HTML part. `link` is a secret that must not be stored or logged."""

    recipient: str
    data: TemplateData
    html: str | None = None
    link: IssuedLink | None = None


#: Templates that carry a link to the account, and whether they make sense without it.
_LINK_REQUIRED = {"welcome": False, "email_verification": True, "password_reset": True}


class Composer:
    def __init__(self, orders: OrderClient, users: UserClient) -> None:
        self._orders = orders
        self._users = users

    async def compose(self, email: ClaimedEmail) -> ComposedEmail:
        """Raises `Undeliverable`, `Obsolete`, and `Unavailable` while the order or user service cannot be reached."""
        if email.event is None:
            return await self._compose_requested(email)
        try:
            if email.order_id is not None:
                order = (await self._orders.order(email.order_id)).order
                return ComposedEmail(order.email, _order_email_data(email, order))
            assert email.user_id is not None
            user = await self._users.user(email.user_id)
            link = await self._link(email) if email.template in _LINK_REQUIRED else None
        except NotFound:
            raise Undeliverable("The order or the user of this email no longer exists.") from None
        data = msgspec.convert(email.facts | {"name": user.name}, TEMPLATE_DATA[email.template])
        return ComposedEmail(user.email, data, link=link)

    async def _link(self, email: ClaimedEmail) -> IssuedLink | None:
        """A new token for each attempt, so that no token is ever stored."""
        try:
            return await self._users.issue_link(email.id)
        except LinkExpired:
            if _LINK_REQUIRED[email.template]:
                raise Obsolete("The link in this email was used or has expired.") from None
            return None

    async def _compose_requested(self, email: ClaimedEmail) -> ComposedEmail:
        if email.recipient is None or not email.facts:
            raise Undeliverable("The content of this email has been deleted.")
        content = RequestedContent.of(email.facts)
        data = msgspec.convert(content.data, TEMPLATE_DATA[email.template])
        if isinstance(data, template_data.Marketing):
            try:
                user = await self._users.user(data.user_id)
            except NotFound:
                user = None
            if user is None or user.disabled or user.email.lower() != email.recipient.lower():
                raise Undeliverable("The address does not belong to the user who opted in to marketing.")
        return ComposedEmail(email.recipient, data, content.html)


def _order_email_data(email: ClaimedEmail, order: Order) -> TemplateData:
    match email.template:
        case "order_confirmation":
            return order_confirmation(order)
        case "shipped":
            return shipped(order)
        case "refunded":
            facts = {"order_id": order.id, "number": order.number} | email.facts
            return msgspec.convert(facts, template_data.Refunded)
        case template:
            facts = {"order_id": order.id, "number": _required(order.number)}
            return msgspec.convert(facts, TEMPLATE_DATA[template])


def order_confirmation(order: Order) -> template_data.OrderConfirmation:
    """Raises `Undeliverable` for an order without a number or totals."""
    return template_data.OrderConfirmation(
        order_id=order.id,
        number=_required(order.number),
        items=[_line(item, item.quantity) for item in order.items],
        subtotal=_required(order.subtotal),
        discounts=msgspec.convert(order.discounts, list[Discount], from_attributes=True),
        shipping=_required(order.shipping),
        tax=_required(order.tax),
        prices_include_tax=order.prices_include_tax,
        tax_lines=msgspec.convert(order.tax_lines, list[TaxLine], from_attributes=True),
        total=_required(order.total),
        address=order.shipping_address,
    )


def shipped(order: Order) -> template_data.Shipped:
    """Describes the latest fulfilment. Raises `Undeliverable` for an order without a number."""
    fulfilment = max(order.fulfilments, key=lambda one: one.shipped_at, default=None)
    quantities = {one.variant_id: one.quantity for one in fulfilment.items} if fulfilment else {}
    lines = [_line(item, quantities[item.variant_id]) for item in order.items if item.variant_id in quantities]
    return template_data.Shipped(
        order_id=order.id,
        number=_required(order.number),
        items=lines or [_line(item, item.quantity) for item in order.items],
        tracking_number=fulfilment.tracking_number if fulfilment else None,
        address=order.shipping_address,
    )


def _line(item: LineOut, quantity: int) -> Line:
    return Line(item.name, item.options, quantity, item.total)


def _required(value: T | None) -> T:
    if value is None:
        raise Undeliverable("The order has no number or no totals.")
    return value
