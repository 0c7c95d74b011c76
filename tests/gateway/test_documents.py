"""A document that cannot be read is told by name and place, and the gateway does not start on a part of the shop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from serai.gateway.documents import read_documents
from serai.gateway.routes import RouteError
from tests.gateway.shop import DOCUMENTS, write_documents

LINES = json.dumps(DOCUMENTS["cart"], indent=1)


def test_the_gateway_refuses_to_start_on_a_bad_line_and_says_where_it_is(tmp_path: Path) -> None:
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
def test_a_document_of_another_shape_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "cart.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(RouteError, match=why):
        read_documents(["cart"], tmp_path)
