"""Local substitutes for external systems: Stripe (API, payment page, webhooks) and an email inbox (SMTP, pages, API).

No published emulator combines Checkout Sessions, a hosted page, refunds, Stripe's idempotency rules and signed, retried
webhooks. This package implements them over Stripe's wire format, so the official SDK works with it unchanged. It
imports nothing from other packages of Serai, so what a test reads here (the ledger, the inbox) is independent evidence
about the shop.

Run it with `python -m serai.sandbox`. `settings.py` lists its settings, `control.py` the endpoints that tests use to
control it.
"""
