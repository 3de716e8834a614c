"""A real Prometheus and the embedded server evaluate the same rule file over the same writes: their APIs say the same,
what they record is the same, and an alert manager hears the same of both.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from obsctl.wait import Deadline, until
from tests.conformance import products
from tests.conformance.promql_differential.servers import load
from tests.required import missing
from tests.unit.embedded.conftest import Embedded, make_config
from tests.unit.embedded.test_alerting import listening

PATIENCE = 60.0
RULES: dict[str, Any] = {
    "groups": [
        {
            "name": "recorded",
            "labels": {"team": "core"},
            "rules": [
                {"record": "job:load:max", "expr": "max by(job)(load)", "labels": {"kind": "max"}},
                {"record": "load:high", "expr": "job:load:max > 5 or vector(0) > 1"},
                {"record": "load:same", "expr": "load", "labels": {"job": "same", "zone": ""}},
            ],
        },
        {
            "name": "alerts",
            "limit": 10,
            "rules": [
                {
                    "alert": "High",
                    "expr": "load > 5",
                    "for": "2s",
                    "labels": {"severity": "{{ if gt $value 7.0 }}page{{ else }}ticket{{ end }}"},
                    "annotations": {
                        "summary": "{{ $labels.job }} is at {{ $value | humanize }}",
                        "value": "{{ $value }}",
                    },
                },
                {"alert": "Slow", "expr": "load > 5", "for": "1h"},
                {"alert": "Sticky", "expr": 'load{job="a"} > 5', "keep_firing_for": "1h"},
                {"alert": "Recorded", "expr": 'load:high{kind="max"} and on (job) job:load:max', "labels": {"a": ""}},
                {"alert": "Never", "expr": "vector(0) > 1"},
                {"alert": "Twice", "expr": 'label_replace(load, "job", "same", "", "")'},
            ],
        },
        {"name": "limited", "limit": 1, "rules": [{"record": "too:many", "expr": "load"}]},
    ]
}
STATES = {"High", "Slow", "Sticky", "Recorded"}


@dataclass(frozen=True)
class Pair:
    """Two servers with the same rules, each with its alert manager."""

    theirs: str
    ours: str
    heard: dict[str, Any]

    def write(self, **load_by_job: float) -> None:
        now = time.time_ns() // 1_000_000
        series = [({"__name__": "load", "job": job, "zone": "z"}, {now: value}) for job, value in load_by_job.items()]
        load(self.theirs, series)
        load(self.ours, series)

    def both(self, look: Callable[[str], Any]) -> tuple[Any, Any]:
        return look(self.theirs), look(self.ours)


def get(address: str, path: str, **params: str) -> Any:
    answer = httpx.get(f"{address}/api/v1/{path}", params=params, trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def rules(address: str) -> list[Any]:
    """All about rules but times and files; of errors that there is one."""
    found = get(address, "rules")["groups"]
    for group in found:
        for rule in (group, *group["rules"]):
            for key in ("evaluationTime", "lastEvaluation", "file"):
                rule.pop(key, None)
        for rule in group["rules"]:
            rule["alerts"] = sorted((timeless(one) for one in rule.get("alerts", ())), key=repr)
    return found


def timeless(alert: dict[str, Any]) -> dict[str, Any]:
    return {key: "a time" if key in ("activeAt", "keepFiringSince") else value for key, value in alert.items()}


def states(address: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for alert in get(address, "alerts")["alerts"]:
        found.setdefault(alert["labels"]["alertname"], set()).add(alert["state"])
    return found


def settled(address: str) -> bool:
    """Whether alerts are written as series, which begins after the second evaluation."""
    times: set[str] = set()
    return until(lambda: len(times) > 3 or times.update(_evaluated(address)), Deadline.after(PATIENCE))


def _evaluated(address: str) -> Iterator[str]:
    return (group["lastEvaluation"] for group in get(address, "rules", **{"rule_group[]": "alerts"})["groups"])


def agreed(pair: Pair, wanted: dict[str, set[str]]) -> bool:
    return all(one == wanted for one in pair.both(states))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if products.prometheus_program() is None:
        missing("prometheus", f"no Prometheus 3: {products.HINT}")
    folder: Path = tmp_path_factory.mktemp("rules")
    (folder / "rules.json").write_text(json.dumps(RULES))
    with ExitStack() as stack:
        hooks = {name: stack.enter_context(listening()) for name in ("theirs", "ours")}
        target = re.sub("^http://", "", hooks["theirs"].url)
        config = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.json")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [target]}]}]},
        }
        flags = ("--web.enable-remote-write-receiver",)
        theirs = stack.enter_context(products.prometheus(folder, json.dumps(config), *flags))
        settings = {
            "interval_seconds": 1,
            "files": [str(folder / "rules.json")],
            "alertmanagers": [hooks["ours"].url],
        }
        (folder / "ours").mkdir()
        server = Embedded(folder / "ours", make_config(folder / "ours", rules=settings))
        stack.callback(server.stop)  # its log has what is wrong with the rules
        ours = server.url("prometheus", "")
        yield Pair(theirs, ours, {name: hook.heard for name, hook in hooks.items()})


def test_rules_alerts_and_what_is_told_of_them_are_the_same(pair: Pair) -> None:
    assert pair.both(settled) == (True, True)
    fires = {"High": {"firing"}, "Slow": {"pending"}, "Sticky": {"firing"}, "Recorded": {"firing"}}
    assert until(lambda: pair.write(a=9, b=6.5) or agreed(pair, fires), Deadline.after(PATIENCE)), pair.both(states)
    theirs, ours = pair.both(rules)
    assert ours == theirs
    assert [rule["health"] for group in ours for rule in group["rules"]].count("err") == 3
    assert until(lambda: same_told(pair, "firing", 5), Deadline.after(PATIENCE)), pair.heard

    rests = {"Sticky": {"firing"}}
    assert until(lambda: pair.write(a=1, b=1) or agreed(pair, rests), Deadline.after(PATIENCE)), pair.both(states)
    theirs, ours = pair.both(rules)
    assert ours == theirs
    assert until(lambda: same_told(pair, "resolved", 4), Deadline.after(PATIENCE)), pair.heard

    for name in ("ALERTS", "ALERTS_FOR_STATE", "job:load:max", "load:high", "load:same", "too:many"):
        params = {"match[]": name}
        known, found = pair.both(lambda address, params=params: get(address, "series", **params))
        assert sorted(found, key=repr) == sorted(known, key=repr), name
    now = pair.both(lambda address: get(address, "query", query='{__name__=~"ALERTS|job:.*|load:high"}')["result"])
    theirs, ours = map(_values, now)
    assert ours == theirs


def _values(result: list[Any]) -> list[str]:
    return sorted(f"{sorted(one['metric'].items())} {one['value'][1]}" for one in result)


def told(pair: Pair, who: str, state: str) -> list[str]:
    """The alerts that an alert manager heard of, firing or resolved, each once; values change meanwhile."""
    now = time.time()
    found = set()
    for path, batch in list(pair.heard[who]):
        assert path == "/api/v2/alerts"
        for alert in batch:
            ended = _seconds(alert["endsAt"]) < now
            link = re.sub(r"^http://[^/]*", "", alert["generatorURL"])
            if ended == (state == "resolved"):
                found.add(f"{sorted(alert['labels'].items())} {sorted(alert.get('annotations', {}).items())} {link}")
    return sorted(found)


def same_told(pair: Pair, state: str, count: int) -> bool:
    theirs, ours = (told(pair, who, state) for who in ("theirs", "ours"))
    return theirs == ours and len(ours) == count


def _seconds(text: str) -> float:
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text)).timestamp()
