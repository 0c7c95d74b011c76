"""The paths that the gateway routes to the web service are exactly those of the client application."""

from __future__ import annotations

import re
from pathlib import Path

from serai import topology
from serai.web.app import WebSettings
from serai.web.dist import INDEX, read_build

WEB = Path(__file__).parents[2] / "web"
#: One route in the client's sources: its name, its parent's name, and the path it adds to the parent's.
_ROUTE = re.compile(
    r"const (?P<name>\w+) = createRoute\(\{\s*getParentRoute: \(\) => (?P<parent>\w+),\s*"
    r"(?:path: \"(?P<path>[^\"]*)\"|id: )"
)
#: Other ways to define a route, which this test cannot parse.
_UNSUPPORTED = re.compile(r"\b(createFileRoute|createLazyRoute|createLazyFileRoute|createRouteMask)\b")


def _pages() -> set[str]:
    """The paths in the client's sources, with parameters in the gateway's notation."""
    sources = {
        path: path.read_text()
        for path in sorted((WEB / "src").rglob("*.ts*"))
        if ".test." not in path.name and "generated" not in path.parts
    }
    assert not [path for path, text in sources.items() if _UNSUPPORTED.search(text)]
    routes = {found["name"]: found for text in sources.values() for found in _ROUTE.finditer(text)}
    assert len(routes) == sum(len(re.findall(r"\bcreateRoute\(", text)) for text in sources.values())

    def full_path(name: str) -> str:
        found = routes.get(name)
        # The root route has no path.
        return "" if found is None else f"{full_path(found['parent'])}/{(found['path'] or '').strip('/')}".rstrip("/")

    parents = {found["parent"] for found in routes.values()}
    return {
        re.sub(r"\$(\w+)", r"{\1}", full_path(name)) or "/"
        for name, found in routes.items()
        # A parent route is a page only if it has a path itself.
        if found["path"] is not None or name not in parents
    }


def test_the_gateway_s_pages_are_those_of_the_client() -> None:
    assert set(topology.WEB_PAGES) == _pages()
    assert len(topology.WEB_PAGES) == len(set(topology.WEB_PAGES))


def test_the_gateway_s_files_are_those_in_web_public() -> None:
    public = {
        f"/{path.relative_to(WEB / 'public').as_posix()}" for path in (WEB / "public").rglob("*") if path.is_file()
    }
    assert set(topology.WEB_FILES) == {"/assets/{file}", *public}


def test_every_file_of_the_build_has_a_route() -> None:
    """Needs a build (`make test` makes it)."""
    files = read_build(WebSettings().folder())
    listed = {path for path in topology.WEB_FILES if "{" not in path}
    assert {path for path in files if not re.fullmatch(r"/assets/[^/]+", path)} == {*listed, INDEX}


def test_every_file_cached_for_a_year_has_a_hash_in_its_name() -> None:
    names = [path for path in read_build(WebSettings().folder()) if path.startswith("/assets/")]
    assert names
    assert not [name for name in names if not re.fullmatch(r"/assets/[\w.-]+-[\w-]{8}\.\w+", name)]


def test_every_text_of_the_build_is_there_compressed() -> None:
    for path, file in read_build(WebSettings().folder()).items():
        if path.endswith((".css", ".html", ".js")) and len(file.encodings[b""].body) > 2048:
            assert set(file.encodings) == {b"", b"br", b"gzip"}, path


def test_index_html_has_no_inline_script_or_style() -> None:
    """The content security policy would block them, and the page would stay blank."""
    html = read_build(WebSettings().folder())[INDEX].encodings[b""].body.decode()
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert scripts
    assert all(re.search(r'src="/[^/"][^"]*"', attributes) and not content for attributes, content in scripts)
    assert not re.search(r"<style|\son\w+=|javascript:|https?:", html)
