"""What a caller of the three HTTP processes sees."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.unit.sample_service.processes import Stack

CV = {"name": "Ada", "email": "ada@example.com", "text": "python"}


def test_a_well_formed_request_id_is_echoed(sample: Stack) -> None:
    answer = sample.call("api", "POST", "/cvs", CV, X_Request_Id="My.request_id-1")
    assert answer.headers["X-Request-Id"] == "My.request_id-1"


@pytest.mark.parametrize("bad", ["", "a b", "a" * 129, "a;b", "<script>", "a/b", "ä".encode().decode("latin-1")])
def test_any_other_request_id_is_replaced(sample: Stack, bad: str) -> None:
    headers = [(b"X-Request-Id", bad.encode("latin-1"))]
    echoed = sample.http.get(sample.url("api", "/healthz"), headers=headers).headers["X-Request-Id"]
    assert echoed != bad
    uuid.UUID(echoed)


def test_an_id_is_on_every_kind_of_answer(sample: Stack) -> None:
    for path in ("/nowhere", "/matches", f"/matches/{uuid.uuid4()}", "/metrics"):
        answer = sample.call("api", "GET", path)
        assert answer.headers["X-Request-Id"] == answer.request_id


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "Ada", "email": "ada@example.com"}, "text"),
        ({**CV, "email": "secret-nonsense"}, "email"),
        ({**CV, "name": "secret-" * 40}, "name"),
        ({**CV, "text": ""}, "text"),
        ({**CV, "extra": "secret-field"}, "extra"),
        ({**CV, "text": 7}, "text"),
    ],
)
def test_a_bad_body_is_422_and_is_not_quoted(sample: Stack, body: dict[str, Any], field: str) -> None:
    answer = sample.call("api", "POST", "/cvs", body)
    assert answer.status == 422
    assert [problem["loc"][-1] for problem in answer.json()["detail"]] == [field]
    assert "secret" not in answer.text


def test_a_body_that_is_no_json_is_422(sample: Stack) -> None:
    answer = sample.http.post(
        sample.url("api", "/cvs"), content=b"{secret", headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert "secret" not in answer.text


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413(sample: Stack, chunked: bool) -> None:
    data = json.dumps({**CV, "text": "x" * 70_000}).encode()
    content: Any = iter([data[i : i + 5000] for i in range(0, len(data), 5000)]) if chunked else data
    answer = sample.http.post(sample.url("api", "/cvs"), content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_unknown_things_are_404(sample: Stack) -> None:
    some = str(uuid.uuid4())
    assert sample.call("api", "GET", f"/matches/{some}").status == 404
    assert sample.call("api", "POST", "/matches", {"cv_id": some, "project_id": some}).status == 404
    assert sample.call("api", "GET", "/nowhere").json() == {"detail": "Not Found"}


def test_a_finished_match_has_a_score(sample: Stack) -> None:
    _, job = sample.match()
    assert job["status"] == "done"
    assert 0 <= job["score"] <= 100
    assert job["reason"]


def test_the_provider_speaks_like_openai(sample: Stack) -> None:
    answer = sample.call("ai", "POST", "/v1/embeddings", {"model": "m", "input": ["python", "sql"]}).json()
    assert [len(item["embedding"]) for item in answer["data"]] == [64, 64]
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    messages = [{"role": "user", "content": "hello"}]
    chat = sample.call("ai", "POST", "/v1/chat/completions", {"model": "m", "messages": messages}).json()
    assert json.loads(chat["choices"][0]["message"]["content"])["score"] == 0
    assert chat["usage"]["total_tokens"] == chat["usage"]["prompt_tokens"] + chat["usage"]["completion_tokens"]
    wrong = sample.call("ai", "POST", "/v1/embeddings", {"model": "m"})
    assert (wrong.status, wrong.json()["error"]["type"]) == (422, "invalid_request_error")


def test_injected_errors_keep_their_route(sample: Stack) -> None:
    series = 'http_requests_total{method="POST",route="/cvs",status="503"}'
    before = sample.metric("api", series)
    with sample.fault("api", http_error_rate=1):
        assert sample.call("api", "POST", "/cvs", CV).status == 503
        assert sample.call("api", "GET", "/healthz").status == 200
    assert sample.metric("api", series) == before + 1
    assert sample.call("api", "POST", "/cvs", CV).status == 201


@pytest.mark.parametrize(
    "body",
    [{"nope": 1}, {"http_error_rate": 2}, {"http_error_rate": True}, {"latency_ms": -1}, {"latency_ms": "1"}, [1]],
)
def test_a_fault_that_makes_no_sense_is_422(sample: Stack, body: Any) -> None:
    before = sample.call("api", "GET", "/faults").json()
    assert sample.call("api", "PUT", "/faults", body).status == 422
    assert sample.call("api", "GET", "/faults").json() == before


def test_faults_that_are_no_json_are_422(sample: Stack) -> None:
    for content in (b"{", b"\xff\xfe", b""):
        assert sample.http.put(sample.url("worker", "/faults"), content=content).status_code == 422


def test_keep_alive_survives_a_refused_method(sample: Stack) -> None:
    with httpx.Client(base_url=sample.url("api"), trust_env=False) as client:
        assert client.request("PROPFIND", "/cvs").status_code == 405
        assert client.get("/healthz").status_code == 200
    assert sample.metric("api", 'http_requests_total{method="_OTHER",route="/cvs",status="405"}') == 1
