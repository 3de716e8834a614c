"""Queries, forms and parts as servers read them, and secrets that are sent and never shown."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.probes import ProbeRun
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Component, Service
from obsctl.spec.steps import Step
from obsctl.traffic.bodies import body_of, query_of
from obsctl.traffic.send import send_probes
from obsctl.wait import Deadline

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(st.dictionaries(TEXT.filter(bool), st.lists(TEXT, min_size=1, max_size=3), max_size=4))
def test_a_query_and_a_form_come_out_as_they_went_in(fields: dict[str, list[str]]) -> None:
    plain = {name: [v.replace("{", "(") for v in values] for name, values in fields.items()}
    step = Step("s", "POST", "/x", query=plain, form=plain)
    assert parse_qs(query_of(step, {})[1:], keep_blank_values=True) == plain
    body = body_of(step, {}, folder=Path(), boundary="b")
    assert parse_qs((body.content or b"").decode(), keep_blank_values=True) == plain


def test_values_of_a_query_are_rendered_and_written_as_forms_do() -> None:
    step = Step("s", "GET", "/x", query={"state": "open", "page": 2, "all": True, "id": ["{a}", "{b}"], "none": None})
    assert query_of(step, {"a": 7, "b": "x y"}) == "?state=open&page=2&all=true&id=7&id=x+y&none="


def test_parts_hold_texts_files_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\r\n--no\x00")
    parts = {
        "note": "for {who}",
        "file": {"file": "a.bin", "type": "image/png"},
        "rows": {"content": "a,b", "filename": 'x"y.csv'},
    }
    body = body_of(Step("s", "POST", "/x", multipart=parts), {"who": "me"}, folder=tmp_path, boundary="b0")
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    read = email.message_from_bytes(head + (body.content or b""), policy=email.policy.HTTP)
    found = [
        (p.get_param("name", header="content-disposition"), p.get_content_type(), p.get_payload(decode=True))
        for p in read.walk()
        if not p.is_multipart()
    ]
    assert found == [
        ("note", "text/plain", b"for me"),
        ("file", "image/png", b"\r\n--no\x00"),
        ("rows", "application/octet-stream", b"a,b"),
    ]


EVIL = "${env:SHOP_TOKEN}"
Got = list[tuple[str, str, dict[str, str], bytes]]


@pytest.fixture
def echo() -> Iterator[tuple[str, Got]]:
    """A server that says back what it was sent; ``/login`` gives a token; ``/state`` comes to what it was asked for."""
    got: Got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            got.append((self.command, self.path, dict(self.headers), body))
            answer: dict[str, Any] = {
                "token": "t0ken-9",
                "said": self.headers.get("Authorization", ""),
                "evil": EVIL,
                "path": self.path,
            }
            status = 401 if urlsplit(self.path).path == "/refused" else 200
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    server.server_close()


def driven(url: str, *steps: Step, folder: Path | None = None, seconds: float = 5.0) -> ProbeRun:
    service = Service("s", Contract("s", ("s",)), (Component("s", url, metrics=""),), drive=steps)
    return send_probes(service, rounds=1, deadline=Deadline.after(seconds), folder=folder)


def test_a_login_whose_token_later_requests_carry(echo: tuple[str, Got]) -> None:
    url, got = echo
    login = Step("in", "POST", "/login", form={"user": "me", "password": "x"}, capture={"token": "token"})
    cart = Step("cart", "GET", "/carts/{id}", params={"id": "7"}, headers={"Authorization": "Bearer {token}"})
    run = driven(url, login, cart)
    assert [r.error for r in run.requests] == ["", ""]
    assert got[0][2]["Content-Type"] == "application/x-www-form-urlencoded"
    assert got[0][3] == b"user=me&password=x"
    assert (got[1][1], got[1][2]["Authorization"]) == ("/carts/7", "Bearer t0ken-9")
    assert run.requests[1].route == "/carts/{id}"


def test_what_was_captured_may_be_waited_for(echo: tuple[str, Got]) -> None:
    url, _ = echo
    first = Step("a", "POST", "/x", capture={"p": "path"})
    run = driven(url, first, Step("b", "GET", "/x", until={"path": "{p}", "token": "t0ken-9"}))
    assert [r.error for r in run.requests] == ["", ""]


def test_a_secret_is_sent_and_shown_nowhere(
    echo: tuple[str, Got], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, got = echo
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-{canary}")
    (tmp_path / "key.txt").write_text("s3cret key\n")
    step = Step(
        "a", "POST", "/refused", headers={"Authorization": "Bearer ${env:SHOP_TOKEN}"}, query={"key": "${file:key.txt}"}
    )
    run = driven(url, step, folder=tmp_path)
    assert got[0][2]["Authorization"] == "Bearer hunter2-{canary}"  # a value is not looked at again
    assert got[0][1] == "/refused?key=s3cret+key"
    shown = f"{run.requests[0].url} {run.requests[0].error}"
    assert "hunter2" not in shown
    assert "s3cret" not in shown
    assert "${file:key.txt}" in run.requests[0].url
    assert "Bearer ${env:SHOP_TOKEN}" in run.requests[0].error


@pytest.mark.parametrize("reference", ["${env:OBSCTL_NO_SUCH}", "${file:no-such}"])
def test_a_secret_that_is_not_there_is_named(echo: tuple[str, Got], reference: str, tmp_path: Path) -> None:
    (request,) = driven(echo[0], Step("a", "POST", "/x", headers={"X": reference}), folder=tmp_path).requests
    assert request.error.startswith(f"has no value for {reference}: ")
    assert echo[1] == []


def test_an_answer_cannot_ask_for_the_environment(echo: tuple[str, Got], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service answers goes into later requests as it is."""
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    first = Step("a", "POST", "/x", headers={"X": "${env:SHOP_TOKEN}"}, capture={"evil": "evil"})
    driven(echo[0], first, Step("b", "POST", "/x", headers={"X": "${env:SHOP_TOKEN}"}, body={"said": "{evil}"}))
    assert json.loads(echo[1][1][3]) == {"said": EVIL}
