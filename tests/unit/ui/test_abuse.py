"""What a page of another site, another name of this machine, or a crafted request cannot do."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.access.options import AuthOptions, ComponentAccess
from obsctl.access.secret_text import SecretText
from obsctl.endpoints import Endpoints, Role
from obsctl.ui.targets import READABLE, allowed_call, segments_of
from tests.unit.ui.conftest import TOKEN, Pages
from tests.unit.ui.upstream import StackOf

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


def raw(pages: Pages, request: bytes) -> bytes:
    """Everything that is answered to these very bytes."""
    with socket.create_connection(("127.0.0.1", pages.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def target(pages: Pages, path: bytes, method: bytes = b"GET") -> bytes:
    return raw(
        pages, method + b" " + path + b" HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n" % pages.port
    )


NO_PATHS = [
    *(b"/../secret.py", b"/assets/../secret.py", b"/assets/%2e%2e/secret.py", b"/assets/..%2fsecret.py"),
    *(b"/assets/%252e%252e/secret.py", b"/assets/..\\secret.py", b"/..%5csecret.py", b"/assets/app.js%00.py"),
    *(b"//etc/passwd", b"/%2fetc/passwd", b"/assets//secret.py", b"/./secret.py", b"/%ff", b"/a%0d%0ab", b"/%c2%85"),
    *(b"http://evil.example/", b"https://evil.example/api/v1/query", b"*", b"evil.example:443", b"?a=b", b"secret.py"),
    *(b"/proxy//evil.example/api/v1/query", b"/proxy/metrics//api/v1/query", b"/proxy/metrics/api/v1/../../-/quit"),
    *(b"/proxy/metrics/api%2fv1%2fquery", b"/proxy/metrics/api/v1/label/..%2f..%2fadmin/values", b"/" + b"a" * 4000),
]


@pytest.mark.parametrize("path", NO_PATHS, ids=lambda path: path[:60].decode("latin-1"))
def test_what_is_no_plain_path_is_refused(pages: Pages, path: bytes) -> None:
    answer = target(pages, path)
    assert status(answer) == 400
    assert b"no page" not in answer
    assert not pages.upstream.asked


@pytest.mark.parametrize("path", ["/secret.py", "/assets", "/assets/", "/static/secret.py", "/index.html"])
def test_a_file_that_is_no_page_is_not_given(pages: Pages, built: Path, path: str) -> None:
    assert (built / "secret.py").read_text() == "no page"
    assert b"no page" not in pages.get(path).body


NOT_ALLOWED = [
    *(("POST", "/proxy/metrics/api/v1/write"), ("POST", "/proxy/metrics/api/v1/admin/tsdb/delete_series")),
    *(("GET", "/proxy/metrics/-/quit"), ("GET", "/proxy/metrics/metrics"), ("GET", "/proxy/metrics/api/v1/query/x")),
    *(("POST", "/proxy/metrics/api/v1/rules"), ("GET", "/proxy/metrics/api/v1/status/config")),
    *(
        ("POST", "/proxy/logs/loki/api/v1/push"),
        ("POST", "/proxy/logs/loki/api/v1/query"),
        ("GET", "/proxy/logs/config"),
    ),
    *(("DELETE", "/proxy/logs/loki/api/v1/delete"), ("GET", "/proxy/logs/loki/api/v1/tail")),
    *(("POST", "/proxy/traces/api/traces"), ("GET", "/proxy/traces/api/v3"), ("GET", "/proxy/traces/api/traces/a/b")),
    *(("POST", "/proxy/alerts/api/v2/alerts"), ("DELETE", "/proxy/alerts/api/v2/silences")),
    *(("GET", "/proxy/otlp-http/v1/traces"), ("POST", "/proxy/otlp-http/v1/traces"), ("GET", "/proxy/service/")),
    *(("GET", "/proxy/METRICS/api/v1/query"), ("GET", "/proxy/evil.example/api/v1/query"), ("GET", "/proxy/metrics")),
]


@pytest.mark.parametrize(("method", "path"), NOT_ALLOWED)
def test_a_path_or_method_that_is_not_listed_reaches_no_backend(pages: Pages, method: str, path: str) -> None:
    sent = {"x-obsctl-token": TOKEN, **JSON, "x-http-method-override": "GET"}
    answer = pages.ask(method, path, sent, b"{}" if method == "POST" else None)
    assert answer.status in (404, 405)
    assert not pages.upstream.asked


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "PROPFIND", "OPTIONS"])
def test_no_other_method_is_answered(pages: Pages, method: str) -> None:
    for path in (b"/", b"/proxy/metrics/api/v1/query"):
        answer = target(pages, path, method.encode())
        assert status(answer) == 405
        assert b"access-control" not in answer.lower()
    assert not pages.upstream.asked


@given(st.binary(max_size=60).map(lambda tail: b"/proxy/metrics/" + tail))
def test_whatever_is_allowed_is_one_of_the_listed_paths(path: bytes) -> None:
    segments = segments_of(path)
    call = allowed_call("GET", segments[1], segments[2:]) if segments else None
    if call:
        patterns = [pattern.split("/") for pattern in READABLE[Role.METRICS]]
        parts = call.path[1:].split("/")
        assert any(len(p) == len(parts) and all(a in ("*", b) for a, b in zip(p, parts, strict=True)) for p in patterns)


segment = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


@given(segment)
def test_a_free_segment_stays_one_segment(name: str) -> None:
    call = allowed_call("GET", "metrics", ("api", "v1", "label", name, "values"))
    assert call
    assert call.path.startswith("/api/v1/label/")
    assert call.path.count("/") == 5
    assert call.path.isascii()
    assert not {"?", "#", " ", "\\"} & set(call.path)


@pytest.mark.parametrize(
    "query", ["query=up%0d%0aX-Evil:%201", "query=%00", "query=http://evil.example/", "query=a#b", "a=1&a=2&=&b", "%zz"]
)
def test_a_query_is_data_wherever_it_comes_from(pages: Pages, query: str) -> None:
    assert pages.get(f"/proxy/metrics/api/v1/query?{query}").status == 200
    [(method, path, headers, _)] = pages.upstream.asked
    assert (method, path.partition("?")[0]) == ("GET", "/api/v1/query")
    assert "x-evil" not in headers
    assert pages.get("/proxy/metrics/api/v1/query?" + "a=1&" * 300).status == 400


SMUGGLED = [
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/admin HTTP/1.1\r\nHost: a\r\n\r\n",
    b"Content-Length: 3\r\nContent-Length: 30\r\n\r\nx=1GET /api/v1/admin HTTP/1.1\r\n\r\n",
    b"Content-Length: +3\r\n\r\nx=1",
    b"Transfer-Encoding: chunked, identity\r\n\r\n3\r\nx=1\r\n0\r\n\r\n",
    b"X-A: b\r\n folded: c\r\nContent-Length: 3\r\n\r\nx=1",
    b"X-A : b\r\nContent-Length: 3\r\n\r\nx=1",
    b"X-A: b\rX-Evil: 1\r\nContent-Length: 3\r\n\r\nx=1",
    b"Host: evil.example\r\nContent-Length: 3\r\n\r\nx=1",
]


@pytest.mark.parametrize("rest", SMUGGLED, ids=range(len(SMUGGLED)))
def test_no_request_hides_in_another(pages: Pages, rest: bytes) -> None:
    head = b"POST /proxy/metrics/api/v1/query HTTP/1.1\r\nHost: localhost:%d\r\n" % pages.port
    raw(pages, head + b"Content-Type: application/x-www-form-urlencoded\r\n" + rest)
    assert {path for _, path, _, _ in pages.upstream.asked} <= {"/api/v1/query"}
    for _, _, headers, body in pages.upstream.asked:
        assert headers.get("content-length", "0") == str(len(body))
        assert "transfer-encoding" not in headers
        assert not {"x-evil", "x-a"} & set(headers)


HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
]


@pytest.mark.parametrize("host", [*HOSTS, "10.0.0.1:{port}", "0.0.0.0:{port}", "[::2]:{port}", " ", "local host"])
@pytest.mark.parametrize("path", ["/", "/api/stack", "/proxy/metrics/api/v1/query"])
def test_another_name_of_this_machine_is_refused(pages: Pages, host: str, path: str) -> None:
    answer = pages.get(path, {"host": host.format(port=pages.port)})
    assert answer.status in (400, 403)
    assert TOKEN.encode() not in answer.body
    assert not pages.upstream.asked


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}", "obsctl.localhost:8080", "LOCALHOST"]
)
def test_names_of_this_machine_are_answered(pages: Pages, host: str) -> None:
    named = host.format(port=pages.port)
    assert pages.get("/api/stack", {"host": named, "origin": f"http://{named}"}).status == 200


CROSS = [
    *(
        {"origin": origin}
        for origin in ("https://evil.example", "null", "http://localhost:1", "https://localhost:{port}", "")
    ),
    *({"sec-fetch-site": site} for site in ("cross-site", "same-site", "new-kind")),
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/stack"), ("GET", "/proxy/logs/loki/api/v1/labels"), ("POST", "/api/verify")],
)
def test_another_site_is_refused(pages: Pages, headers: Mapping[str, str], method: str, path: str) -> None:
    sent = {name: value.format(port=pages.port) for name, value in headers.items()}
    answer = pages.ask(method, path, {**sent, "x-obsctl-token": TOKEN, **JSON}, b"{}" if method == "POST" else None)
    assert answer.status == 403
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not pages.upstream.asked


LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def test_a_link_may_open_a_page_and_nothing_else(pages: Pages) -> None:
    assert pages.get("/traces/4bf9", LINK).status == 200
    assert (
        pages.get("/d/http/http-metrics?var-job=api&from=1", LINK).headers["location"]
        == "/dashboards/http?var-job=api&from=1"
    )
    assert pages.ask("POST", "/traces/4bf9", {**LINK, **FORM}, b"").status == 403
    for path in ("/api/stack", "/proxy/metrics/api/v1/query", "/assets/app-1a2b.js"):
        assert pages.get(path, LINK).status == 403


WRITES = [
    ("POST", "/proxy/alerts/api/v2/silences"),
    ("DELETE", "/proxy/alerts/api/v2/silence/5a0b"),
    ("POST", "/api/verify"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1], f"{TOKEN}x", "\u00e9"])
def test_a_write_needs_the_token_of_the_page(pages: Pages, method: str, path: str, token: str | None) -> None:
    sent = {**JSON, **({} if token is None else {"x-obsctl-token": token})}
    answer = pages.ask(method, path, sent, b"{}" if method == "POST" else None)
    assert answer.status == 403
    assert TOKEN not in answer.error
    assert not pages.upstream.asked


def test_with_the_token_a_silence_is_written_and_ended(pages: Pages) -> None:
    sent = {"x-obsctl-token": TOKEN, **JSON}
    assert pages.ask("POST", "/proxy/alerts/api/v2/silences", sent, b'{"comment":"x"}').status == 200
    pages.upstream.reply = (200, {}, b"")
    assert pages.ask("DELETE", "/proxy/alerts/api/v2/silence/5a0b", sent).json() is None
    assert [(method, path, body) for method, path, _, body in pages.upstream.asked] == [
        ("POST", "/api/v2/silences", b'{"comment":"x"}'),
        ("DELETE", "/api/v2/silence/5a0b", b""),
    ]
    assert all("x-obsctl-token" not in headers for _, _, headers, _ in pages.upstream.asked)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(pages: Pages) -> None:
    line = b"POST /proxy/metrics/api/v1/query HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n" % pages.port
    line += b"Content-Type: application/x-www-form-urlencoded\r\n"
    chunked = line + b"Transfer-Encoding: chunked\r\n\r\n" + b"100000\r\n" + b"x" * (1 << 20) + b"\r\n1\r\nx\r\n"
    assert status(raw(pages, chunked)) == 413
    known = pages.ask("POST", "/proxy/metrics/api/v1/query", FORM, b"x" * ((1 << 20) + 1))
    assert (known.status, known.error) == (413, "the body is longer than 1024 KiB")
    assert not pages.upstream.asked


def test_a_backend_that_is_down_or_slow_is_told_with_what_to_do(pages: Pages) -> None:
    pages.upstream.delay = 3.0
    slow = pages.get("/proxy/logs/loki/api/v1/labels")
    assert (slow.status, "did not answer within 1 s" in slow.error) == (502, True)
    pages.source.shown = StackOf("http://127.0.0.1:1").shown
    down = pages.get("/proxy/logs/loki/api/v1/labels")
    assert (down.status, "refused the connection" in down.error) == (502, True)
    assert "obsctl status" in str(down.json()["hint"])  # type: ignore[index]


def test_a_redirect_of_a_backend_is_not_followed_nor_passed_on(pages: Pages) -> None:
    pages.upstream.reply = (302, {"location": f"{pages.upstream.url}/api/v1/admin", "set-cookie": "a=b"}, b"")
    answer = pages.get("/proxy/metrics/api/v1/query")
    assert answer.status == 502
    assert not {"location", "set-cookie"} & set(answer.headers)
    assert len(pages.upstream.asked) == 1


MARKUP = b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("said", "body", "given"),
    [
        ("text/html", MARKUP, "text/plain"),
        ("application/json", MARKUP, "text/plain"),
        ("text/html", b'{"data":["' + MARKUP + b'"]}', "application/json"),
        ("image/svg+xml", b"<svg onload=alert(1)>", "text/plain"),
    ],
)
def test_markup_of_a_backend_is_never_a_page(pages: Pages, said: str, body: bytes, given: str) -> None:
    pages.upstream.reply = (200, {"content-type": said, "content-security-policy": "none", "x-a": "b"}, body)
    answer = pages.get("/proxy/metrics/api/v1/query")
    assert answer.headers["content-type"].partition(";")[0] == given
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "x-a" not in answer.headers
    pages.upstream.reply = (500, {"content-type": said}, body)
    assert pages.get("/proxy/metrics/api/v1/query").headers["content-type"] == "application/json"


def test_names_of_the_stack_reach_the_page_as_json_alone(pages: Pages) -> None:
    pages.source.shown = replace(pages.source.shown, name="</script>\u2028\x1b[2J")
    answer = pages.get("/api/stack")
    assert answer.headers["content-type"] == "application/json"
    assert answer.body.isascii()
    assert b"\\u2028\\u001b[2J" in answer.body


def test_credentials_of_a_backend_go_to_it_alone(pages: Pages, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret")
    bearer = ComponentAccess(auth=AuthOptions(bearer=SecretText("", "file", str(file))))
    opened = [replace(e, access=bearer) for e in pages.source.shown.endpoints]
    pages.source.shown = replace(pages.source.shown, endpoints=Endpoints(tuple(opened)))
    pages.upstream.reply = (403, {}, b"no")
    answers = [
        pages.get(path)
        for path in ("/proxy/metrics/api/v1/query", "/api/stack", "/api/traces/4bf92f3577b34da6a3ce929d0e0e4736")
    ]
    assert pages.upstream.asked[0][2]["authorization"] == "Bearer s3cret"
    assert not [answer for answer in answers if b"s3cret" in answer.body]
    file.unlink()
    gone = pages.get("/proxy/metrics/api/v1/query")
    assert (gone.status, "cannot be asked" in gone.error) == (502, True)
