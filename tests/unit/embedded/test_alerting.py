"""What becomes of alerts: who is told, of what, when, and when again; by webhook, and to alert managers elsewhere."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from obsctl.embedded.alerting.alert_store import AlertStore
from obsctl.embedded.alerting.dispatch import Dispatcher
from obsctl.embedded.alerting.model import StoredAlert, fingerprint
from obsctl.embedded.alerting.notifier import Notifier, PostError, post
from obsctl.embedded.alerting.routing import routing
from obsctl.embedded.alerting.silences import Silences
from obsctl.embedded.alerting_config import parse
from obsctl.embedded.rules.status import Notice
from obsctl.embedded.self_metrics import NOTIFIED, NOTIFY_DROPPED, NOTIFY_ERRORS, SelfMetrics
from obsctl.errors import UsageError
from obsctl.languages.alert_matchers import parse_matchers
from obsctl.languages.errors import QueryError
from obsctl.wait import Deadline, until
from tests.required import missing
from tests.unit.embedded.alertmanager_exchanges import CONFIG
from tests.unit.embedded.conftest import Embedded, eventually
from tests.unit.embedded.test_api_rules import rule_files, settings

SECOND = 1_000
NOW = 1_700_000_000_000


class Hook(BaseHTTPRequestHandler):
    """Remembers what it is posted; ``status`` is what it answers."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"no")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.heard, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook() -> Iterator[Any]:
    with listening() as server:
        yield server


class World:
    """An alert store and a dispatcher with a clock of their own."""

    def __init__(self, url: str, **more: Any) -> None:
        self.now = NOW
        document = {
            "route": {
                "receiver": "hook",
                "group_by": ["alertname"],
                "group_wait": "10s",
                "group_interval": "1m",
                "repeat_interval": "10m",
            },
            "receivers": [{"name": "hook", "webhook_configs": [{"url": f"{url}/told", **more}]}],
        }
        self.alerts = AlertStore(routing(parse(document)), Silences(clock=self.clock), self.clock)
        self.metrics = SelfMetrics()
        self.dispatcher = Dispatcher(self.alerts, "http://am", self.metrics, self.clock)
        self.dispatcher.close()  # its looks are taken one by one here

    def clock(self) -> int:
        return self.now

    def alert(self, name: str, job: str, begun: int | None = None, ends: int = 3_600 * SECOND) -> None:
        begins = self.now if begun is None else begun
        self.alerts.put(
            [StoredAlert({"alertname": name, "job": job}, {"summary": "s"}, begins, self.now + ends, self.now)]
        )

    def look(self, seconds: float = 0) -> None:
        self.now += round(seconds * SECOND)
        self.dispatcher.flush()


def told(hook: Any) -> list[list[str]]:
    """What was posted since the last time: status and job of each alert."""
    found = [sorted(f"{one['status']} {one['labels']['job']}" for one in body["alerts"]) for _, body in hook.heard]
    hook.heard.clear()
    return found


def test_a_group_waits_is_told_and_told_again(hook: Any) -> None:
    world = World(hook.url)
    world.alert("Down", "a")
    world.look()
    world.alert("Down", "b", begun=world.now)
    world.look(9)
    assert told(hook) == []
    world.look(1)
    assert told(hook) == [["firing a", "firing b"]]
    world.alert("Down", "c")
    world.look(59)
    assert told(hook) == []
    world.look(1)
    assert told(hook) == [["firing a", "firing b", "firing c"]]
    world.look(120)
    world.look(120)
    assert told(hook) == []
    for _ in range(7):
        world.look(60)
    assert told(hook) == [["firing a", "firing b", "firing c"]]


def test_an_alert_that_is_older_than_the_wait_is_told_at_once(hook: Any) -> None:
    world = World(hook.url)
    world.alert("Down", "a", begun=NOW - 11 * SECOND)
    world.look()
    assert told(hook) == [["firing a"]]


def test_the_end_is_told_once_to_those_who_heard_of_the_beginning(hook: Any) -> None:
    world = World(hook.url)
    for job in ("a", "b"):
        world.alert("Down", job, begun=NOW - 60 * SECOND)
    world.look()
    told(hook)
    world.alert("Down", "a", begun=NOW - 60 * SECOND, ends=-1)
    world.alert("Down", "short", begun=NOW - 10 * SECOND, ends=-1)
    world.look(60)
    assert told(hook) == [["firing b", "resolved a"]]
    world.alert("Down", "b", begun=NOW - 60 * SECOND, ends=-1)
    world.look(60)
    assert told(hook) == [["resolved b"]]
    world.look(60)
    assert told(hook) == []


