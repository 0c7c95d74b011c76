"""Renders the API reference at `/docs`: one HTML page from the services' OpenAPI documents.

All text from a document is escaped. The page uses no script and no CDN, only its own style sheet, so it can have a
strict content security policy, works in every browser and can be printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from serai.gateway.openapi_documents import Document

STYLE = (Path(__file__).parent / "reference.css").read_text()

_METHODS = ("get", "post", "put", "patch", "delete")
_WHO = {
    "public": "Open to anyone",
    "optional": "Open to anyone; a token is taken into account",
    "signed_in": "Needs a signed-in customer",
}
_DEPTH = 6
_PARAGRAPH = re.compile(r"\n\s*\n")
_CODE = re.compile(r"`([^`]+)`")


def render_api_reference(documents: Mapping[str, Document], *, version: str) -> str:
    """The complete page."""
    contents = "".join(_contents(service, document) for service, document in sorted(documents.items()))
    sections = "".join(_section(service, document) for service, document in sorted(documents.items()))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Serai API reference</title>
<link rel="stylesheet" href="/docs/reference.css">
</head>
<body>
<a class="skip" href="#main">Skip to the reference</a>
<nav aria-label="Contents">
<p class="brand"><a href="/docs">Serai</a> <span>API {escape(version)}</span></p>
{contents}
<p class="more"><a href="/openapi.json">OpenAPI document</a></p>
</nav>
<main id="main">
<header>
<h1>API reference</h1>
<p>Everything here is served under one origin. Bodies are JSON in <code>snake_case</code>, money is integer minor units
with an ISO 4217 currency, times are RFC 3339 in UTC. Refusals are <code>application/problem+json</code> with a stable
<code>code</code> and the <code>request_id</code> that every answer carries. Send an access token as
<code>Authorization: Bearer …</code>.</p>
</header>
{sections}
</main>
</body>
</html>
"""


