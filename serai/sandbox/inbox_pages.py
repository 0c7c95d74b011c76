"""The inbox over HTTP: an API for tests, and pages for people.

- `GET /api/messages?to=&subject=&limit=&before=` → `{"items": [{"id","message_id","from","to","subject","text","html",
  "received_at"}]}`, newest first; `to` and `subject` match parts, `before` is the last id of the previous
  page, `limit` is 50 by default and at most 1000.
- `GET /api/messages/{id}`, `GET /messages/{id}/raw` (the `.eml`), `DELETE /api/messages`
- `/` and `/messages/{id}` are the pages; `GET|POST|DELETE /_faults`: see `smtp.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from serai.sandbox.hosted_html import STYLE
from serai.sandbox.inbox import Entry, Inbox
from serai.sandbox.shared_routes import fault_routes, probe_routes, refusal
from serai.sandbox.smtp import MailFaults

DEFAULT_PAGE, MAX_PAGE = 50, 1000

_STYLE = (
    STYLE
    + """
header{display:flex;flex-wrap:wrap;gap:12px;align-items:center;justify-content:space-between;margin:0 0 20px}
header h1{font-size:22px;color:var(--ink)}
header form{display:flex;gap:8px}header input{margin:0;width:220px}header button{width:auto;padding:11px 16px}
.mail{display:block;padding:14px 20px;border-top:1px solid var(--line);color:inherit;text-decoration:none}
.mail:first-child{border-top:0}.mail:hover{background:var(--desk)}
.mail b{display:block;overflow-wrap:anywhere}.mail span{display:flex;flex-wrap:wrap;gap:4px 16px;
justify-content:space-between;color:var(--soft);font-size:14px;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:auto 1fr;gap:4px 16px;margin:0 0 20px;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
iframe{width:100%;height:70vh;border:1px solid var(--line);border-radius:10px;background:#fff;color-scheme:light}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font:14px/1.5 ui-monospace,monospace;margin:20px 0 0}
main>p a,.back{color:var(--accent)}
"""
)

#: Emails are untrusted HTML: no scripts, no forms, and no resources but images and fonts.
_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: http: https:; font-src data:; frame-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


class InboxPages:
    def __init__(self, inbox: Inbox, faults: MailFaults) -> None:
        self._inbox = inbox
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/messages", self.list),
            web.delete("/api/messages", self.clear),
            web.get("/api/messages/{id}", self.one),
            web.get("/", self.show_all),
            web.get("/messages/{id}", self.show),
            web.get("/messages/{id}/raw", self.raw),
            *fault_routes(self._faults),
            *probe_routes(),
        ]

    async def list(self, request: web.Request) -> web.Response:
        return web.json_response({"items": [self._inbox.document(entry) for entry in self._query_inbox(request)]})

    async def one(self, request: web.Request) -> web.Response:
        return web.json_response(self._inbox.document(self._entry(request)))

    async def clear(self, request: web.Request) -> web.Response:
        self._inbox.clear()
        return web.Response(status=204)

    async def show_all(self, request: web.Request) -> web.Response:
        entries = self._query_inbox(request)
        to = request.query.get("to", "")
        rows = "".join(
            f'<a class="mail" href="/messages/{entry.id}"><b>{escape(entry.subject) or "(no subject)"}</b>'
            f"<span><span>to {escape(', '.join(entry.recipients))}</span><span>{_when(entry)}</span></span></a>"
            for entry in entries
        )
        more = {"to": to, "before": entries[-1].id} if len(entries) == DEFAULT_PAGE else None
        return _page(
            "Inbox",
            '<p class="note"><b>Sandbox: emails are not delivered.</b> All emails of the shop appear here.</p>'
            f"<header><h1>Inbox · {len(self._inbox)}</h1><form><input name='to' value='{escape(to)}' "
            "placeholder='Recipient' aria-label='Recipient'><button>Filter</button></form></header>"
            f'<div class="sheet">{rows or "<p class=mail>No emails yet.</p>"}</div>'
            + (f'<p><a href="/?{escape(urlencode(more))}">Older</a></p>' if more else ""),
        )

    async def show(self, request: web.Request) -> web.Response:
        entry = self._entry(request)
        mail = self._inbox.document(entry)
        facts = {
            "From": entry.sender,
            "To": ", ".join(entry.recipients),
            "Received": _when(entry),
            "Id": entry.message_id,
        }
        listed = "".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items())
        # Links open in a new tab. Nothing else in the email can leave the frame.
        framed = (
            '<iframe title="Email" sandbox="allow-popups allow-popups-to-escape-sandbox" '
            f'srcdoc="{escape("<base target=_blank>" + mail["html"])}"></iframe>'
            if mail["html"] is not None
            else ""
        )
        return _page(
            entry.subject or "(no subject)",
            '<p><a class="back" href="/">All emails</a></p><div class="sheet"><section class="pay">'
            f"<h2>{escape(entry.subject) or '(no subject)'}</h2><dl>{listed}</dl>{framed}"
            f'<pre>{escape(mail["text"])}</pre><p><a class="back" href="/messages/{entry.id}/raw">Source</a></p>'
            "</section></div>",
        )

    async def raw(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self._inbox.raw(self._entry(request)), content_type="text/plain", headers=headers)

    def _query_inbox(self, request: web.Request) -> Sequence[Entry]:
        query = request.query
        limit = query.get("limit", str(DEFAULT_PAGE))
        if not limit.isdecimal() or int(limit) < 1:
            raise refusal("limit must be a positive number")
        return self._inbox.newest(
            to=query.get("to", ""),
            subject=query.get("subject", ""),
            before=query.get("before", ""),
            limit=min(int(limit), MAX_PAGE),
        )

    def _entry(self, request: web.Request) -> Entry:
        entry = self._inbox.get(request.match_info["id"])
        if entry is None:
            raise web.HTTPNotFound(text="There is no such message.")
        return entry


def _when(entry: Entry) -> str:
    return escape(entry.received_at[:19].replace("T", " ") + " UTC")


def _page(title: str, content: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{content}</main></body></html>"
    )
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, content_type="text/html", headers=headers)
