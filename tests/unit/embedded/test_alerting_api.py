"""The API of an alert manager: answers are Alertmanager's answers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from obsctl.embedded.alerting.alert_store import AlertStore
from obsctl.embedded.alerting.routing import routing
from obsctl.embedded.alerting.silences import Silences
from obsctl.embedded.alerting_config import parse
from obsctl.embedded.alertmanager import api as alertmanager
from obsctl.embedded.http.body import Bodies
from obsctl.embedded.self_metrics import SelfMetrics
from obsctl.wait import Deadline
from tests.conformance import products
from tests.required import missing
from tests.unit.embedded.alertmanager_exchanges import CONFIG, SLOW, alert, exchanges, silence
from tests.unit.embedded.memory_store import Api

TIMES = ("startsAt", "endsAt", "updatedAt")
NEWER = ("mutedBy", "routeLabels")
"""What only newer releases show."""

Answer = tuple[int, Any]


def api(folder: Path | None = None) -> Api:
    alerts = AlertStore(routing(parse(CONFIG)), Silences(folder))
    return Api(Starlette(routes=alertmanager.routes(alerts, Bodies(1 << 16), SelfMetrics())))


class Asked:
    """A client that remembers the id of the silence made last."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.last = ""

    def answer(self, method: str, path: str, body: Any) -> Answer:
        text = (body if isinstance(body, str) else json.dumps(body)).replace("{id}", self.last)
        sent = {} if body is None else {"content": text, "headers": {"content-type": "application/json"}}
        answer = self.client.request(method, "/api/v2" + path.replace("{id}", self.last), **sent)
        told = json.loads(answer.text) if answer.text else ""
        self.last = told["silenceID"] if isinstance(told, dict) and "silenceID" in told else self.last
        return answer.status_code, told


def comparable(answer: Answer) -> Any:
    """Without what is different in every run; of errors their status and shape."""
    status, told = answer
    if status >= 400:
        return status, told["code"] if isinstance(told, dict) else type(told)
    return status, _plain(told)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        if set(value) == {"name", "labels"}:  # a receiver of the newest release
            return {"name": value["name"]}
        return {key: _time(one) if key in TIMES else _plain(one) for key, one in value.items() if key not in NEWER}
    return (
        "id" if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) else value
    )


def _time(text: str) -> str:
    return re.sub(r"\d", "0", text)


@pytest.mark.usefixtures("starts_programs")
def test_answers_are_those_of_alertmanager(tmp_path: Path) -> None:
    if products.alertmanager_program() is None:
        missing("validators", "there is no Alertmanager")
    with (
        products.alertmanager(tmp_path, json.dumps(CONFIG)) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=products.PATIENCE) as client,
    ):
        theirs, ours = Asked(client), Asked(api())
        for exchange in exchanges():
            assert_alike(theirs, ours, exchange)


def assert_alike(theirs: Asked, ours: Asked, exchange: tuple[str, str, Any]) -> None:
    """What is read from Alertmanager follows what was written a moment later: its parts tell each other of alerts."""
    got, want = comparable(ours.answer(*exchange)), comparable(theirs.answer(*exchange))
    deadline = Deadline.after(products.PATIENCE)
    while got != want and exchange[0] == "GET" and not deadline.passed:
        deadline.pause(0.05)
        want = comparable(theirs.answer(*exchange))
    assert got == want, exchange


def test_every_exchange_has_an_answer() -> None:
    asked = Asked(api())
    found = [asked.answer(*exchange) for exchange in exchanges()]
    assert {status for status, _ in found} == {200, 400, 404, 422}
    assert [told for status, told in found if status == 400 and isinstance(told, str)]


def test_a_silence_outlives_the_server(tmp_path: Path) -> None:
    made = api(tmp_path).post("/api/v2/silences", json=silence(("alertname", "Slow"))).json()["silenceID"]
    again = api(tmp_path)
    [found] = again.get("/api/v2/silences").json()
    assert (found["id"], found["status"]) == (made, {"state": "active"})
    assert again.request("DELETE", f"/api/v2/silence/{made}").status_code == 200
    assert api(tmp_path).get(f"/api/v2/silence/{made}").json()["status"] == {"state": "expired"}


