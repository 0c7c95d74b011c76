"""The command `serai`. Each subcommand imports only what it needs, so that `serai status` starts quickly."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from serai import __version__, topology

EPILOG = """\
Where things are:
  SERAI_HOME        data, keys and logs of one installation (default: .serai in the current folder)
  SERAI_PORT        the shop's port (default: 8080)
  SERAI_PUBLIC_URL  the shop's public address (default: http://localhost:<port>)

Begin with `serai up`, then `serai status`.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    status: int = options.run(options)
    return status


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="serai",
        description="An e-commerce platform of small services behind one gateway.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"serai {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    up = commands.add_parser(
        "up",
        help="start the whole shop on this machine",
        description="Starts PostgreSQL, every service, the sandbox for Stripe and email, and the gateway, and prints "
        "their addresses. Restarts processes that die. Ctrl-C stops everything. SERAI_DATABASE_URL (an "
        "administrator's URL) selects another PostgreSQL server, STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET the real "
        "Stripe, SMTP_URL a real mail server.",
    )
    up.add_argument(
        "--replicas",
        metavar="NAME=N[,NAME=N...]",
        action=Replicas,
        default=[],
        help="number of processes of a service, of discovery or of the gateway, as in order=2,gateway=2; can be "
        "repeated",
    )
    up.set_defaults(run=run_up)

    serve = commands.add_parser(
        "serve",
        help="run one process in the foreground, as a container does",
        description="Runs one service, or the gateway, configured by its environment. If settings are missing, "
        "it lists all of them and does not start.",
    )
    serve.add_argument(
        "name", choices=[*topology.BY_NAME, "gateway"], metavar="NAME", help=", ".join([*topology.BY_NAME, "gateway"])
    )
    serve.set_defaults(run=run_serve)

    migrate = commands.add_parser(
        "migrate",
        help="migrate the databases",
        description="Creates missing roles and databases and applies missing migrations, one caller at a time. Uses "
        "the installation's own PostgreSQL, another one with SERAI_DATABASE_URL (an administrator's URL, and each "
        "service's password in SERAI_DATABASE_PASSWORDS as JSON); on one service's database with DATABASE_URL.",
    )
    migrate.add_argument("services", nargs="*", metavar="SERVICE", help="the services to migrate (default: all)")
    migrate.add_argument(
        "--check", action="store_true", help="check on a temporary server that all migrations go up, down and up again"
    )
    migrate.set_defaults(run=run_migrate)

    seed = commands.add_parser(
        "seed",
        help="add the demo catalogue and accounts",
        description="Adds what is missing and does not change existing data. `serai up` runs it once; the passwords of "
        "the demo accounts are in SERAI_HOME/logins.json.",
    )
    other = seed.add_mutually_exclusive_group()
    other.add_argument(
        "--orders",
        action="store_true",
        help="instead: add past orders of the demo customers to the running shop, which takes some seconds "
        "(SERAI_DEMO_ORDERS=off disables this on the first `serai up`)",
    )
    other.add_argument(
        "--admin",
        metavar="EMAIL",
        help="no demo data: make this address an administrator and print the password once (for the first "
        "administrator of a real shop; DATABASE_URL is the user service's)",
    )
    seed.set_defaults(run=run_seed)

    status = commands.add_parser(
        "status",
        help="show the processes, their addresses and their health",
        description="Prints a row for every process. Exits with 0 if the whole shop is ready, else with 1.",
    )
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(run=run_status)

    restart = commands.add_parser(
        "restart",
        help="replace running processes one after another without losing a request",
        description="Asks the running shop to replace every instance of NAME: a service, discovery, gateway, sandbox, "
        "one instance as `serai status` names it, or all (every service, then discovery, then the gateways). A "
        "service's successor is ready before it stops. Exits with 0 if all were replaced.",
    )
    restart.add_argument("name", metavar="NAME")
    restart.set_defaults(run=run_restart)

    openapi = commands.add_parser(
        "openapi",
        help="write openapi/*.json from the code",
        description="Generates each public service's OpenAPI document from its routes.",
    )
    openapi.add_argument(
        "--check", action="store_true", help="write nothing; fail if a committed document is out of date"
    )
    openapi.set_defaults(run=run_openapi)
    return top


class Replicas(argparse.Action):
    """Collects the values of `--replicas`. An invalid value is reported as an error of this option."""

    def __call__(
        self, _: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        from serai.supervisor.replicas import parse

        texts = [*getattr(namespace, self.dest), values]
        try:
            parse(texts)
        except ValueError as problem:
            raise argparse.ArgumentError(self, str(problem)) from problem
        setattr(namespace, self.dest, texts)


def run_up(options: argparse.Namespace) -> int:
    from serai.supervisor.replicas import parse
    from serai.supervisor.up import CannotStart, up

    try:
        return up(parse(options.replicas))
    except CannotStart as problem:
        return failed(problem)


def run_serve(options: argparse.Namespace) -> int:
    if options.name == "gateway":
        from serai.gateway.app import main as run_gateway

        return run_gateway()

    from importlib import import_module

    from serai.chassis.process.serve import AddressInUse, run
    from serai.chassis.settings import SettingsError

    module, _, function = topology.service(options.name).factory.partition(":")
    try:
        run(getattr(import_module(module), function)())
    except (SettingsError, AddressInUse) as problem:
        return failed(problem)
    return 0


def run_migrate(options: argparse.Namespace) -> int:
    from serai.supervisor import commands
    from serai.supervisor.home import Home
    from serai.supervisor.postgres import PostgresFailed

    try:
        if options.check:
            commands.check_migrations(options.services)
        else:
            commands.migrate(Home.from_environment(), options.services)
    except (commands.CannotRun, commands.MigrationFailed, PostgresFailed) as problem:
        return failed(problem)
    return 0


def run_seed(options: argparse.Namespace) -> int:
    from serai.supervisor import commands, seeding
    from serai.supervisor.home import Home
    from serai.supervisor.postgres import PostgresFailed

    try:
        if options.admin:
            seeding.create_admin(Home.from_environment(), options.admin)
        elif options.orders:
            seeding.seed_orders(Home.from_environment())
        else:
            seeding.seed(Home.from_environment())
    except (commands.CannotRun, commands.MigrationFailed, PostgresFailed) as problem:
        return failed(problem)
    return 0


def run_status(options: argparse.Namespace) -> int:
    from serai.supervisor import status
    from serai.supervisor.home import Home

    try:
        found = status.read(Home.from_environment())
    except status.NotRunning as problem:
        return failed(problem)
    print(found.as_json() if options.json else found.as_text())
    return 0 if found.ready else 1


def run_restart(options: argparse.Namespace) -> int:
    from serai.supervisor import control, status
    from serai.supervisor.home import Home

    try:
        for line in control.send_request(status.control_of(Home.from_environment()), {"restart": options.name}):
            print(line, flush=True)
    except (status.NotRunning, control.Refused) as problem:
        return failed(problem)
    return 0


def run_openapi(options: argparse.Namespace) -> int:
    from serai.supervisor.documents import check, write

    return check() if options.check else write()


def failed(problem: Exception) -> int:
    print(f"serai: {problem}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
