"""Generates `openapi/<service>.json`, `docs/routes.md` and the currencies of the client application from the code, and
checks that the committed ones are current.

A service is assembled but not started: required settings get temporary values, and nothing is connected.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from litestar import Litestar

from serai import topology
from serai.chassis.http.openapi import document
from serai.commerce.currency import CURRENCIES
from serai.gateway.route_table import route_table
from serai.gateway.routes import WEB, client_document, service_routes
from serai.supervisor import environment, keys
from serai.supervisor.environment import Setup
from serai.supervisor.home import Home

FOLDER = Path(__file__).parent.parent.parent / "openapi"
ROUTES = FOLDER.parent / "docs" / "routes.md"
#: Decimal places by currency code, where it is not two.
CURRENCY_DIGITS = FOLDER.parent / "web" / "src" / "format" / "currencyDigits.json"


def write(folder: Path = FOLDER, routes: Path = ROUTES, digits: Path = CURRENCY_DIGITS) -> int:
    """Write the files that differ. Returns the exit status."""
    folder.mkdir(exist_ok=True)
    for path, text in _documents(folder, routes, digits):
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path}")
    return 0


def check(folder: Path = FOLDER, routes: Path = ROUTES, digits: Path = CURRENCY_DIGITS) -> int:
    """Returns 1 when a document is missing or out of date, and prints which."""
    stale = [path for path, text in _documents(folder, routes, digits) if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"serai: {path} is out of date: run `make openapi` and commit the result", file=sys.stderr)
    if not stale:
        print("the generated files are up to date")
    return 1 if stale else 0


def _documents(folder: Path, routes: Path, digits: Path) -> Iterator[tuple[Path, str]]:
    documents = {service.name: _document(service) for service in topology.SERVICES if service.public}
    for name, text in documents.items():
        yield folder / f"{name}.json", text
    read = {name: json.loads(text) for name, text in documents.items()}
    yield routes, route_table(service_routes({**read, WEB: client_document(topology.WEB_ROUTES)}))
    unusual = {code: currency.digits for code, currency in sorted(CURRENCIES.items()) if currency.digits != 2}
    yield digits, json.dumps(unusual, indent=2) + "\n"


def _document(service: topology.Service) -> str:
    return json.dumps(document(service.name, assemble(service)), indent=2, ensure_ascii=False) + "\n"


def assemble(service: topology.Service) -> Litestar:
    """The application of a service with the settings of a local installation; it is not started."""
    with _settings(service):
        module, _, function = service.factory.partition(":")
        app: Litestar = getattr(import_module(module), function)().app()
        return app


@contextmanager
def _settings(service: topology.Service) -> Iterator[None]:
    """The environment of a temporary local installation."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="serai-openapi-") as folder:
        home = Home(Path(folder))
        home.create()
        setup = Setup(
            home=home,
            keys=keys.load(home),
            ports={"discovery": 1, "stripe": 1, "smtp": 1},
            admin_url="postgresql://127.0.0.1:1/none",
            port=8080,
            bind="127.0.0.1",
            public_url="http://localhost:8080",
            # The caller's own settings must not affect the documents.
            environ={"PATH": before.get("PATH", "")},
        )
        settings = environment.for_service(setup, service.name, f"{service.name}-1", database=service.database)
        os.environ.clear()
        os.environ.update(settings)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