def _operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in sorted(document.get("paths", {}).items()):
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def _anchor(method: str, path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{method}{path}".lower()).strip("-")


def _contents(service: str, document: Document) -> str:
    lines = "".join(
        f'<li><a href="#{_anchor(method, path)}">'
        f'<b class="{method}">{method.upper()}</b><span>{_path(path)}</span></a></li>'
        for method, path, _ in _operations(document)
    )
    return f'<h2><a href="#{escape(service)}">{escape(service)}</a></h2><ul>{lines}</ul>'


def _section(service: str, document: Document) -> str:
    about = _prose(document.get("info", {}).get("description", ""))
    operations = "".join(_operation(document, method, path, found) for method, path, found in _operations(document))
    return f'<section id="{escape(service)}"><h2>{escape(service)}</h2>{about}{operations}</section>'


def _operation(document: Document, method: str, path: str, operation: Mapping[str, Any]) -> str:
    summary = operation.get("summary", "")
    return "".join(
        (
            f'<article id="{_anchor(method, path)}">',
            f'<h3><b class="{method}">{method.upper()}</b> <code>{_path(path)}</code></h3>',
            f'<p class="who">{_who(operation)}</p>',
            f"<p><strong>{escape(summary)}</strong></p>" if summary else "",
            _prose(operation.get("description", "")),
            _parameters(document, operation),
            _body(document, operation),
            _answers(document, operation),
            "</article>",
        )
    )


def _who(operation: Mapping[str, Any]) -> str:
    if "x-needs" in operation:
        return f"Needs the permission <code>{escape(operation['x-needs'])}</code>"
    more = "".join(f"; more with <code>{escape(permission)}</code>" for permission in operation.get("x-more-with", ()))
    return escape(_WHO[operation["x-policy"]]) + more


def _parameters(document: Document, operation: Mapping[str, Any]) -> str:
    rows = ""
    for given in operation.get("parameters", []):
        parameter = _resolved(document, given)
        schema = parameter.get("schema", {})
        needed = ' <em class="required">required</em>' if parameter.get("required") else ""
        rows += (
            f"<tr><th scope=row><code>{escape(parameter.get('name', ''))}</code>{needed}</th>"
            f"<td>{escape(parameter.get('in', ''))}</td><td>{_kind(document, schema)}{_bounds(schema)}</td>"
            f"<td>{_inline(parameter.get('description') or schema.get('description') or '')}</td></tr>"
        )
    return f"<h4>Parameters</h4><table><tbody>{rows}</tbody></table>" if rows else ""


def _body(document: Document, operation: Mapping[str, Any]) -> str:
    content = _resolved(document, operation.get("requestBody", {})).get("content", {})
    return "".join(
        f"<h4>Body <small>{escape(kind)}</small></h4>{_shape(document, media.get('schema', {}), is_request=True)}"
        for kind, media in content.items()
    )


def _answers(document: Document, operation: Mapping[str, Any]) -> str:
    parts = ""
    for status, given in sorted(operation.get("responses", {}).items()):
        answer = _resolved(document, given)
        description = escape(answer.get("description", ""))
        shapes = "".join(
            _shape(document, media.get("schema", {}), is_request=False)
            for kind, media in answer.get("content", {}).items()
            if kind != "application/problem+json"
        )
        head = f'<b class="s{escape(status[:1])}">{escape(status)}</b> {description}'
        parts += f"<details><summary>{head}</summary>{shapes}</details>" if shapes else f'<p class="answer">{head}</p>'
    return f"<h4>Answers</h4>{parts}" if parts else ""


def _shape(document: Document, schema: Mapping[str, Any], *, is_request: bool) -> str:
    """An outline of a schema: one line per field, with nested fields below it. `is_request` marks required fields."""
    schema = _resolved(document, schema)
    if "items" in schema:
        return f'<p class="kind">{_kind(document, schema)}</p>' + _fields(document, schema["items"], 0, is_request)
    return _fields(document, schema, 0, is_request) or f'<p class="kind">{_kind(document, schema)}{_bounds(schema)}</p>'


def _fields(document: Document, schema: Mapping[str, Any], depth: int, is_request: bool) -> str:
    if depth >= _DEPTH:
        return ""
    lines = ""
    for branch in _branches(document, schema):
        required = set(branch.get("required", [])) if is_request else set()
        for name, given in branch.get("properties", {}).items():
            field = _resolved(document, given)
            needed = ' <em class="required">required</em>' if name in required else ""
            inner = _fields(document, field.get("items", field), depth + 1, is_request)
            lines += (
                f"<li><code>{escape(name)}</code>{needed} <span>{_kind(document, given)}{_bounds(field)}</span> "
                f"{_inline(field.get('description', ''))}{inner}</li>"
            )
    return f'<ul class="fields">{lines}</ul>' if lines else ""


def _branches(document: Document, schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    schema = _resolved(document, schema)
    branches = [*schema.get("oneOf", []), *schema.get("anyOf", []), *schema.get("allOf", [])]
    return [found for branch in branches for found in _branches(document, branch)] or [schema]


def _resolved(document: Document, node: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(_DEPTH):
        reference = node.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        found: Any = document
        for step in reference[2:].split("/"):
            found = found.get(step, {}) if isinstance(found, dict) else {}
        node = found
    return node


def _kind(document: Document, given: Mapping[str, Any]) -> str:
    """The type of a value, as text."""
    schema = _resolved(document, given)
    branches = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    if branches:
        return " or ".join(dict.fromkeys(_kind(document, branch) for branch in branches))
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if "items" in schema:
        return f"list of {_kind(document, schema['items'])}"
    kind = schema.get("type", "object" if "properties" in schema else "any")
    kinds = kind if isinstance(kind, list) else [kind]
    text = " or ".join(str(k) for k in kinds)
    return escape(f"{text} ({schema['format']})" if "format" in schema else text)


def _bounds(schema: Mapping[str, Any]) -> str:
    lowest = next((schema[k] for k in ("minimum", "minLength", "minItems") if k in schema), None)
    highest = next((schema[k] for k in ("maximum", "maxLength", "maxItems") if k in schema), None)
    if lowest is None and highest is None:
        return ""
    said = f"≥ {lowest}" if highest is None else f"≤ {highest}" if lowest is None else f"{lowest}–{highest}"
    return f" <small>{escape(said)}</small>"


def _path(path: str) -> str:
    return re.sub(r"\{([^}]+)\}", r"<i>{\1}</i>", escape(path))


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in _PARAGRAPH.split(text.strip()) if part.strip())


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))
