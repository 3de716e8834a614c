"""What the pages' server serves: the application, its files, the stack, dashboards and the backends' own answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.endpoints import Role
from obsctl.ui.files import BuiltPages
from tests.unit.ui.conftest import TOKEN, Pages
from tests.unit.ui.upstream import StackOf

BOARD = {
    "uid": "http",
    "title": "HTTP",
    "description": "All of it",
    "tags": ["obsctl"],
    "panels": [{"type": "row", "panels": [{"type": "stat"}]}, {"type": "timeseries"}],
}


@pytest.mark.parametrize("path", ["/", "/dashboards/http", "/traces/4bf92f3577b34da6a3ce929d0e0e4736?compare=last"])
def test_each_page_is_the_application_with_the_token_in_its_head(pages: Pages, path: str) -> None:
    answer = pages.get(path)
    assert answer.status == 200
    assert f'<head><meta name="obsctl-token" content="{TOKEN}">'.encode() in answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_assets_stay_in_the_cache_and_an_old_one_is_told(pages: Pages) -> None:
    script = pages.get("/assets/app-1a2b.js")
    assert (script.status, script.body) == (200, b"run()")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert pages.get("/assets/app-0000.js").status == 404


def test_a_file_that_is_there_only_packed_is_unpacked_for_who_needs_that(tmp_path: Path) -> None:
    import gzip

    from starlette.datastructures import Headers

    (tmp_path / "logo.svg.gz").write_bytes(gzip.compress(b"<svg/>"))
    found = BuiltPages(tmp_path, TOKEN)
    packed = found.get(("logo.svg",), Headers({"accept-encoding": "br, gzip"}))
    assert packed.headers["content-encoding"] == "gzip"
    assert found.get(("logo.svg",), Headers()).body == b"<svg/>"


def test_without_built_pages_one_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    from starlette.datastructures import Headers

    answer = BuiltPages(tmp_path, TOKEN).get((), Headers())
    assert answer.status_code == 503
    assert b"make ui" in answer.body


def test_the_stack_says_its_services_and_who_answers(pages: Pages) -> None:
    answer = pages.get("/api/stack").json()
    assert isinstance(answer, dict)
    assert answer["services"] == [
        {
            "name": "shop",
            "components": [{"name": "api", "service_name": "api", "job": "api", "url": "http://127.0.0.1:8000"}],
            "driven": True,
        }
    ]
    assert set(answer["roles"]) == {"metrics", "logs", "traces", "alerts"}
    assert answer["roles"]["traces"] == {
        "name": "traces",
        "url": pages.upstream.url,
        "dialect": "jaeger",
        "without": [],
        "lag": 0.0,
    }


def test_dashboards_are_listed_and_given_whole(pages: Pages) -> None:
    pages.source.boards = [BOARD]
    listed = {key: BOARD[key] for key in ("uid", "title", "description", "tags")} | {"panels": 2}
    assert pages.get("/api/dashboards").json() == [listed]
    assert pages.get("/api/dashboards/http").json() == BOARD
    missing = pages.get("/api/dashboards/grpc")
    assert (missing.status, missing.error) == (404, "the stack has no dashboard 'grpc'")


def test_a_backend_is_asked_with_data_alone(pages: Pages) -> None:
    pages.upstream.says({"data": "ok"})
    sent = {"accept": "text/html", "cookie": "a=b", "authorization": "Bearer mine", "x-forwarded-for": "10.0.0.1"}
    answer = pages.get("/proxy/metrics/api/v1/query?query=up%7Bjob%3D%22a%26b%22%7D&time=", sent)
    assert answer.json() == {"data": "ok"}
    [(method, path, headers, body)] = pages.upstream.asked
    assert (method, path, body) == ("GET", "/api/v1/query?query=up%7Bjob%3D%22a%26b%22%7D&time=", b"")
    assert headers["accept"] == "application/json"
    assert not {"cookie", "authorization", "x-forwarded-for", "origin", "referer"} & set(headers)


def test_a_query_may_be_a_form(pages: Pages) -> None:
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert pages.ask("POST", "/proxy/metrics/api/v1/query_range", form, b"query=up").status == 200
    assert pages.upstream.asked[0][3] == b"query=up"
    assert pages.ask("POST", "/proxy/metrics/api/v1/query", {"content-type": "text/plain"}, b"query=up").status == 415


def test_a_trace_that_is_not_there_is_told_with_where_it_was_looked_for(pages: Pages) -> None:
    pages.source.shown = StackOf(pages.upstream.url, [Role.TRACES]).shown
    pages.upstream.reply = (404, {"content-type": "application/json"}, b'{"errors":[{"code":404,"msg":"not found"}]}')
    pages.upstream.exceptions = {"/api/services": (200, {}, b'{"data":[]}')}
    answer = pages.get("/api/traces/4bf92f3577b34da6a3ce929d0e0e4736")
    assert answer.status == 404
    assert pages.upstream.url in answer.error
    assert pages.get("/api/traces/last").status == 503


def test_what_nobody_answers_for_is_told(pages: Pages) -> None:
    pages.source.shown = StackOf(pages.upstream.url, [Role.METRICS]).shown
    answer = pages.get("/proxy/logs/loki/api/v1/labels")
    assert (answer.status, answer.error) == (503, "this stack has nothing that answers for logs")
