"""Which shapes refuse fields that they do not know: those that a client sends, and no others.

Old and new versions of the services run side by side during an upgrade. A service that refused a field which a newer
one has added to an answer, an internal request or a stored row would fail until it is replaced itself.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
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


def handlers() -> Iterator[tuple[str, HTTPRouteHandler]]:
    for service in topology.SERVICES:
        app: Litestar = assemble(service)
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                for handler in route.route_handlers:
                    if "OPTIONS" not in handler.http_methods:
                        yield f"{service.name} {sorted(handler.http_methods)[0]} {route.path}", handler


HANDLERS = dict(sorted(handlers(), key=lambda each: each[0]))
BODIES = {
    label: (handler.opt["policy"], handler.parsed_data_field.raw)
    for label, handler in HANDLERS.items()
    if handler.parsed_data_field is not None
}


@pytest.mark.parametrize("label", [label for label, (policy, _) in BODIES.items() if policy != "service"])
def test_what_a_client_sends_is_refused_with_a_field_that_is_not_known(label: str) -> None:
    lenient = [each.__name__ for each in structs(BODIES[label][1]) if not each.__struct_config__.forbid_unknown_fields]
    # The sources of a picture are sent back as they were received, and ignored.
    assert [name for name in lenient if name != "ImageSource"] == []


@pytest.mark.parametrize("label", [label for label, (policy, _) in BODIES.items() if policy == "service"])
def test_what_a_service_sends_is_read_with_a_field_that_is_not_known(label: str) -> None:
    assert [each.__name__ for each in structs(BODIES[label][1]) if each.__struct_config__.forbid_unknown_fields] == []


@pytest.mark.parametrize("label", HANDLERS)
def test_an_answer_is_read_with_a_field_that_is_not_known(label: str) -> None:
    answer = HANDLERS[label].parsed_fn_signature.return_type.annotation
    assert [each.__name__ for each in structs(answer) if each.__struct_config__.forbid_unknown_fields] == []