def test_who_does_not_want_the_end_is_not_told(hook: Any) -> None:
    world = World(hook.url, send_resolved=False)
    world.alert("Down", "a", begun=NOW - 60 * SECOND)
    world.look()
    world.alert("Down", "a", begun=NOW - 60 * SECOND, ends=-1)
    world.look(60)
    assert told(hook) == [["firing a"]]


def test_a_receiver_that_fails_is_told_at_the_next_look(hook: Any, caplog: pytest.LogCaptureFixture) -> None:
    world = World(hook.url)
    world.alert("Down", "a", begun=NOW - 60 * SECOND)
    hook.status = 500
    world.look()
    hook.status = 200
    world.look(60)
    assert told(hook) == [["firing a"], ["firing a"]]
    assert 'receiver hook was not notified of {}:{alertname="Down"}: Post "http://127.0.0.1' in caplog.text
    assert [world.metrics.value(one, f"{hook.url}/told") for one in (NOTIFY_ERRORS, NOTIFIED)] == [1, 1]


def test_the_body_is_that_of_a_webhook(hook: Any) -> None:
    world = World(hook.url)
    for job in ("a", "b"):
        world.alert("Down", job, begun=NOW - 60 * SECOND)
    world.look()
    [(path, body)] = hook.heard
    assert path == "/told"
    alerts = body.pop("alerts")
    assert body == {
        "version": "4",
        "groupKey": '{}:{alertname="Down"}',
        "truncatedAlerts": 0,
        "receiver": "hook",
        "status": "firing",
        "groupLabels": {"alertname": "Down"},
        "commonLabels": {"alertname": "Down"},
        "commonAnnotations": {"summary": "s"},
        "externalURL": "http://am",
    }
    assert min(alerts, key=lambda one: one["labels"]["job"]) == {
        "status": "firing",
        "labels": {"alertname": "Down", "job": "a"},
        "annotations": {"summary": "s"},
        "startsAt": "2023-11-14T22:12:20.000Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint({"alertname": "Down", "job": "a"}),
    }


NOTICE = Notice({"alertname": "A"}, {"summary": "s"}, NOW, NOW + 60 * SECOND, "http://x/graph")


def test_alert_managers_elsewhere_are_told(hook: Any) -> None:
    metrics = SelfMetrics()
    notifier = Notifier([hook.url, "http://127.0.0.1:1"], metrics)
    try:
        notifier.send([NOTICE] * 300)
        here, gone = f"{hook.url}/api/v2/alerts", "http://127.0.0.1:1/api/v2/alerts"
        assert until(lambda: metrics.value(NOTIFY_ERRORS, gone) == 300, Deadline.after(10))
    finally:
        notifier.close()
    assert sum(len(batch) for _, batch in hook.heard) == 300
    assert max(len(batch) for _, batch in hook.heard) <= 256
    assert hook.heard[0][0] == "/api/v2/alerts"
    assert hook.heard[0][1][0] == {
        "labels": {"alertname": "A"},
        "annotations": {"summary": "s"},
        "startsAt": "2023-11-14T22:13:20.000Z",
        "endsAt": "2023-11-14T22:14:20.000Z",
        "generatorURL": "http://x/graph",
    }
    assert metrics.value(NOTIFIED, here) == 300


