"""Serves the client application from memory, listed pages and files only.

Files with a hash in their names may be cached for a year; pages are revalidated each time. All responses are built at
start, so a request costs one look-up by path and one by encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from serai.chassis.http.accept_encoding import accepted_encodings
from serai.web.dist import INDEX, EncodedFile, File

#: Names in this folder contain a hash of the file's content.
ASSETS = "/assets/"
_CACHE_FOR_A_YEAR = b"public, max-age=31536000, immutable"
#: For files without a hash in their names.
_CACHE_FOR_AN_HOUR = b"public, max-age=3600"
_REVALIDATE = b"no-cache"

#: No other origins, no inline scripts, no eval. Inline styles are allowed, because the components add <style> elements
#: and static pages cannot carry a nonce.
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
_PAGE_HEADERS = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    # Links in emails have secrets in their query. This sends only the origin as the referrer, never the URL.
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
        preloads: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> None:
        """`pages` are the path templates that get index.html, `public` those of the other files.

        `preloads` are the paths, by page, that the `Link` header of the page tells the browser to load early.
        """
        self._files: dict[str, tuple[str, _FileResponses]] = {}
        templates = list(public)
        for path, file in files.items():
            route = _matching_template(path, templates)
            if route is not None:
                self._files[path] = route, _FileResponses(file, _headers(path))
        index = [(b"cache-control", _REVALIDATE), *_PAGE_HEADERS]
        #: By the segments of the path; a last segment that is a parameter is `_ANY`.
        self._pages: dict[tuple[str, ...], tuple[str, _FileResponses]] = {
            _page_key(page): (page, _FileResponses(files[INDEX], [*index, *_preload_links(preloads.get(page, ()))]))
            for page in pages
        }

    def answer(self, scope: HTTPScope) -> tuple[str, ASGIApp] | None:
        """The route and the response of a request, or None if there is no such page or file."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        found = self._files.get(scope["path"]) or self._page(scope["path"])
        return None if found is None else (found[0], found[1].to(scope))

    def _page(self, path: str) -> tuple[str, _FileResponses] | None:
        segments = tuple(path[1:].split("/"))
        exactly = self._pages.get(segments)
        if exactly is not None or len(segments) < 2 or not segments[-1]:
            return exactly
        return self._pages.get((*segments[:-1], _ANY))


class _FileResponses:
    """The responses of one file, by encoding."""

    def __init__(self, file: File, headers: list[tuple[bytes, bytes]]) -> None:
        common_headers = [*headers, _NOSNIFF, *([_VARY] if len(file.encodings) > 1 else [])]
        self._by_encoding = {
            encoding: _EncodedResponses(version, file.type, common_headers)
            for encoding, version in file.encodings.items()
        }
        self._plain = self._by_encoding[b""]

    def to(self, scope: HTTPScope) -> ASGIApp:
        encoded = self._plain
        if_none_match = None
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                encoded = next(
                    (self._by_encoding[one] for one in accepted_encodings(value) if one in self._by_encoding),
                    self._plain,
                )
            elif name == b"if-none-match":
                if_none_match = value
        if if_none_match is not None and encoded.matches(if_none_match):
            return encoded.not_modified
        return encoded.head if scope["method"] == "HEAD" else encoded.get


class _EncodedResponses:
    """The responses of a file in one encoding: to GET, to HEAD, and 304."""

    def __init__(self, version: EncodedFile, kind: bytes, common_headers: list[tuple[bytes, bytes]]) -> None:
        common_headers = [*common_headers, (b"etag", version.tag)]
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(version.body)), *common_headers]
        if version.encoding:
            headers.append((b"content-encoding", version.encoding))
        self._tag = version.tag
        self.get = _static_response(200, headers, version.body)
        self.head = _static_response(200, headers, b"")
        self.not_modified = _static_response(304, common_headers, b"")

    def matches(self, if_none_match: bytes) -> bool:
        """Whether If-None-Match has this entity tag, by weak comparison (RFC 9110, section 8.8.3.2)."""
        if if_none_match.strip() == b"*":
            return True
        return any(one.strip().removeprefix(b"W/") == self._tag for one in if_none_match.split(b","))


def _static_response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> ASGIApp:
    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return respond


def _headers(path: str) -> list[tuple[bytes, bytes]]:
    return [(b"cache-control", _CACHE_FOR_A_YEAR if path.startswith(ASSETS) else _CACHE_FOR_AN_HOUR)]


def _preload_links(preloads: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """The `Link` header for these paths. `crossorigin` makes the browser load them as scripts and fetch() do, so that
    the preloaded responses are used.
    """
    links = [f"<{path}>; {_RELATIONS.get(Path(path).suffix, _DEFAULT_RELATION)}; crossorigin" for path in preloads]
    return [(b"link", ", ".join(links).encode())] if links else []


_RELATIONS = {
    ".js": "rel=modulepreload",
    ".css": "rel=preload; as=style",
    ".woff2": "rel=preload; as=font",
}
_DEFAULT_RELATION = "rel=preload; as=fetch"

_ANY = "{}"


def _page_key(template: str) -> tuple[str, ...]:
    """The key of a page. Only the last segment may be a parameter, so that a page is found with two look-ups."""
    *fixed, last = template[1:].split("/")
    if any(segment.startswith("{") for segment in fixed):
        raise ValueError(f"{template}: only the last segment of a page's path may be a parameter")
    return (*fixed, _ANY if last.startswith("{") else last)


def _matching_template(path: str, templates: list[str]) -> str | None:
    """The first template that matches the path of a file; None if the file is not public."""
    segments = path.split("/")
    for template in templates:
        template_segments = template.split("/")
        if len(segments) == len(template_segments) and all(
            one == other or other.startswith("{") for one, other in zip(segments, template_segments, strict=True)
        ):
            return template
    return None
