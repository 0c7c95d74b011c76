"""Runs a web process that serves a small build made by the tests."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # it has no types
import httpx

from serai.supervisor import ports

START_TIMEOUT_S = 60.0

SCRIPT = b"export const shop = 'Serai';\n" * 100
FONT = b"wOF2" + bytes(range(256)) * 8
#: What the cart's page needs beside the files in index.html.
PRELOADS = [
    "/assets/index-0a1b2c3d.js",
    "/assets/index-4e5f6a7b.css",
    "/assets/figtree-8c9d0e1f.woff2",
    "/api/categories",
]
BUILD = {
    "index.html": b"<!doctype html><title>Serai</title>" + b"<p>Tables, lamps and chairs.</p>" * 50,
    "favicon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "scheme.js": b"document.title;\n" * 100,
    "assets/index-0a1b2c3d.js": SCRIPT,
    "assets/index-4e5f6a7b.css": b"p { margin: 0; }\n" * 100,
    "assets/figtree-8c9d0e1f.woff2": FONT,
    # These must not be served.
    "secrets.txt": b"not for visitors",
    ".build.json": b"{}",
    ".vite/pages.json": json.dumps({"/cart": PRELOADS}).encode(),
}


def write_build(folder: Path) -> Path:
    """Writes the build, with compressed variants of its text files."""
    for name, content in BUILD.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if len(content) > 512 and not name.endswith(".woff2"):
            path.with_name(path.name + ".br").write_bytes(brotli.compress(content))
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
    return folder


@contextmanager
def web_process(dist: Path, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Starts a process that serves `dist` and yields its URL; stops it afterwards."""
    port = ports.find_free()
    settings = {"SERAI_MODE": "local", "SERAI_BIND": f"127.0.0.1:{port}", "SERAI_WEB_DIST": str(dist)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serai", "serve", "web"],
            env={**os.environ, "SERAI_DISCOVERY_URL": "", **settings, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            # There is no TLS, and loading the trusted certificates takes 20 ms per request.
            if httpx.get(f"{url}/readyz", trust_env=False, verify=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
