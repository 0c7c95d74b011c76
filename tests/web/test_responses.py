"""Responses of the web service: types, caching, security headers, encodings, entity tags; 404 for everything else."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import brotli  # type: ignore[import-untyped]  # it has no types
import httpx
import pytest

from serai import topology
from tests.security.problems import problem
from tests.web.web_process import BUILD, FONT, SCRIPT, web_process, write_build

SCRIPT_PATH = "/assets/index-0a1b2c3d.js"
PAGES = [page.replace("{slug}", "walnut-desk").replace("{id}", "42") for page in topology.WEB_PAGES]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("web")
    with (
        web_process(write_build(folder / "dist"), folder / "log") as url,
        httpx.Client(
            base_url=url, trust_env=False, verify=False, timeout=30.0, headers={"accept-encoding": "identity"}
        ) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        (SCRIPT_PATH, "text/javascript; charset=utf-8"),
        ("/assets/index-4e5f6a7b.css", "text/css; charset=utf-8"),
        ("/assets/figtree-8c9d0e1f.woff2", "font/woff2"),
        ("/favicon.svg", "image/svg+xml"),
        ("/scheme.js", "text/javascript; charset=utf-8"),
    ],
)
def test_every_file_has_its_type(http: httpx.Client, path: str, kind: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == BUILD[path[1:] or "index.html"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(answer.content))


def test_files_with_a_hash_in_their_name_may_be_cached_for_a_year(http: httpx.Client) -> None:
    assert http.get(SCRIPT_PATH).headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_page_lists_its_preloads_in_the_link_header(http: httpx.Client) -> None:
    assert http.get("/cart").headers["link"].split(", ") == [
        "</assets/index-0a1b2c3d.js>; rel=modulepreload; crossorigin",
        "</assets/index-4e5f6a7b.css>; rel=preload; as=style; crossorigin",
        "</assets/figtree-8c9d0e1f.woff2>; rel=preload; as=font; crossorigin",
        "</api/categories>; rel=preload; as=fetch; crossorigin",
    ]
    assert "link" not in http.get("/checkout").headers


def test_other_files_may_be_cached_for_an_hour(http: httpx.Client) -> None:
    assert http.get("/favicon.svg").headers["cache-control"] == "public, max-age=3600"


@pytest.mark.parametrize("path", [*PAGES, "/products?q=lamp&sort=price", "/reset?token=abc"])
def test_every_page_is_index_html_and_revalidated(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.content) == (200, BUILD["index.html"])
    assert answer.headers["cache-control"] == "no-cache"


def test_a_page_allows_no_other_origin_and_no_inline_script(http: httpx.Client) -> None:
    headers = http.get("/products").headers
    policy = dict(one.strip().split(" ", 1) for one in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["font-src"] == "'self'"
    csp = headers["content-security-policy"]
    assert "unsafe-eval" not in csp
    assert csp.count("unsafe-inline") == policy["style-src"].count("unsafe-inline") == 1
    assert not [word for word in csp.split() if "://" in word or word in ("*", "https:", "http:", "data:")]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br", "br"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("identity", None),
        ("identity, br;q=0.5", None),
        ("gzip;q=0", None),
        ("zstd", None),
        ("", None),
        ("br;q=2", None),
        ("br;q=nan", None),
        ("br;quality=1", None),
        ("," * 5000 + "br", None),
    ],
)
@pytest.mark.parametrize("path", ["/products", SCRIPT_PATH])
def test_the_encoding_is_the_one_that_the_client_prefers(
    http: httpx.Client, path: str, accepted: str, encoding: str | None
) -> None:
    with http.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    plain = {"br": brotli.decompress, "gzip": gzip.decompress}.get(encoding or "", bytes)(raw)
    assert plain == (SCRIPT if path == SCRIPT_PATH else BUILD["index.html"])
    assert answer.headers["content-length"] == str(len(raw))


def test_a_file_without_compressed_variants_is_sent_uncompressed(http: httpx.Client) -> None:
    answer = http.get("/assets/figtree-8c9d0e1f.woff2", headers={"accept-encoding": "br, gzip"})
    assert answer.content == FONT
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


def test_every_encoding_has_its_own_entity_tag_and_gets_304(http: httpx.Client) -> None:
    tags = set()
    for accepted in ("identity", "gzip", "br"):
        first = http.get("/cart", headers={"accept-encoding": accepted})
        tag = first.headers["etag"]
        tags.add(tag)
        for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = http.get("/cart", headers={"accept-encoding": accepted, "if-none-match": named})
            assert (again.status_code, again.content) == (304, b"")
            for name in ("etag", "cache-control", "vary", "content-security-policy"):
                assert again.headers[name] == first.headers[name]
        for other in ('"other"', tag.replace('"', ""), ""):
            assert http.get("/cart", headers={"accept-encoding": accepted, "if-none-match": other}).status_code == 200
    assert len(tags) == 3


@pytest.mark.parametrize("path", ["/", SCRIPT_PATH, "/favicon.svg"])
@pytest.mark.parametrize("accepted", ["identity", "br"])
def test_head_has_the_headers_of_get(http: httpx.Client, path: str, accepted: str) -> None:
    whole = http.get(path, headers={"accept-encoding": accepted})
    head = http.head(path, headers={"accept-encoding": accepted})
    assert (head.status_code, head.content) == (200, b"")
    for answer in (whole, head):
        for name in ("date", "x-request-id"):
            answer.headers.pop(name, None)
    assert head.headers == whole.headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/products/",
        "/products/walnut/desk",
        "/Products",
        "/index.html",
        "/index.html.br",
        "/assets",
        "/assets/",
        "/assets/nothing-0a1b2c3d.js",
        SCRIPT_PATH + ".br",
        SCRIPT_PATH + ".gz",
        SCRIPT_PATH + "/",
        "/secrets.txt",
        "/.build.json",
        "/admin",
        "/admin/nothing",
        "/docs",
        "/api/products",
    ],
)
def test_other_paths_are_404(http: httpx.Client, path: str) -> None:
    problem(http.get(path), 404, "not_found")


@pytest.mark.parametrize(
    "target",
    [
        "/assets/../secrets.txt",
        "/assets/../../log",
        "/../log",
        "//secrets.txt",
        "/assets/%2e%2e/secrets.txt",
        "/assets/..%2fsecrets.txt",
        "/assets/..%5csecrets.txt",
        "/assets//../.build.json",
        "/assets/%00",
        "/products/..%2f..%2fsecrets.txt",
    ],
)
def test_path_traversal_reaches_no_other_file(http: httpx.Client, target: str) -> None:
    answer = _raw(http, target)
    assert b"not for visitors" not in answer
    assert b" 200 " not in answer.split(b"\r\n")[0] or b"<title>Serai</title>" in answer


def _raw(http: httpx.Client, target: str) -> bytes:
    """The raw response to a target that HTTP clients would normalize."""
    url = urlsplit(str(http.base_url))
    with socket.create_connection((url.hostname or "", url.port or 0), 30) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_get_and_head_are_accepted(http: httpx.Client, method: str) -> None:
    assert http.request(method, "/products").status_code in (404, 405)
    assert http.request(method, SCRIPT_PATH).status_code in (404, 405)


def test_requests_are_counted_by_route(http: httpx.Client) -> None:
    http.get("/orders/42")
    metrics = http.get("/metrics").text
    assert 'route="/orders/{id}"' in metrics
    assert "/orders/42" not in metrics


def test_readyz_names_the_service(http: httpx.Client) -> None:
    assert http.get("/livez").status_code == 200
    assert http.get("/readyz").headers["x-envoy-upstream-healthchecked-cluster"] == "web"


def test_files_are_served_from_memory_after_the_folder_is_gone(tmp_path: Path) -> None:
    dist = write_build(tmp_path / "dist")
    with web_process(dist, tmp_path / "log") as url:
        dist.rename(tmp_path / "gone")
        assert httpx.get(url + SCRIPT_PATH, trust_env=False).content == SCRIPT
