"""The gateway process: reads and checks the settings and documents, then runs the agent until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import signal
import sys

from serai import __version__, topology
from serai.chassis import telemetry
from serai.chassis.calls import directory
from serai.chassis.otlp import Exporter
from serai.chassis.settings import SettingsError, load
from serai.gateway.agent import Agent
from serai.gateway.agent_server import AgentServer
from serai.gateway.api_reference import STYLE, render_api_reference
from serai.gateway.certificate import CertificateError
from serai.gateway.envoy_process import EnvoyFailed
from serai.gateway.openapi_documents import merge_documents, read_documents
from serai.gateway.port_check import wait_until_free
from serai.gateway.routes import WEB, RouteError, check_limits, client_document, service_routes
from serai.gateway.settings import GatewaySettings


def main() -> int:
    """Runs until SIGTERM or SIGINT. Returns the exit status: 2 for invalid settings, 1 if it cannot serve."""
    try:
        settings = load(GatewaySettings).check()
        documents = read_documents([s.name for s in topology.SERVICES if s.public], settings.openapi)
        routes = service_routes({**documents, WEB: client_document(topology.WEB_ROUTES)})
        check_limits(routes, settings.limits())
        if problems := directory.problems(settings, [*documents, WEB]):
            raise SettingsError(problems)
    except (SettingsError, RouteError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    if not wait_until_free(settings.gateway_bind, settings.port):
        print(
            f"gateway: cannot listen on {settings.gateway_bind}:{settings.port}; choose another SERAI_PORT",
            file=sys.stderr,
        )
        return 1
    exporter: Exporter | None = None
    if settings.otlp_endpoint:
        exporter = Exporter(
            settings.otlp_endpoint,
            settings.resource("gateway", settings.instance),
            headers=settings.otlp_header_fields,
            compress=settings.otlp_compression == "gzip",
        )
    telemetry.configure_logging("gateway", settings.instance or "gateway", settings.log_level, exporter)
    merged = merge_documents(documents, title="Serai", version=__version__, url=settings.public_url)
    server = AgentServer(
        html=render_api_reference(documents, version=__version__), css=STYLE, merged=merged, documents=documents
    )
    try:
        agent = Agent(settings, services=documents, routes=routes, server=server, exporter=exporter)
        asyncio.run(_serve(agent))
    except (EnvoyFailed, CertificateError, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(agent: Agent) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Settings and documents are read at the start only, so SIGHUP, the usual request to read them again, stops the
    # process gracefully. Under nohup SIGHUP is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    await agent.run(stop)


if __name__ == "__main__":
    sys.exit(main())
