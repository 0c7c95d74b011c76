"""The topology: no cycles, and only notification reads orders."""

from __future__ import annotations

import importlib

from serai import topology


def edges() -> dict[str, set[str]]:
    return {service.name: {*service.calls, *service.reads} for service in topology.SERVICES}


def test_calls_and_feeds_together_have_no_cycle() -> None:
    left = edges()
    while leaves := {name for name, out in left.items() if not out & left.keys()}:
        left = {name: out for name, out in left.items() if name not in leaves}
    assert left == {}


def test_every_edge_leads_to_an_existing_service() -> None:
    assert {to for out in edges().values() for to in out} <= set(topology.BY_NAME)


def test_a_service_may_call_the_producers_whose_feeds_it_reads() -> None:
    assert all(set(service.reads) <= set(service.calls) for service in topology.SERVICES)


def test_user_calls_no_service_and_only_notification_calls_order() -> None:
    assert edges()["user"] == set()
    assert topology.callers_of("order") == {"notification"}


def test_every_factory_exists() -> None:
    for service in topology.BY_NAME.values():
        module, _, function = service.factory.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
