"""The addresses that the gateway passes on are those that the client application has, neither more nor fewer."""

from __future__ import annotations

import re
from pathlib import Path

from serai import topology
from serai.web.app import WebSettings
from serai.web.dist import INDEX, read

WEB = Path(__file__).parents[2] / "web"
#: One route of the client's table: its name, its parent's name, and what it adds to the parent's address.
_ROUTE = re.compile(
    r"const (?P<name>\w+) = createRoute\(\{\s*getParentRoute: \(\) => (?P<parent>\w+),\s*"
    r"(?:path: \"(?P<path>[^\"]*)\"|id: )"
)
#: Other ways to make a route, which this test could not read.
_OTHERWISE = re.compile(r"\b(createFileRoute|createLazyRoute|createLazyFileRoute|createRouteMask)\b")


def _pages() -> set[str]:
    """The addresses in the source, with the gateway's spelling of parameters."""
    sources = {
        path: path.read_text()
        for path in sorted((WEB / "src").rglob("*.ts*"))
        if ".test." not in path.name and "generated" not in path.parts
    }
    assert not [path for path, text in sources.items() if _OTHERWISE.search(text)]
    routes = {found["name"]: found for text in sources.values() for found in _ROUTE.finditer(text)}
    assert len(routes) == sum(len(re.findall(r"\bcreateRoute\(", text)) for text in sources.values())

    def address(name: str) -> str:
        found = routes.get(name)
        # The root route, which has no address.
        return "" if found is None else f"{address(found['parent'])}/{(found['path'] or '').strip('/')}".rstrip("/")

    parents = {found["parent"] for found in routes.values()}
    return {
        re.sub(r"\$(\w+)", r"{\1}", address(name)) or "/"
        for name, found in routes.items()
        # What others stand in has a page of its own only where it has an address.
        if found["path"] is not None or name not in parents
    }


def test_the_gateway_s_pages_are_the_client_s() -> None:
    assert set(topology.WEB_PAGES) == _pages()
    assert len(topology.WEB_PAGES) == len(set(topology.WEB_PAGES))


def test_the_other_files_are_those_that_lie_beside_the_pages() -> None:
    public = {
        f"/{path.relative_to(WEB / 'public').as_posix()}" for path in (WEB / "public").rglob("*") if path.is_file()
    }
    assert set(topology.WEB_FILES) == {"/assets/{file}", *public}


def test_every_file_of_the_build_can_be_asked_for() -> None:
    """Needs a build, which `make test` makes."""
    files = read(WebSettings().folder())
    listed = {path for path in topology.WEB_FILES if "{" not in path}
    assert {path for path in files if not re.fullmatch(r"/assets/[^/]+", path)} == {*listed, INDEX}


def test_every_name_that_is_kept_for_ever_holds_a_hash() -> None:
    names = [path for path in read(WebSettings().folder()) if path.startswith("/assets/")]
    assert names
    assert not [name for name in names if not re.fullmatch(r"/assets/[\w.-]+-[\w-]{8}\.\w+", name)]


def test_every_text_of_the_build_is_there_compressed() -> None:
    for path, file in read(WebSettings().folder()).items():
        if path.endswith((".css", ".html", ".js")) and len(file.versions[b""].body) > 2048:
            assert set(file.versions) == {b"", b"br", b"gzip"}, path


def test_the_pages_start_no_script_but_files_of_their_own() -> None:
    """What the content security policy would stop, told here rather than as a blank page."""
    html = read(WebSettings().folder())[INDEX].versions[b""].body.decode()
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert scripts
    assert all(re.search(r'src="/[^/"][^"]*"', attributes) and not content for attributes, content in scripts)
    assert not re.search(r"<style|\son\w+=|javascript:|https?:", html)
