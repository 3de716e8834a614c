"""Requests to Alertmanager's API v2, in order: what they leave behind shows in what later ones are answered.

``{id}`` in a path or body is the id of the silence made last. Times are seconds from now.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

CONFIG: dict[str, Any] = {
    "route": {
        "receiver": "nobody",
        "group_by": ["alertname"],
        "group_wait": "10m",
        "routes": [
            {"receiver": "pages", "matchers": ['severity="page"'], "group_by": ["..."], "continue": True},
            {"receiver": "team-a", "matchers": ['team=~"a|aa"']},
        ],
    },
    "inhibit_rules": [
        {
            "source_matchers": ['severity="page"'],
            "target_matchers": ['severity="ticket"'],
            "equal": ["alertname", "job"],
        },
        {
            "source_matchers": ['alertname="TargetDown"'],
            "target_matchers": ['alertname!="TargetDown"'],
            "equal": ["job"],
        },
    ],
    "receivers": [{"name": "nobody"}, {"name": "pages"}, {"name": "team-a"}],
}  # fmt: skip


def at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def alert(labels: dict[str, str], starts: float | None = -60, ends: float | None = 600, **more: Any) -> dict[str, Any]:
    times = {} if starts is None else {"startsAt": at(starts)}
    times |= {} if ends is None else {"endsAt": at(ends)}
    return {"labels": labels, **times, **more}


def silence(*matchers: tuple[str, str], starts: float = 0, ends: float = 600, **more: Any) -> dict[str, Any]:
    found = [{"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in matchers]
    return {"matchers": found, "startsAt": at(starts), "endsAt": at(ends), "createdBy": "me", "comment": "c", **more}


SLOW = {"alertname": "Slow", "job": "api", "severity": "page"}
SLOW_TICKET = {"alertname": "Slow", "job": "api", "severity": "ticket", "empty": ""}
DOWN = {"alertname": "TargetDown", "job": "worker", "severity": "page", "team": "a"}
OTHER = {"alertname": "Other", "job": "worker", "zone": "x", "space": "ü"}


def exchanges() -> list[tuple[str, str, Any]]:
    """Method, path, and JSON (None for none, text as it is)."""
    return [
        ("GET", "/alerts", None),
        ("GET", "/receivers", None),
        ("POST", "/alerts", []),
        ("POST", "/alerts", [alert(SLOW, annotations={"summary": "s", "none": ""}, generatorURL="http://x/graph")]),
        ("POST", "/alerts", [alert(SLOW_TICKET), alert(DOWN, None, None), alert(OTHER, -5)]),
        ("GET", "/alerts", None),
        ("GET", "/alerts?inhibited=false", None),
        ("GET", "/alerts?active=false", None),
        ("GET", "/alerts?active=perhaps&silenced=true", None),
        ("GET", "/alerts?receiver=team-.*", None),
        ("GET", "/alerts?receiver=team", None),
        ("GET", '/alerts?filter=severity="page"', None),
        ("GET", '/alerts?filter=severity="page"&filter=job=~"ap."', None),
        ("GET", "/alerts?filter=severity!=page", None),
        ("GET", '/alerts?filter=zone!~"y"&filter=none=""', None),
        ("GET", '/alerts?filter={alertname="Slow"}', None),
        ("GET", "/alerts/groups", None),
        ("GET", "/alerts/groups?receiver=pages", None),
        ("GET", "/alerts/groups?filter=job=worker", None),
        ("GET", "/alerts?filter=severity", None),
        ("GET", '/alerts?filter=severity=~"("', None),
        ("GET", "/alerts?receiver=(", None),
        # an alert that is told to end, and that begins again
        ("POST", "/alerts", [alert(SLOW, -60, -1)]),
        ("GET", "/alerts", None),
        ("POST", "/alerts", [alert(SLOW, -30, 900)]),
        ("GET", '/alerts?filter=severity="page"', None),
        # what is wrong
        ("POST", "/alerts", [{"annotations": {}}]),
        ("POST", "/alerts", [alert({})]),
        ("POST", "/alerts", [alert({"empty": ""})]),
        ("POST", "/alerts", [alert({"a": "b"}, 60, 30), alert({"a": "good"})]),
        ("GET", "/alerts?filter=a=good", None),
        ("POST", "/alerts", "not json"),
        ("POST", "/alerts", {"labels": {"a": "b"}}),
        ("POST", "/alerts", [{"labels": {"a": 1}}]),
        ("POST", "/alerts", [{"labels": {"a": "b"}, "startsAt": "soon"}]),
        # silences
        ("GET", "/silences", None),
        ("POST", "/silences", silence(("alertname", "Other"), ("zone", "x"))),
        ("GET", "/silence/{id}", None),
        ("GET", "/alerts?filter=alertname=Other", None),
        ("GET", "/alerts?silenced=false", None),
        ("GET", "/silences?filter=zone=x", None),
        ("GET", "/silences?filter=zone=y", None),
        ("POST", "/silences", silence(("alertname", "Never"), starts=300)),
        ("GET", "/silences", None),
        ("DELETE", "/silence/{id}", None),
        ("GET", "/silence/{id}", None),
        ("POST", "/silences", silence(("job", "api"), id="{id}")),
        ("GET", "/silences", None),
        ("GET", "/alerts", None),
        ("DELETE", "/silence/{id}", None),
        ("GET", "/alerts", None),
        # what is wrong
        ("GET", "/silence/nope", None),
        ("DELETE", "/silence/nope", None),
        ("GET", "/silence/5d3b3c6e-2a0e-4b6a-9a43-0d9e5a7f6c11", None),
        ("POST", "/silences", silence(("a", "b"), id="5d3b3c6e-2a0e-4b6a-9a43-0d9e5a7f6c11")),
        ("POST", "/silences", silence()),
        ("POST", "/silences", silence(("a", ""))),
        ("POST", "/silences", silence(("a", "b"), ends=-60)),
        ("POST", "/silences", silence(("a", "b"), starts=60, ends=30)),
        ("POST", "/silences", {"matchers": [{"name": "a", "value": "b", "isRegex": False}]}),
        ("POST", "/silences", {**silence(), "matchers": [{"name": "a", "value": "(", "isRegex": True}]}),
        ("POST", "/silences", {**silence(), "matchers": [{"value": "b", "isRegex": False}]}),
        ("POST", "/silences", "{"),
    ]  # fmt: skip
