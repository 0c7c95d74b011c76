"""What the user service says of sessions, for tests: over HTTP, as the real one does."""

from __future__ import annotations

from types import TracebackType
from uuid import UUID, uuid4

import msgspec
from aiohttp import web

from serai.chassis.auth.principal import SessionFacts
from tests import tokens


class Users:
    def __init__(self) -> None:
        self.port = 0
        self._sessions: dict[UUID, SessionFacts] = {}
        app = web.Application()
        app.router.add_get("/internal/sessions/{id}", self._session)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Users:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def sign_in(self, role: str, user_id: UUID | None = None) -> dict[str, str]:
        """The headers of somebody with a live session."""
        user_id, session = user_id or uuid4(), uuid4()
        self._sessions[session] = SessionFacts(user_id, role, "somebody@example.com", "Somebody")
        return tokens.as_user(user_id, role, sid=str(session))

    def sign_out_all(self) -> None:
        self._sessions.clear()

    async def _session(self, request: web.Request) -> web.Response:
        facts = self._sessions.get(UUID(request.match_info["id"]))
        if facts is None:
            return web.json_response({"code": "not_found", "status": 404}, status=404)
        return web.Response(body=msgspec.json.encode(facts), content_type="application/json")
