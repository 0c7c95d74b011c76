"""Which modules are mutated, and the fast tests that have to notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS = (
    Target("pricing", ("serai/order/pricing.py",), ("tests/order/test_pricing.py",)),
    Target("checkout", ("serai/order/domain.py",), ("tests/order/test_domain.py",)),
    Target("payment", ("serai/payment/domain.py",), ("tests/payment/test_domain.py",)),
    Target(
        "inventory",
        ("serai/product/stock.py",),
        ("tests/product/test_stock.py", "tests/product/test_holds.py", "tests/product/test_stock_machine.py"),
    ),
    Target("catalogue", ("serai/product/domain.py",), ("tests/product/test_domain.py",)),
    Target("feed", ("serai/chassis/feed.py",), ("tests/chassis/test_feed.py",)),
    Target("idempotency", ("serai/chassis/idempotency.py",), ("tests/chassis/test_idempotency.py",)),
)
