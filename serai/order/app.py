"""Assembles the order service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from serai import topology
from serai.chassis.auth.origins import cookie_name
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.commerce.currency import CURRENCIES, Currency
from serai.contracts.cart import CartClient
from serai.contracts.payment import PaymentClient
from serai.contracts.product.client import ProductClient
from serai.order.checkout import api as checkout_api
from serai.order.checkout.payment_facts import apply_payment_event
from serai.order.checkout.saga import CheckoutSaga
from serai.order.checkout.steps import Steps
from serai.order.deps import Deps
from serai.order.fulfilment import api as fulfilment_api
from serai.order.orders import api as orders_api
from serai.order.orders import internal
from serai.order.pricing import domain as pricing


class ShippingMethodSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`price` in minor units of the shop's currency."""

    id: str
    name: str
    price: int = 0


class TaxRateSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    basis_points: int
    country: str | None = None


class OrderSettings(Settings, frozen=True, kw_only=True):
    currency: Annotated[Currency, Env("SERAI_CURRENCY")] = CURRENCIES["USD"]
    shipping_methods: Annotated[tuple[ShippingMethodSetting, ...], Env("SERAI_SHIPPING_METHODS")] = (
        ShippingMethodSetting("standard", "Standard delivery"),
    )
    tax_rates: Annotated[tuple[TaxRateSetting, ...], Env("SERAI_TAX_RATES")] = ()
    prices_include_tax: Annotated[bool, Env("SERAI_PRICES_INCLUDE_TAX")] = False

    def check(self) -> OrderSettings:
        """Raises `SettingsError`."""
        step, code = self.currency.step, self.currency.code
        problems = [
            f"SERAI_SHIPPING_METHODS: the price of {method.id!r} is not a multiple of {step} minor units of {code}"
            for method in self.shipping_methods
            if method.price % step
        ]
        if problems:
            raise SettingsError(problems)
        return self


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(OrderSettings, environ).check()
    service = Service(topology.service("order"), settings, callers=topology.callers_of("order"))
    rules = pricing.Rules(
        settings.currency.code,
        tuple(pricing.ShippingMethod(one.id, one.name, one.price) for one in settings.shipping_methods),
        tuple(pricing.TaxRate(one.name, one.basis_points * 100, one.country) for one in settings.tax_rates),
        settings.prices_include_tax,
    )
    cart, product = CartClient(service.calls), ProductClient(service.calls)
    steps = Steps(service.database, service.feed, rules, cart, product, PaymentClient(service.calls))
    checkout = CheckoutSaga(service.database, service.feed, steps)
    guest_cookie = cookie_name("serai_cart", settings.public_url)
    deps = Deps(service.database, service.feed, checkout, rules, cart, product, guest_cookie)
    service.routes(
        deps, [*orders_api.ROUTES, *checkout_api.ROUTES, *fulfilment_api.ROUTES, *internal.ROUTES], feed=True
    )
    service.reads("payment", lambda tx, event: apply_payment_event(deps, tx, event), after=checkout.nudge)
    service.fixed_by_data("SERAI_CURRENCY", settings.currency.code, "select currency from orders.orders limit 1")
    service.works(checkout.worker)
    service.every("measure", 15, checkout.measure)
    return service
