"""The API reference escapes the documents' text and shows each operation's policy."""

from __future__ import annotations

from serai.gateway.api_reference import render_api_reference
from tests.gateway.fake_services import DOCUMENTS, document_with_item


def test_text_of_documents_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    document = {
        "info": {"description": evil},
        "paths": {
            "/api/x": {
                "get": {
                    "x-policy": "public",
                    "summary": evil,
                    "description": evil,
                    "parameters": [{"name": evil, "in": evil, "description": evil, "schema": {"type": evil}}],
                    "requestBody": {"content": {evil: {"schema": {"properties": {evil: {"enum": [evil]}}}}}},
                    "responses": {"200": {"description": evil}},
                }
            }
        },
    }
    page = render_api_reference({"cart": document}, version=evil)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_recursive_schema_is_rendered() -> None:
    node = {"properties": {"inner": {"$ref": "#/components/schemas/Item"}}}
    assert "inner" in render_api_reference({"cart": document_with_item("cart", node)}, version="1")


def test_each_operation_shows_its_policy() -> None:
    page = render_api_reference(DOCUMENTS, version="1")
    assert "Needs the permission <code>users:write</code>" in page
    assert 'id="get-api-products-id-or-slug"' in page
