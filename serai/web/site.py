"""Answers from memory: hashed files for a year, pages asked for anew each time, and nothing that is not listed.

Every answer is made when the process starts. A request costs a look-up by its path and one by the encodings it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from serai.chassis.http.accept_encoding import accepted_encodings
from serai.web.dist import INDEX, File, Version

#: Names in there hold a hash of what is in the file.
ASSETS = "/assets/"
_FOR_EVER = b"public, max-age=31536000, immutable"
#: A visit's worth: these have no hash in their names.
_FOR_A_WHILE = b"public, max-age=3600"
_ASK_AGAIN = b"no-cache"

#: Nothing from elsewhere, no script but our files, no eval. Styles are the exception: the components write theirs into
#: <style> elements as they appear, which only 'unsafe-inline' allows where pages are files and carry no nonce.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob:",  # blob: shows a picture before it is uploaded
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_PAGE = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    # Links in mails carry secrets in their query; with this no address leaves, only where it came from.
    (b"referrer-policy", b"strict-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"x-frame-options", b"DENY"),
]
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_VARY = (b"vary", b"accept-encoding")


class Site:
    def __init__(
        self,
        files: Mapping[str, File],
        *,
        pages: Iterable[str],
        public: Iterable[str],
        needs: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> None:
        """`pages` are templates that index.html answers, `public` those of the other files; `needs` is what a browser
        is told of with a page, so that it has it by the time the page asks."""
        self._files: dict[str, tuple[str, _Answers]] = {}
        templates = list(public)
        for path, file in files.items():
            route = _template(path, templates)
            if route is not None:
                self._files[path] = route, _Answers(file, _headers(path))
        index = [(b"cache-control", _ASK_AGAIN), *_PAGE]
        #: By how many segments there are, and the fixed ones among them.
        self._pages: dict[tuple[str, ...], tuple[str, _Answers]] = {
            _key(page): (page, _Answers(files[INDEX], [*index, *_early(needs.get(page, ()))])) for page in pages
        }

    def answer(self, scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        """The route and the answer of a request for something that is here."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        found = self._files.get(scope["path"]) or self._page(scope["path"])
        return None if found is None else (found[0], found[1].to(scope))

    def _page(self, path: str) -> tuple[str, _Answers] | None:
        segments = tuple(path[1:].split("/"))
        exactly = self._pages.get(segments)
        if exactly is not None or len(segments) < 2 or not segments[-1]:
            return exactly
        return self._pages.get((*segments[:-1], _ANY))


class _Answers:
    """Everything that may be answered for one file."""

    def __init__(self, file: File, headers: list[tuple[bytes, bytes]]) -> None:
        about = [*headers, _NOSNIFF, *([_VARY] if len(file.versions) > 1 else [])]
        self._sent = {encoding: _Sent(version, file.type, about) for encoding, version in file.versions.items()}
        self._plain = self._sent[b""]

    def to(self, scope: HTTPScope) -> ASGIApp:
        sent = self._plain
        if_none_match = None
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                sent = next((self._sent[one] for one in accepted_encodings(value) if one in self._sent), self._plain)
            elif name == b"if-none-match":
                if_none_match = value
        if if_none_match is not None and sent.is_named(if_none_match):
            return sent.not_modified
        return sent.head if scope["method"] == "HEAD" else sent.whole


class _Sent:
    """A file in one encoding: whole, its head alone, or that what the client has is still right."""

    def __init__(self, version: Version, kind: bytes, about: list[tuple[bytes, bytes]]) -> None:
        about = [*about, (b"etag", version.tag)]
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(version.body)), *about]
        if version.encoding:
            headers.append((b"content-encoding", version.encoding))
        self._tag = version.tag
        self.whole = _application(200, headers, version.body)
        self.head = _application(200, headers, b"")
        self.not_modified = _application(304, about, b"")

    def is_named(self, if_none_match: bytes) -> bool:
        """Weak comparison (RFC 9110, 8.8.3.2)."""
        if if_none_match.strip() == b"*":
            return True
        return any(one.strip().removeprefix(b"W/") == self._tag for one in if_none_match.split(b","))


def _application(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> ASGIApp:
    async def send_it(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return send_it


def _headers(path: str) -> list[tuple[bytes, bytes]]:
    return [(b"cache-control", _FOR_EVER if path.startswith(ASSETS) else _FOR_A_WHILE)]


def _early(needed: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """The header that names them. All are fetched as scripts and fetch() do, without cookies for elsewhere."""
    links = [f"<{path}>; {_RELATIONS.get(Path(path).suffix, _ANSWER)}; crossorigin" for path in needed]
    return [(b"link", ", ".join(links).encode())] if links else []


_RELATIONS = {
    ".js": "rel=modulepreload",
    ".css": "rel=preload; as=style",
    ".woff2": "rel=preload; as=font",
}
_ANSWER = "rel=preload; as=fetch"

_ANY = "{}"


def _key(template: str) -> tuple[str, ...]:
    """A parameter is the last segment or none, so that a page is found without trying one after the other."""
    *fixed, last = template[1:].split("/")
    if any(segment.startswith("{") for segment in fixed):
        raise ValueError(f"{template}: only the last segment of a page's address may vary")
    return (*fixed, _ANY if last.startswith("{") else last)


def _template(path: str, templates: list[str]) -> str | None:
    """The route that a file is served under; None for one that nobody asks for by itself."""
    segments = path.split("/")
    for template in templates:
        wanted_segments = template.split("/")
        if len(segments) == len(wanted_segments) and all(
            one == other or other.startswith("{") for one, other in zip(segments, wanted_segments, strict=True)
        ):
            return template
    return None
