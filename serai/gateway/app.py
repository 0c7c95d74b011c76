"""The gateway process: read the setup, refuse to start on a wrong one, run the agent until told to leave."""

from __future__ import annotations

import asyncio
import signal
import sys

from serai import __version__, topology
from serai.chassis import telemetry
from serai.chassis.calls import directory
from serai.chassis.settings import SettingsError, load
from serai.gateway.agent import Agent
from serai.gateway.certificate import CertificateError
from serai.gateway.documents import joined, read_documents
from serai.gateway.listening import becomes_free
from serai.gateway.pages import Pages
from serai.gateway.process import EnvoyFailed
from serai.gateway.reference import STYLE, reference
from serai.gateway.routes import WEB, RouteError, check_limits, client_document, service_routes
from serai.gateway.settings import GatewaySettings


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
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
    if not becomes_free(settings.gateway_bind, settings.port):
        print(
            f"gateway: cannot listen on {settings.gateway_bind}:{settings.port}; choose another SERAI_PORT",
            file=sys.stderr,
        )
        return 1
    telemetry.configure_logging("gateway", settings.instance or "gateway", settings.log_level)
    whole = joined(documents, title="Serai", version=__version__, url=settings.public_url)
    pages = Pages(html=reference(documents, version=__version__), css=STYLE, joined=whole, documents=documents)
    try:
        asyncio.run(_serve(Agent(settings, services=documents, routes=routes, pages=pages)))
    except (EnvoyFailed, CertificateError, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(agent: Agent) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Settings and documents are read at the start, so whoever wants them read again has us leave in good order. Who was
    # started to outlive its terminal does.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, stop.set)
    await agent.run(stop)


if __name__ == "__main__":
    sys.exit(main())
