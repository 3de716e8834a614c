"""Metrics pages are asked for as Prometheus asks, by the embedded scraper and by every other reader alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from obsctl.access.options import AuthOptions, BasicAuth, ComponentAccess, TlsOptions
from obsctl.access.secret_text import SecretText
from obsctl.clients.exposition import fetch_page
from obsctl.embedded.prometheus.fetch import FetchError, FetchOptions, fetch
from obsctl.errors import BackendError

from .certificates import certificates
from .clients.canned import Answer, Asked, serving

TEXT = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
PAGE = Answer("a 1\n", headers=TEXT)
Reader = Callable[..., str]


def scraper(url: str, access: ComponentAccess = ComponentAccess(), follow: bool = True) -> str:  # noqa: B008
    """What the embedded scraper gets: the text, or why there is none."""
    try:
        return fetch(url, 10.0, FetchOptions(access.tls, access.auth, follow)).text
    except FetchError as error:
        return f"error: {error}"


def client(url: str, access: ComponentAccess = ComponentAccess(), follow: bool = True) -> str:  # noqa: B008
    """What check, init and verify get."""
    try:
        return fetch_page(url, access, follow_redirects=follow, timeout=10.0).text
    except BackendError as error:
        return f"error: {error.message}"


@pytest.fixture(params=[scraper, client], ids=["scraper", "client"])
def read(request: pytest.FixtureRequest) -> Reader:
    reader: Reader = request.param
    return reader


def moved(location: str, status: int = 307) -> Answer:
    return Answer("", status, {"Location": location})


def guarded(asked: Asked) -> Answer:
    """A page for whoever has the credentials."""
    return Answer(
        f'a{{by="{asked.headers.get("Authorization", "")}",key="{asked.headers.get("X-Key", "")}"}} 1\n', 200, TEXT
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_unless_the_spec_says_no(read: Reader, status: int) -> None:
    with serving({"/metrics": moved("/metrics/", status), "/metrics/": PAGE}) as server:
        assert read(f"{server.url}/metrics") == "a 1\n"
        assert str(status) in read(f"{server.url}/metrics", follow=False)
        assert server.last.path == "/metrics"


def test_redirects_end(read: Reader) -> None:
    with serving({"/a": moved("/b"), "/b": moved("/a"), "/c": moved("ftp://x/"), "/d": Answer("", 307)}) as server:
        assert "redirect" in read(f"{server.url}/a")
        assert len(server.asked) == 11
        assert "307" in read(f"{server.url}/c")
        assert "307" in read(f"{server.url}/d")


def test_credentials_go_to_their_own_server_alone(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    token = SecretText("", "env", "TOKEN")
    access = ComponentAccess(auth=AuthOptions(None, token, {"X-Key": token}))
    with serving({"/metrics": guarded}) as other:
        routes = {"/metrics": guarded, "/near": moved("/metrics"), "/far": moved(f"{other.url}/metrics")}
        with serving(routes) as server:
            ours = 'a{by="Bearer s3cret",key="s3cret"} 1\n'
            assert [read(f"{server.url}/{path}", access) for path in ("metrics", "near")] == [ours, ours]
            assert read(f"{server.url}/far", access) == 'a{by="",key=""} 1\n'


def test_basic_credentials_may_be_in_files(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pa ss:w\n")
    auth = AuthOptions(BasicAuth(SecretText("me"), SecretText("", "file", "password"))).below(tmp_path)
    with serving({"/metrics": guarded}) as server:
        assert read(f"{server.url}/metrics", ComponentAccess(auth=auth)) == 'a{by="Basic bWU6cGEgc3M6dw==",key=""} 1\n'
        (tmp_path / "password").unlink()
        assert "cannot be read: no such file" in read(f"{server.url}/metrics", ComponentAccess(auth=auth))


def test_a_certificate_is_trusted_by_its_ca_by_its_name_or_not_at_all(read: Reader, tmp_path: Path) -> None:
    files, other = certificates(tmp_path, "127.0.0.1"), certificates(tmp_path / "other", "shop.example")
    with (
        serving({"/metrics": PAGE}, tls=files.server) as server,
        serving({"/metrics": PAGE}, tls=other.server) as named,
    ):
        page, elsewhere = f"{server.url}/metrics", f"{named.url}/metrics"
        assert read(page, ComponentAccess(TlsOptions(files.ca_file))) == "a 1\n"
        assert read(page, ComponentAccess(TlsOptions(insecure=True))) == "a 1\n"
        assert read(elsewhere, ComponentAccess(TlsOptions(other.ca_file, server_name="shop.example"))) == "a 1\n"
        for wrong in (
            read(page),
            read(page, ComponentAccess(TlsOptions(other.ca_file))),
            read(elsewhere, ComponentAccess(TlsOptions(other.ca_file))),
            read(page, ComponentAccess(TlsOptions(files.ca_file, server_name="shop.example"))),
        ):
            assert "its certificate is not trusted: " in wrong


def test_a_client_shows_its_certificate_where_the_server_asks(read: Reader, tmp_path: Path) -> None:
    files = certificates(tmp_path, "127.0.0.1", client=True)
    with serving({"/metrics": PAGE}, tls=files.server) as server:
        page = f"{server.url}/metrics"
        assert read(page, ComponentAccess(TlsOptions(files.ca_file, cert_file=files.client_file))) == "a 1\n"
        assert read(page, ComponentAccess(TlsOptions(files.ca_file))).startswith("error: ")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_files_that_hold_no_certificates_are_named(read: Reader, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    said = read("https://127.0.0.1:1/metrics", ComponentAccess(TlsOptions(str(file))))
    assert f"{file} cannot be used for TLS" in said


def test_names_and_paths_need_not_be_ascii(read: Reader) -> None:
    names = Answer('{"größe"} 1\n', headers=TEXT)
    with serving({"/gr%C3%B6%C3%9Fe": names, "/from": moved("/gr\u00c3\u00b6\u00c3\u009fe")}) as server:
        assert read(f"{server.url}/größe") == '{"größe"} 1\n'
        assert "escaping=allow-utf-8" in server.last.headers["Accept"]


def test_a_page_may_know_openmetrics_alone_or_text_alone(read: Reader) -> None:
    openmetrics = Answer("a 1\n# EOF\n", headers={"Content-Type": "application/openmetrics-text; version=1.0.0"})

    def only(media_type: str, page: Answer) -> Callable[[Asked], Answer]:
        return lambda asked: page if media_type in asked.headers["Accept"] else Answer("", 406)

    routes = {"/om": only("application/openmetrics-text", openmetrics), "/text": only("text/plain", PAGE)}
    with serving(dict(routes)) as server:
        assert read(f"{server.url}/om") == "a 1\n# EOF\n"
        assert read(f"{server.url}/text") == "a 1\n"


@pytest.mark.parametrize("content_type", ["text/html", "application/json", ""])
def test_a_page_without_a_format_of_metrics_is_refused(read: Reader, content_type: str) -> None:
    with serving({"/metrics": Answer("a 1\n", headers={"Content-Type": content_type})}) as server:
        assert "non-compliant scrape target" in read(f"{server.url}/metrics")
