"""Reads the services' OpenAPI documents, checks their structure, and merges them into one document of the whole API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

import serai
from serai.gateway.routes import RouteError

Document = dict[str, Any]


class _Shape(msgspec.Struct):
    """The members that the gateway's code relies on."""

    paths: dict[str, dict[str, dict[str, Any]]]
    components: dict[str, dict[str, Any]] = {}


_PACKAGE = Path(serai.__file__).parent


def read_documents(services: Iterable[str], folder: Path | None = None) -> dict[str, Document]:
    """The documents by service. `folder` defaults to `openapi/` of the checkout, or to the copy in an installed
    package.

    Raises `RouteError` if a document is missing or malformed: without it the gateway would answer 404 for a whole
    service.
    """
    if folder is None:
        folder = next(
            (f for f in (_PACKAGE.parent / "openapi", _PACKAGE / "openapi") if f.is_dir()), _PACKAGE / "openapi"
        )
    documents: dict[str, Document] = {}
    problems: list[str] = []
    for service in services:
        path = folder / f"{service}.json"
        try:
            documents[service] = _document(path.read_bytes())
        except (OSError, ValueError) as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise RouteError(
            "OpenAPI documents are missing or unreadable (`serai openapi` writes them): " + "; ".join(problems)
        )
    return documents


def _document(raw: bytes) -> Document:
    """Raises ValueError with the position of the error."""
    try:
        msgspec.json.decode(raw, type=_Shape)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        try:
            json.loads(raw)
        except json.JSONDecodeError as found:
            raise ValueError(f"line {found.lineno}, column {found.colno}: {found.msg}") from error
        raise
    return msgspec.json.decode(raw, type=dict[str, Any])


def merge_documents(documents: Mapping[str, Document], *, title: str, version: str, url: str) -> Document:
    """One document of all services. If two services use a component's name for different things, the second one's is
    prefixed with the name of its service.
    """
    components: dict[str, dict[str, Any]] = {}
    paths: dict[str, Any] = {}
    for service, document in sorted(documents.items()):
        renamed: dict[str, str] = {}
        for kind, found in document.get("components", {}).items():
            for name, component in found.items():
                existing = components.setdefault(kind, {}).get(name)
                if existing is not None and existing != component:
                    renamed[f"#/components/{kind}/{name}"] = f"#/components/{kind}/{service.capitalize()}{name}"
        for kind, found in document.get("components", {}).items():
            for name, component in found.items():
                reference = f"#/components/{kind}/{name}"
                components[kind][renamed.get(reference, reference).rpartition("/")[2]] = _rewrite_references(
                    component, renamed
                )
        for path, item in document.get("paths", {}).items():
            operations = {
                method: {"tags": [service], **_rewrite_references(found, renamed)} for method, found in item.items()
            }
            paths.setdefault(path, {}).update(operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": url}],
        "paths": paths,
        "components": components,
    }


def _rewrite_references(node: Any, renamed: Mapping[str, str]) -> Any:
    if not renamed:
        return node
    if isinstance(node, dict):
        return {
            key: renamed.get(value, value)
            if key == "$ref" and isinstance(value, str)
            else _rewrite_references(value, renamed)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_rewrite_references(value, renamed) for value in node]
    return node
