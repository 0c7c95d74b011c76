"""Which modules are mutated, and the fast tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = (
    Target(
        "pricing",
        (
            "serai/commerce/charge.py",
            "serai/commerce/forms.py",
            "serai/commerce/line.py",
            "serai/commerce/money.py",
            "serai/commerce/priced.py",
            "serai/order/pricing/domain.py",
        ),
        (
            "tests/commerce/test_charge.py",
            "tests/commerce/test_forms.py",
            "tests/commerce/test_line.py",
            "tests/commerce/test_money.py",
            "tests/commerce/test_priced.py",
            "tests/order/pricing/test_domain.py",
        ),
    ),
    Target("payment", ("serai/payment/domain.py",), ("tests/payment/test_domain.py",)),
    Target(
        "orders",
        ("serai/order/orders/domain.py", "serai/order/checkout/domain.py"),
        ("tests/order/orders/test_domain.py", "tests/order/checkout/test_domain.py"),
    ),
    Target(
        "inventory",
        ("serai/product/inventory/domain.py", "serai/product/inventory/store.py"),
        (
            "tests/product/inventory/test_domain.py",
            "tests/product/inventory/test_stock.py",
            "tests/product/inventory/test_holds.py",
            "tests/product/inventory/test_stock_machine.py",
        ),
    ),
    Target(
        "catalogue",
        ("serai/product/catalogue/domain.py", "serai/product/media/domain.py", "serai/product/search/domain.py"),
        (
            "tests/product/catalogue/test_domain.py",
            "tests/product/media/test_domain.py",
            "tests/product/search/test_domain.py",
        ),
    ),
    Target(
        "feed",
        ("serai/chassis/data/feed.py", "serai/chassis/data/feed_reader.py"),
        ("tests/chassis/data/test_feed.py", "tests/chassis/data/test_feed_reader.py"),
    ),
    Target("idempotency", ("serai/chassis/data/idempotency.py",), ("tests/chassis/data/test_idempotency.py",)),
    Target(
        "checkout",
        (
            "serai/order/checkout/actions.py",
            "serai/order/checkout/payment_facts.py",
            "serai/order/checkout/saga.py",
            "serai/order/checkout/steps.py",
        ),
        (
            "tests/order/checkout/test_changing.py",
            "tests/order/checkout/test_driving.py",
            "tests/order/checkout/test_lease.py",
            "tests/order/checkout/test_nothing_due.py",
            "tests/order/checkout/test_payment_events.py",
            "tests/order/checkout/test_placing.py",
            "tests/order/checkout/test_steps.py",
            "tests/order/checkout/test_undoing.py",
        ),
    ),
)
