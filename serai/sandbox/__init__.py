"""Local stand-ins for the outside world: a Stripe (API, payment page, webhooks) and a mail inbox (SMTP, pages, API).

No published emulator has sessions, a hosted page, refunds, Stripe's idempotency rules and signed, retried webhooks at
once, so this room plays them over Stripe's own wire format and the official SDK talks to it unchanged. It imports
nothing else of ours: what a test reads here (the ledger, the inbox) is evidence about the shop, not by it.

Run it with `python -m serai.sandbox`; `app.py` lists the settings, `control.py` the knobs tests turn.
"""