def test_what_waits_is_bounded(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("obsctl.embedded.alerting.notifier._WAITING", 5)
    metrics = SelfMetrics()
    notifier = Notifier([hook.url], metrics)
    notifier.send([NOTICE] * 9)
    notifier.close()
    assert metrics.value(NOTIFY_DROPPED) == 4


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://127.0.0.1:99999/", "http://[::1"])
def test_a_post_that_cannot_be_says_why(url: str) -> None:
    with pytest.raises(PostError, match=re.escape(f'Post "{url}": ')):
        post(url, [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('a="b"', ["a=b"]),
        (' {a="b", c!=d,} ', ["a=b", "c!=d"]),
        ('a=~"x|y,{z}"', ["a=~x|y,{z}"]),
        (r'"sp ace"="q\"\n"', ['sp ace=q"\n']),
        ("a=", ["a="]),
        ("", []),
    ],
)
def test_matchers_are_read(text: str, shown: list[str]) -> None:
    assert [f"{one.name}{one.op}{one.value}" for one in parse_matchers(text)] == shown


@pytest.mark.parametrize("text", ["a", "=b", 'a="b', 'a=~"("', "a=b c=d", '{a="b"', "a==b,"])
def test_matchers_that_are_none(text: str) -> None:
    with pytest.raises(QueryError, match="bad matcher format"):
        parse_matchers(text)


BAD: list[tuple[str, Any, str]] = [
    ("route.receiver", "x", "alerting.route: undefined receiver 'x'; known: nobody, pages, team-a"),
    ("route.routes.0.receiver", "x", "undefined receiver 'x'"),
    ("route.matchers", ["a=b"], "alerting.route must not have any matchers"),
    ("route.routes.0.matchers", ["a"], "alerting.route.routes[0].matchers: bad matcher format: a"),
    ("route.group_wait", "soon", 'alerting.route.group_wait: not a valid duration string: "soon"'),
    ("route.mute_time_intervals", ["x"], "unknown key alerting.route.mute_time_intervals"),
    ("route.routes.0.continue", "yes", 'alerting.route.routes[0].continue must be true or false, not "yes"'),
    ("inhibit_rules.0.equal", "a", "alerting.inhibit_rules[0].equal must be a list"),
    ("receivers.0.email_configs", [], "unknown key alerting.receivers[0].email_configs"),
    ("receivers.0.webhook_configs", [{"url": "ftp://x"}], "webhook_configs[0].url must be an http:// or https:// URL"),
    ("time_intervals", [], "unknown key alerting.time_intervals"),
]


@pytest.mark.parametrize(("path", "value", "says"), BAD)
def test_mistakes_in_the_routing_are_named(path: str, value: Any, says: str) -> None:
    document = copy.deepcopy(CONFIG)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in way:
        place = place[part]
    place[last] = value
    with pytest.raises(UsageError) as caught:
        parse(document)
    assert says in caught.value.message


def test_a_firing_rule_reaches_whoever_is_to_know(tmp_path: Path, hook: Any, embedded: Callable[..., Embedded]) -> None:
    """All of the way: rule, own API, webhook, an alert manager elsewhere, and amtool as a reader of it."""
    rule = {
        "alert": "Always",
        "expr": "vector(1)",
        "labels": {"job": "x"},
        "annotations": {"summary": "told {{ $value }}"},
    }
    files = rule_files(tmp_path, rules={"groups": [{"name": "g", "rules": [rule]}]})
    alerting = {
        "route": {"receiver": "hook", "group_by": ["alertname"], "group_wait": "0s"},
        "receivers": [{"name": "hook", "webhook_configs": [{"url": f"{hook.url}/told"}]}],
    }
    server = embedded(rules={**settings(files), "alertmanagers": [hook.url]}, alerting=alerting)
    [found] = eventually(lambda: server.get("alerts", "/api/v2/alerts").json)
    assert (found["labels"], found["annotations"]) == ({"alertname": "Always", "job": "x"}, {"summary": "told 1"})
    assert found["generatorURL"].startswith(server.url("prometheus", "/graph?g0.expr=vector%281%29"))
    assert eventually(lambda: {path for path, _ in hook.heard} == {"/api/v2/alerts", "/told"})
    listed = server.get("prometheus", "/api/v1/alertmanagers").json["data"]["activeAlertmanagers"]
    assert [one["url"] for one in listed] == [f"{hook.url}/api/v2/alerts", server.url("alerts", "/api/v2/alerts")]

    tool = shutil.which("amtool") or missing("validators", "amtool is not installed")
    base = [tool, f"--alertmanager.url={server.url('alerts', '')}"]

    def amtool(*arguments: str) -> str:
        done = subprocess.run([*base, *arguments], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "Always" in amtool("alert", "query", "job=x")
    assert "Always" not in amtool("alert", "query", "job=y")
    number = amtool("silence", "add", "alertname=Always", "--comment=known", "--author=me").strip()
    assert number in amtool("silence", "query")
    assert "Always" not in amtool("alert", "query")
    assert "Always" in amtool("alert", "query", "--silenced")
    amtool("silence", "expire", number)
    assert "Always" in amtool("alert", "query")
    assert amtool("config", "routes", "test", "job=x").strip() == "hook"
    amtool("alert", "add", "Added", "job=z", "--annotation=summary=by hand")
    assert "by hand" in amtool("alert", "query", "Added", "-o", "extended")
