from __future__ import annotations

import gzip
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from obsctl.clients import http as http_module
from obsctl.clients.http import Http, complaint, is_ready, proxy_of, understood
from obsctl.errors import BackendError, UnsupportedError
from tests.unit.clients.canned import JSON, TEXT, Answer, serving


def closed_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_a_reply_carries_what_a_check_quotes():
    with serving({"/x": Answer({"a": 1}, headers=JSON)}) as server, Http(server.url) as http:
        reply = http.get_json("/x", {"q": 'up{job="a"}', "match[]": ["a", "b"]})
    assert reply.status == 200
    assert reply.json() == {"a": 1}
    assert reply.url.startswith(f"{server.url}/x?q=up")
    assert reply.seconds > 0
    assert reply.headers["content-type"] == "application/json"
    assert server.last.query["match[]"] == ["a", "b"]


def test_send_posts_bodies_and_headers():
    with serving({"/in": Answer(status=204)}) as server, Http(server.url) as http:
        reply = http.send("POST", "/in", headers={"X-A": "b"}, json_body={"k": "v"})
    assert reply.status == 204
    assert server.last.body == b'{"k": "v"}'
    assert server.last.headers["X-A"] == "b"


def test_a_refused_connection_names_who_and_says_what_to_do():
    url = f"http://127.0.0.1:{closed_port()}"
    with Http(url, name="Prometheus API") as http, pytest.raises(BackendError) as caught:
        http.get_json("/")
    assert caught.value.message == f"Prometheus API at {url} refused the connection"
    assert "obsctl status" in caught.value.hint
    assert caught.value.__cause__ is not None


def test_a_server_that_says_nothing_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Http(url, timeout=0.05) as http, pytest.raises(BackendError, match=r"did not answer within 0\.05 s"):
            http.get_json("/")


def test_a_server_that_drips_cannot_stretch_the_deadline():
    stop = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        try:
            with (
                Http(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.15) as http,
                pytest.raises(BackendError, match="did not answer within"),
            ):
                http.get_text("/")
        finally:
            stop.set()
            thread.join()


def test_a_connection_closed_early_is_told_apart():
    def hang_up(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang_up, args=(listener,))
        thread.start()
        with (
            Http(f"http://127.0.0.1:{listener.getsockname()[1]}") as http,
            pytest.raises(BackendError, match="closed the connection without an answer"),
        ):
            http.get_text("/")
        thread.join()


def test_the_limit_holds_after_decompression(monkeypatch):
    monkeypatch.setattr(http_module, "MAX_BODY", 1 << 20)
    bomb = gzip.compress(b"\0" * (2 << 20))
    assert len(bomb) < 1 << 14
    with (
        serving({"/": Answer(bomb, headers={"Content-Encoding": "gzip"})}) as server,
        Http(server.url) as http,
        pytest.raises(BackendError, match="more than 1 MiB"),
    ):
        http.get_text("/")


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer({"status": "error", "errorType": "bad_data", "error": "no"}, 400), BackendError, "answered 400: no"),
        (Answer({"errors": [{"code": 404, "msg": "gone"}]}, 404, TEXT), BackendError, "answered 404: gone"),
        (Answer({"error": {"httpCode": 400, "message": "bad"}}, 400), BackendError, "answered 400: bad"),
        (Answer({"message": "denied"}, 403), BackendError, "answered 403: denied"),
        (Answer('"a bare string"', 400), BackendError, "answered 400: a bare string"),
        (Answer("plain\ntext\n", 500, TEXT), BackendError, "answered 500: plain text"),
        (Answer("", 503), BackendError, "answered 503: (empty body)"),
        (Answer({"error": "rate() is not supported yet"}, 422), UnsupportedError, "rate() is not supported yet"),
        (Answer("log queries are not supported as", 400), UnsupportedError, "not supported"),
        (Answer("no storage", 501), UnsupportedError, "no storage"),
        (Answer("", 302, {"Location": "http://127.0.0.1:1/"}), BackendError, "answered 302"),
    ],
)
def test_error_answers_keep_the_servers_own_words(answer, kind, said):
    with serving({"/": answer}) as server, Http(server.url) as http, pytest.raises(BackendError) as caught:
        http.get_json("/")
    assert type(caught.value) is kind
    assert said in caught.value.message


@pytest.mark.parametrize("body", ["<html>", "", "{", "[" * 100_000, "nul"])
def test_what_is_not_json_is_a_backend_error(body):
    with serving({"/": Answer(body)}) as server, Http(server.url) as http, pytest.raises(BackendError, match="JSON"):
        http.get_json("/").json()


def test_an_answer_of_another_shape_is_one_error():
    with serving({"/": Answer({"a": 1})}) as server, Http(server.url) as http:
        reply = http.get_json("/")
    for wrong in (lambda: reply.json()["b"], lambda: int("x"), lambda: reply.json()["a"][0], lambda: None.x):
        with pytest.raises(BackendError, match="shape"), understood(reply):
            wrong()


def test_credentials_are_sent_but_never_shown():
    with serving({"/": Answer("no", 401)}) as server:
        url = server.url.replace("http://", "http://me:secret@")
        with Http(url) as http, pytest.raises(BackendError) as caught:
            http.get_text("/")
    assert "secret" not in f"{caught.value.message} {caught.value.hint} {http.base_url}"
    assert server.last.headers["Authorization"].startswith("Basic ")


def test_proxies_of_the_environment_are_not_used_on_loopback(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    with serving({"/": Answer("ok")}) as server, Http(server.url) as http:
        assert http.get_text("/").text == "ok"


def test_one_client_serves_many_threads():
    echo = {"/": lambda asked: Answer({"n": asked.query["n"]})}
    with serving(echo) as server, Http(server.url) as http, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: http.get_json("/", {"n": n}).json()["n"], range(200)))
    assert answers == [[str(n)] for n in range(200)]


def test_cookies_are_not_kept():
    with serving({"/": Answer("", headers={"Set-Cookie": "a=b"})}) as server, Http(server.url) as http:
        http.get_text("/")
        http.get_text("/")
    assert "Cookie" not in server.last.headers


def test_is_ready_says_why_not():
    with serving({"/ready": Answer("ready\n"), "/wait": Answer("Ingester not ready", 503)}) as server:
        assert is_ready(server.url + "/ready") == (True, "")
        ready, why = is_ready(server.url + "/wait")
    assert not ready
    assert why == f"{server.url}/wait answered 503: Ingester not ready"
    assert is_ready(server.url + "/ready")[1].endswith("refused the connection")


@pytest.mark.parametrize("url", ["http://", "nonsense", "http://[::1", "ftp://x/", "http://\x00/"])
def test_urls_that_are_none_are_backend_errors(url):
    ready, why = is_ready(url)
    assert not ready
    assert why


def test_a_complaint_is_short_and_on_one_line():
    with serving({"/": Answer("x\n" * 10_000, 500)}) as server, Http(server.url) as http:
        said = complaint(http.send("GET", "/"))
    assert len(said) <= 300
    assert "\n" not in said


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://shop.example.com:80", "http://proxy:3128"),
        ("http://127.0.0.1:9090", ""),
        ("http://shop.localhost:80", ""),
        ("http://[::1]:80", ""),
        ("http://inside.example.org", ""),
    ],
)
def test_a_proxy_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str) -> None:
    monkeypatch.setenv("http_proxy", "http://me:secret@proxy:3128")
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy_of(url) == proxy
