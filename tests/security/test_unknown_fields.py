"""Which shapes refuse fields that they do not know: those that a client sends, and no others.

Old and new versions of the services run side by side during an upgrade. A service that refused a field which a newer
one has added to an answer, an internal request or a stored row would fail until it is replaced itself.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any

import msgspec
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from serai import topology
from serai.supervisor.documents import assemble


def structs(annotation: Any, seen: set[Any] | None = None) -> Iterator[type[msgspec.Struct]]:
    """Every struct that a value of this type may hold."""
    seen = set() if seen is None else seen
    if annotation in seen:
        return
    seen.add(annotation)
    if typing.get_origin(annotation) is Annotated:
        yield from structs(typing.get_args(annotation)[0], seen)
    elif isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
        for hint in typing.get_type_hints(annotation, include_extras=True).values():
            yield from structs(hint, seen)
    elif origin := typing.get_origin(annotation):
        if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
            yield origin
        for each in typing.get_args(annotation):
            yield from structs(each, seen)
    elif isinstance(annotation, types.UnionType):
        for each in typing.get_args(annotation):
            yield from structs(each, seen)


@cache
def handlers(service: str) -> list[tuple[str, HTTPRouteHandler]]:
    """A service's handlers with their routes. Services are assembled in the tests, since every test process collects
    this file and that takes a second."""
    app: Litestar = assemble(topology.service(service))
    return [
        (f"{sorted(handler.http_methods)[0]} {route.path}", handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "OPTIONS" not in handler.http_methods
    ]


def bodies(service: str) -> Iterator[tuple[str, str, Any]]:
    """The route, the policy and the type of the body of those handlers that take one."""
    for route, handler in handlers(service):
        if handler.parsed_data_field is not None:
            yield route, handler.opt["policy"], handler.parsed_data_field.raw


each_service = pytest.mark.parametrize("service", [service.name for service in topology.SERVICES])


@each_service
def test_what_a_client_sends_is_refused_with_a_field_that_is_not_known(service: str) -> None:
    lenient = {
        (route, struct.__name__)
        for route, policy, body in bodies(service)
        if policy != "service"
        for struct in structs(body)
        if not struct.__struct_config__.forbid_unknown_fields
    }
    # The sources of a picture are sent back as they were received, and ignored.
    assert {(route, name) for route, name in lenient if name != "ImageSource"} == set()


@each_service
def test_what_a_service_sends_is_read_with_a_field_that_is_not_known(service: str) -> None:
    strict = {
        (route, struct.__name__)
        for route, policy, body in bodies(service)
        if policy == "service"
        for struct in structs(body)
        if struct.__struct_config__.forbid_unknown_fields
    }
    assert strict == set()


@each_service
def test_an_answer_is_read_with_a_field_that_is_not_known(service: str) -> None:
    strict = {
        (route, struct.__name__)
        for route, handler in handlers(service)
        for struct in structs(handler.parsed_fn_signature.return_type.annotation)
        if struct.__struct_config__.forbid_unknown_fields
    }
    assert strict == set()


def test_there_are_bodies_of_clients_and_of_services() -> None:
    policies = [policy for service in topology.SERVICES for _, policy, _ in bodies(service.name)]
    assert {"public", "signed_in", "service"} <= set(policies)
