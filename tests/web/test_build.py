"""`make web` skips an up-to-date build, and reports clearly what it cannot do without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
#: A lock file with one package, which is not cached.
LOCK = {
    "name": "serai-web",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "serai-web", "dependencies": {"react": "19.3.1"}},
        "node_modules/react": {"version": "19.3.1", "integrity": "sha512-" + "A" * 86 + "=="},
    },
}
SOURCES = {
    "index.html": "<!doctype html>",
    "package.json": json.dumps({"name": "serai-web", "dependencies": {"react": "19.3.1"}}),
    "package-lock.json": json.dumps(LOCK),
    "vite.config.ts": "",
    "public/favicon.svg": "<svg/>",
    "scripts/compress.ts": "",
    "src/main.tsx": "1",
    "src/main.test.tsx": "1",
    "src/api/generated/cart.ts": "1",
}


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.web = root / "web"
        for name, text in SOURCES.items():
            self.write(name, text)
        (root / "scripts").mkdir()
        for script in ("bootstrap.py", "web.py"):
            shutil.copy(ROOT / "scripts" / script, root / "scripts")

    def write(self, name: str, text: str) -> None:
        path = self.web / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def with_tools(self) -> Checkout:
        """Links the tools of the real checkout. The package registry stays unreachable."""
        (self.root / ".tools").mkdir()
        for tool in (ROOT / ".tools").glob("[un]*-*"):
            (self.root / ".tools" / tool.name).symlink_to(tool)
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        return self

    def built(self) -> Checkout:
        """Makes it look as after a build of the current sources."""
        self.write("dist/index.html", "<!doctype html>")
        self.write("dist/.stamp", self.evaluate("web.digest(web.sources(), web.NODE_VERSION)"))
        return self

    def evaluate(self, expression: str) -> str:
        """Evaluates an expression in the checkout's build script."""
        command = [sys.executable, "-c", f"import web; print({expression}, end='')"]
        return subprocess.run(
            command, cwd=self.root / "scripts", capture_output=True, text=True, check=True, timeout=60
        ).stdout

    def make(self) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "npm_config_cache": str(self.root / "npm-cache"),
            "npm_config_registry": "http://127.0.0.1:9/",
            "npm_config_offline": "false",
        }
        return subprocess.run(
            [sys.executable, "scripts/web.py", "build"],
            cwd=self.root,
            env=environ,
            capture_output=True,
            text=True,
            timeout=110,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_an_up_to_date_build_is_skipped_and_needs_no_tools(checkout: Checkout) -> None:
    checkout.built()
    done = checkout.make()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["src/main.test.tsx", "src/api/generated/cart.ts", "README.md"])
def test_files_outside_the_build_do_not_make_it_outdated(checkout: Checkout, name: str) -> None:
    checkout.built().write(name, "2")
    assert checkout.evaluate("web.is_built()") == "True"


@pytest.mark.parametrize("name", ["src/main.tsx", "src/new.ts", "package-lock.json", "public/favicon.svg"])
def test_a_changed_source_makes_the_build_outdated(checkout: Checkout, name: str) -> None:
    checkout.built().write(name, "2")
    assert checkout.evaluate("web.is_built()") == "False"


def test_without_a_network_the_previous_build_is_used(checkout: Checkout) -> None:
    checkout.with_tools().built().write("src/main.tsx", "2")
    done = checkout.make()
    assert done.returncode == 0
    assert done.stderr.endswith("Going on with the client application as it was built before, in web/dist.\n")
    assert (checkout.web / "dist" / "index.html").exists()


def test_without_a_network_and_without_a_build_it_reports_what_to_do(checkout: Checkout) -> None:
    done = checkout.with_tools().make()
    assert done.returncode == 1
    assert "The client application is not built" in done.stderr
    assert "Run the same command again with a network" in done.stderr
