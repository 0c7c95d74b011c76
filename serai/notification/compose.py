"""What a mail says and to whom, read at the moment of sending: the feeds carry ids and no personal data."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from serai.chassis.errors import NotFound
from serai.commerce.forms import LineOut
from serai.commerce.money import Money
from serai.contracts.order.client import OrderClient
from serai.contracts.order.orders import Order
from serai.contracts.user import LinkGone, MintedLink, UserClient
from serai.notification import letters
from serai.notification.letters import Letter, Line
from serai.notification.store import Claimed

T = TypeVar("T")


class Undeliverable(Exception):
    """There is nobody to write to, or nothing to say; `str` is for the delivery log."""


class Unwanted(Exception):
    """Nobody waits for this mail any more; `str` is for the delivery log."""


class Composed(msgspec.Struct, frozen=True):
    """`html`, when given, is the HTML part as it is. `link` is a secret that only the mail itself may hold."""

    recipient: str
    letter: Letter
    html: str | None = None
    link: MintedLink | None = None


#: Templates that carry a link; whether the mail is nothing without it.
_LINKED = {"welcome": False, "email_verification": True, "password_reset": True}


class Composer:
    def __init__(self, orders: OrderClient, users: UserClient) -> None:
        self._orders = orders
        self._users = users

    async def compose(self, mail: Claimed) -> Composed:
        """Raises `Undeliverable`, `Unwanted`, and `Unavailable` while the facts cannot be had."""
        if mail.event is None:
            return await self._asked_for(mail)
        try:
            if mail.order_id is not None:
                order = (await self._orders.order(mail.order_id)).order
                return Composed(order.email, _about_order(mail, order))
            assert mail.user_id is not None
            user = await self._users.user(mail.user_id)
            link = await self._link(mail) if mail.template in _LINKED else None
        except NotFound:
            raise Undeliverable("whom or what this is about is not there any more") from None
        letter = msgspec.convert(mail.facts | {"name": user.name}, letters.LETTERS[mail.template])
        return Composed(user.email, letter, link=link)

    async def _link(self, mail: Claimed) -> MintedLink | None:
        """Made for this one try, so that it is written down nowhere on its way here."""
        try:
            return await self._users.mint_link(mail.id)
        except LinkGone:
            if _LINKED[mail.template]:
                raise Unwanted("its link was used or is too old by now") from None
            return None

    async def _asked_for(self, mail: Claimed) -> Composed:
        if mail.recipient is None or not mail.facts:
            raise Undeliverable("what it said is not kept any more")
        letter = msgspec.convert(mail.facts["letter"], letters.LETTERS[mail.template])
        if isinstance(letter, letters.Marketing):
            try:
                user = await self._users.user(letter.user_id)
            except NotFound:
                user = None
            if user is None or user.disabled or user.email.lower() != mail.recipient.lower():
                raise Undeliverable("this address does not belong to the user who agreed to marketing")
        return Composed(mail.recipient, letter, mail.facts.get("html"))


def _about_order(mail: Claimed, order: Order) -> Letter:
    match mail.template:
        case "order_confirmation":
            return _confirmation(order)
        case "shipped":
            return _shipped(order)
        case "refunded":
            facts = {"order_id": order.id, "number": order.number} | mail.facts
            return msgspec.convert(facts, letters.Refunded)
        case template:
            return msgspec.convert({"order_id": order.id, "number": _known(order.number)}, letters.LETTERS[template])


def _confirmation(order: Order) -> Letter:
    subtotal, shipping = _known(order.subtotal), _known(order.shipping)
    tax, total = _known(order.tax), _known(order.total)
    discount = subtotal.amount + shipping.amount + tax.amount - total.amount
    return letters.OrderConfirmation(
        order_id=order.id,
        number=_known(order.number),
        items=[_line(item, item.quantity) for item in order.items],
        subtotal=subtotal,
        discount=Money(discount, total.currency) if discount > 0 else None,
        shipping=shipping,
        tax=tax,
        total=total,
        address=order.shipping_address,
    )


def _shipped(order: Order) -> Letter:
    """About the parcel that left last."""
    parcel = max(order.fulfilments, key=lambda one: one.shipped_at, default=None)
    quantities = {one.variant_id: one.quantity for one in parcel.items} if parcel else {}
    packed = [_line(item, quantities[item.variant_id]) for item in order.items if item.variant_id in quantities]
    return letters.Shipped(
        order_id=order.id,
        number=_known(order.number),
        items=packed or [_line(item, item.quantity) for item in order.items],
        tracking_number=parcel.tracking_number if parcel else None,
        address=order.shipping_address,
    )


def _line(item: LineOut, quantity: int) -> Line:
    return Line(item.name, item.options, quantity, item.total)


def _known(value: T | None) -> T:
    if value is None:
        raise Undeliverable("the order has no number or no totals")
    return value
