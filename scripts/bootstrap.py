"""Installs this checkout's tools: uv into .tools/ and every Python package into .venv/. It writes nothing elsewhere.

It runs before each make target with the machine's Python. It uses only the standard library and old syntax, because an
old Python must be able to run it and report that it is too old. If nothing has changed, it prints nothing and takes a
few milliseconds.

uv is pinned by hash here, everything else by uv.lock. uv never downloads a Python interpreter. Indexes, proxies and
certificates come from the usual variables and files of pip and uv.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 11)
UV_VERSION = "0.13.9"
UV_WHEELS = {
    "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",  # noqa: E501
    "uv-0.13.9-py3-none-musllinux_1_1_x86_64.whl": "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",
    "uv-0.13.9-py3-none-manylinux_2_28_aarch64.whl": "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    "uv-0.13.9-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl": "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",  # noqa: E501
    "uv-0.13.9-py3-none-macosx_10_12_x86_64.whl": "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    "uv-0.13.9-py3-none-macosx_11_0_arm64.whl": "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
}

TOOLS = os.path.join(ROOT, ".tools")
UV_HOME = os.path.join(TOOLS, "uv-" + UV_VERSION)
UV = os.path.join(UV_HOME, "bin", "uv")
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "serai-stamp.json")


def main():
    with_dev = "--dev" in sys.argv[1:]
    require_python()
    wanted = {"root": ROOT, "packages": fingerprint()}
    if not up_to_date(wanted, with_dev):
        with exclusive():
            if not up_to_date(wanted, with_dev):
                get_uv()
                sync(wanted, with_dev)


def require_python():
    if sys.version_info >= OLDEST:
        return
    for minor in range(OLDEST[1] + 8, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])
    fail(
        f"Serai needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is {platform.python_version()}.\n"
        "Install a newer one, or select it: make PYTHON=/path/to/python3 up"
    )


def fingerprint():
    digest = hashlib.sha256()
    for name in ("uv.lock", "pyproject.toml"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def read_stamp():
    try:
        with open(STAMP) as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def up_to_date(wanted, with_dev):
    stamp = read_stamp()
    same = all(stamp.get(key) == value for key, value in wanted.items())
    return same and (stamp.get("dev") or not with_dev) and os.path.exists(os.path.join(VENV, "bin", "python"))


class exclusive:
    """A lock, so that two make runs in one checkout install one after the other."""

    def __enter__(self):
        import fcntl

        os.makedirs(TOOLS, exist_ok=True)
        self.file = open(os.path.join(TOOLS, "lock"), "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *failure):
        self.file.close()


def get_uv():
    if os.path.exists(UV):
        return
    say(f"Getting uv {UV_VERSION} (once) ...")
    staging = tempfile.mkdtemp(dir=TOOLS)
    try:
        if not (install_uv_with_pip(staging) or install_uv_from_wheel(staging)):
            fail(f"Could not get uv {UV_VERSION}: no network, or no build of it for this machine.")
        shutil.rmtree(UV_HOME, ignore_errors=True)
        os.rename(os.path.join(staging, "uv"), UV_HOME)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def install_uv_with_pip(staging):
    pip = pip_command(staging)
    if pip is None:
        return False
    requirements = os.path.join(staging, "requirements.txt")
    with open(requirements, "w") as file:
        file.write(f"uv=={UV_VERSION} " + " ".join(f"--hash=sha256:{digest}" for digest in UV_WHEELS.values()) + "\n")
    target = os.path.join(staging, "uv")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    done = subprocess.run(
        [*pip, "install", "--target", target, "--requirement", requirements, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    if done.returncode != 0:
        say(f"pip could not fetch it ({last_line(done.stderr)}); trying without pip ...")
        shutil.rmtree(target, ignore_errors=True)
        return False
    return os.path.exists(os.path.join(target, "bin", "uv"))


def pip_command(staging):
    """The command of a working pip: that of this Python, or one in a temporary virtual environment. None if neither
    exists, as with Debian's Python."""
    import importlib.util

    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("ensurepip") is None:
        return None
    throw_away = os.path.join(staging, "venv")
    made = subprocess.run(
        [sys.executable, "-m", "venv", throw_away], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return [os.path.join(throw_away, "bin", "python"), "-m", "pip"] if made.returncode == 0 else None


def install_uv_from_wheel(staging):
    import urllib.parse
    import urllib.request
    import zipfile

    name = wheel_for_this_machine()
    if name is None:
        return False
    index = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_DEFAULT_INDEX") or "https://pypi.org/simple"
    page = index.rstrip("/") + "/uv/"
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            links = re.findall(r'href="([^"#]+)', answer.read().decode())
            base = answer.url
        link = next((link for link in links if urllib.parse.unquote(link).endswith("/" + name)), None)
        if link is None:
            return False
        with urllib.request.urlopen(urllib.parse.urljoin(base, link), timeout=180) as answer:
            content = answer.read()
    except OSError as problem:
        say(f"{page}: {problem}")
        return False
    if hashlib.sha256(content).hexdigest() != UV_WHEELS[name]:
        fail(f"{name} from {page} does not have the pinned hash.")
    archive = os.path.join(staging, name)
    with open(archive, "wb") as file:
        file.write(content)
    target = os.path.join(staging, "uv", "bin")
    os.makedirs(target)
    with zipfile.ZipFile(archive) as wheel:
        member = next(entry for entry in wheel.namelist() if entry.endswith("/scripts/uv"))
        with wheel.open(member) as source, open(os.path.join(target, "uv"), "wb") as binary:
            shutil.copyfileobj(source, binary)
    os.chmod(os.path.join(target, "uv"), 0o755)
    return True


def wheel_for_this_machine():
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        wanted = "macosx_11_0_arm64" if machine == "aarch64" else "macosx_10_12_x86_64"
    elif machine == "x86_64":
        wanted = "manylinux_2_17_x86_64" if platform.libc_ver()[0] == "glibc" else "musllinux_1_1_x86_64"
    else:
        wanted = "musllinux_1_1_" + machine
    return next((name for name in UV_WHEELS if wanted in name), None)


def sync(wanted, with_dev):
    if read_stamp().get("root", ROOT) != ROOT:
        shutil.rmtree(VENV)  # a moved checkout: scripts in a virtual environment contain absolute paths
    say("Installing the locked Python packages into .venv ...")
    environment = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_PROJECT_ENVIRONMENT=VENV)
    environment.pop("VIRTUAL_ENV", None)
    interpreter = getattr(sys, "_base_executable", sys.executable)
    command = [UV, "sync", "--frozen", "--project", ROOT, "--python", interpreter]
    # Without --dev, keep the tools that an earlier `make test` installed.
    command += [] if with_dev or read_stamp().get("dev") else ["--no-dev", "--inexact"]
    if subprocess.run(command, env=environment, cwd=ROOT).returncode != 0:
        fail("The packages could not be installed; see uv's output above. Run the same command again to continue.")
    stamp = dict(wanted, dev=with_dev or read_stamp().get("dev", False))
    with open(STAMP + ".new", "w") as file:
        json.dump(stamp, file)
    os.replace(STAMP + ".new", STAMP)


def last_line(output):
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def say(message):
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def fail(message):
    say(message)
    sys.exit(1)


if __name__ == "__main__":
    main()