@pytest.mark.parametrize("text", ["{", "[{}]", '[{"id": 1}]', "\x00", '[{"matchers": [["a", "=~", "("]]}]', "5"])
def test_a_broken_file_of_silences_is_set_aside(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "silences.json").write_text(text)
    client = api(tmp_path)
    assert client.get("/api/v2/silences").json() == []
    assert (tmp_path / "silences.broken").read_text() == text
    assert "cannot be read, and is kept as silences.broken" in caplog.text
    assert client.post("/api/v2/silences", json=silence(("a", "b"))).status_code == 200


def test_a_silence_that_cannot_be_kept_is_not_made(tmp_path: Path) -> None:
    client = api(tmp_path / "gone")
    answer = client.post("/api/v2/silences", json=silence(("a", "b")))
    assert answer.status_code == 400
    assert "the silence cannot be kept: " in answer.json()
    assert client.get("/api/v2/silences").json() == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"[]", {"content-type": "text/plain"}, 415),
        (b"[]", {}, 415),
        (b"[" * 100_000, {"content-type": "application/json"}, 413),
        (b"[" * 60_000, {"content-type": "application/json"}, 400),
        (b"\xff\xfe", {"content-type": "application/json"}, 400),
        (b'[{"labels": {"a": "\\ud800"}}]', {"content-type": "application/json"}, 200),
        (b'[{"labels": {"a\\u0000": "b"}}]', {"content-type": "application/json"}, 400),
        (b'[{"labels": {"a": "b"}, "endsAt": "9999-12-31T23:59:59Z"}]', {"content-type": "application/json"}, 200),
        (b'[{"labels": {"a": "c"}, "startsAt": "0001-01-01T00:00:00Z"}]', {"content-type": "application/json"}, 200),
        (b"garbage", {"content-type": "application/json", "content-encoding": "gzip"}, 400),
    ],
)
def test_hostile_bodies_are_answered(content: bytes, headers: dict[str, str], status: int) -> None:
    client = api()
    answer = client.post("/api/v2/alerts", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert client.get("/api/v2/alerts").status_code == 200
    assert client.get("/api/v2/alerts/groups").status_code == 200


def test_there_is_an_end_to_alerts_and_silences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obsctl.embedded.alerting.alert_store.MOST", 2)
    monkeypatch.setattr("obsctl.embedded.alerting.silences.MOST", 1)
    client = api()
    assert client.post("/api/v2/alerts", json=[alert({"a": str(i)}) for i in range(2)]).status_code == 200
    answer = client.post("/api/v2/alerts", json=[alert({"a": "9"})])
    assert (answer.status_code, answer.json()) == (400, "there are 2 alerts, which is as many as this server keeps")
    assert client.post("/api/v2/alerts", json=[alert({"a": "1"})]).status_code == 200
    assert client.post("/api/v2/silences", json=silence(("a", "b"))).status_code == 200
    assert "as many as this server keeps" in client.post("/api/v2/silences", json=silence(("a", "b"))).json()


def test_a_number_of_labels_has_an_end() -> None:
    labels = {f"l{i}": "x" for i in range(200)}
    assert "more than 100 labels" in api().post("/api/v2/alerts", json=[alert(labels)]).json()


def test_the_status_shows_the_configuration() -> None:
    status = api().get("/api/v2/status").json()
    assert json.loads(status["config"]["original"]) == CONFIG
    assert status["cluster"]["status"] == "disabled"
    assert status["versionInfo"]["version"].endswith("-obsctl")


def test_an_alert_says_when_in_milliseconds() -> None:
    client = api()
    client.post("/api/v2/alerts", json=[alert(SLOW)])
    [found] = client.get("/api/v2/alerts").json()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found[key]) for key in TIMES)
    assert found["status"]["mutedBy"] == []
