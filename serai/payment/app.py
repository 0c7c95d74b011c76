"""The process of the payment service: its settings, routes and background tasks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from serai import topology
from serai.chassis.process.app import Service
from serai.chassis.settings import Env, Settings, SettingsError, load
from serai.commerce.currency import CURRENCIES, Currency
from serai.payment import api, internal, sweeps, webhooks
from serai.payment.deps import Deps
from serai.payment.stripe_api import StripeApi


class PaymentSettings(Settings, frozen=True, kw_only=True):
    currency: Annotated[Currency, Env("SERAI_CURRENCY")] = CURRENCIES["USD"]
    stripe_secret_key: Annotated[str, Env("STRIPE_SECRET_KEY", secret=True)]
    #: Comma separated. During a rotation, webhooks are verified with the old and the new secret.
    stripe_webhook_secret: Annotated[str, Env("STRIPE_WEBHOOK_SECRET", secret=True)]
    #: The URL of the sandbox; empty for Stripe itself.
    stripe_api_base: Annotated[str, Env("STRIPE_API_BASE")] = ""


def create(environ: Mapping[str, str] | None = None) -> Service:
    settings = load(PaymentSettings, environ)
    # An empty secret is refused in local mode too, because anybody could sign with it.
    secrets = tuple(secret.strip() for secret in settings.stripe_webhook_secret.split(","))
    problems = [
        f"{name} is empty"
        for name, value in (("STRIPE_SECRET_KEY", settings.stripe_secret_key), ("STRIPE_WEBHOOK_SECRET", all(secrets)))
        if not value
    ]
    if settings.stripe_api_base and "_live_" in settings.stripe_secret_key:
        problems.append("STRIPE_API_BASE is set, and STRIPE_SECRET_KEY is a live key, which only Stripe may see")
    if problems:
        raise SettingsError(problems)
    service = Service(topology.service("payment"), settings, callers=topology.callers_of("payment"))
    stripe = StripeApi(settings.stripe_secret_key, settings.stripe_api_base)
    deps = Deps(service.database, service.feed, stripe, settings.public_url, settings.currency.code, secrets)
    service.routes(
        deps,
        [
            api.pay,
            api.read_payment,
            api.confirm,
            api.refund,
            api.list_refunds,
            api.stripe_webhook,
            internal.open_payment,
            internal.close_payment,
            internal.payment_of_order,
            internal.refund_order,
        ],
        feed=True,
    )
    stored_currency = "select currency from payment where currency is not null limit 1"
    service.fixed_by_data("SERAI_CURRENCY", settings.currency.code, stored_currency)
    service.background("stripe", stripe.serve)
    service.works(webhooks.WebhookWorker(deps))
    service.works(sweeps.attempt_sweep(deps))
    service.works(sweeps.refund_sweep(deps))
    service.every("count-parked", 60, partial(sweeps.count_parked, deps))
    service.every("sweep-events", webhooks.SWEEP_EVERY_S / 4, partial(webhooks.sweep_events, deps))
    service.every("prune-webhooks", 3600, partial(webhooks.prune, deps))
    return service
