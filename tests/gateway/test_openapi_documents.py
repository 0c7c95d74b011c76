"""Reading and merging OpenAPI documents. The gateway does not start if one is missing or malformed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serai.gateway.openapi_documents import merge_documents, read_documents
from serai.gateway.routes import RouteError
from tests.gateway.fake_services import DOCUMENTS, document_with_item, write_documents

LINES = json.dumps(DOCUMENTS["cart"], indent=1)


def test_the_gateway_does_not_start_with_a_malformed_document_and_reports_its_position(tmp_path: Path) -> None:
    write_documents(tmp_path)
    (tmp_path / "cart.json").write_text(LINES.replace('"x-policy": "optional"', '"x-policy": optional', 1))
    done = subprocess.run(
        [sys.executable, "-m", "serai.gateway.app"],
        env={**os.environ, "SERAI_MODE": "local", "SERAI_HOME": str(tmp_path), "SERAI_OPENAPI": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("gateway: ")
    assert f"{tmp_path / 'cart.json'}: line 10, column 17: Expecting value" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1, column 1"),
        ('{"paths": {}', "line 1, column 13"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `paths`"),
        ('{"paths": []}', r"\$\.paths"),
        ('{"paths": {"/api/x": null}}', r"\$\.paths\[\.\.\.\]"),
        ('{"paths": {"/api/x": {"get": "public"}}}', r"\$\.paths"),
        ('{"paths": {}, "components": {"schemas": []}}', r"\$\.components"),
        ('{"paths": {"/api/\ud800": {}}}', "utf-8|UTF-8|surrogate|line"),
    ],
)
def test_a_document_of_another_structure_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "cart.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(RouteError, match=why):
        read_documents(["cart"], tmp_path)


def test_missing_and_malformed_documents_are_named(tmp_path: Path) -> None:
    write_documents(tmp_path)
    (tmp_path / "cart.json").unlink()
    (tmp_path / "order.json").write_text("{")
    with pytest.raises(RouteError) as caught:
        read_documents(DOCUMENTS, tmp_path)
    assert "cart.json" in str(caught.value)
    assert "order.json" in str(caught.value)


def test_merging_renames_components_that_two_services_define_differently() -> None:
    cart, order = {"type": "string"}, {"type": "integer"}
    documents = {
        "cart": document_with_item("cart", cart),
        "order": document_with_item("order", order),
        "user": document_with_item("u", cart),
    }
    merged = merge_documents(documents, title="t", version="1", url="http://x")

    def schema_of(path: str) -> Any:
        content = merged["paths"][path]["get"]["responses"]["200"]["content"]
        name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        return merged["components"]["schemas"][name]

    assert schema_of("/api/cart") == schema_of("/api/u") == cart
    assert schema_of("/api/order") == order
