"""Rules -> promtool unit tests: for every alert, that it is quiet, fires, is resolved, and stays quiet without traffic.

Times are in minutes; every series has a sample a minute. Trouble starts after a while of quiet and ends again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from obsctl.json_types import Json, JsonObject
from obsctl.render.rulegroups import Alert, Group
from obsctl.render.slo_tests import slo_tests
from obsctl.spec.rule_templates import Input
from obsctl.spec.slo import Slo

QUIET, TROUBLE, AFTER = 30, 30, 60
"""Minutes before, during and after the trouble: longer than the longest range and wait of an alert together."""

_PLACEHOLDER = re.compile(r"\{\{\s*\$(?:labels\.(\w+)|value[^}]*?)\s*\}\}")


def promtool_value(groups: Sequence[Group], slo: Slo | None, rule_file: str) -> dict[str, Json]:
    """The content of a promtool test file for the rules of one file.

    Groups are evaluated in the order of the file, since they read what earlier ones record. Without it promtool takes
    any order, and an SLO's alerts read what was recorded one evaluation (5m) ago, which Prometheus 3 no longer finds:
    its lookback (5m) leaves out the sample at its left end.
    """
    alerts = [rule for group in groups for rule in group.rules if isinstance(rule, Alert) and rule.test]
    names = dict.fromkeys(alert.name for alert in alerts)
    tests = [test for name in names for test in alert_tests([a for a in alerts if a.name == name])]
    return {
        "rule_files": [rule_file],
        "evaluation_interval": "5m" if slo else "1m",  # an SLO's tests are about hours
        "group_eval_order": [group.name for group in groups if group.rules],
        "tests": [*tests, *(slo_tests(slo) if slo else ())],
    }


def alert_tests(alerts: Sequence[Alert]) -> list[JsonObject]:
    """The four tests of an alert: quiet, firing, resolved, no traffic. Rules of one name get their trouble at once."""
    alert, total = alerts[0], QUIET + TROUBLE + AFTER
    inputs = list({entry.series: entry for a in alerts if a.test for entry in a.test.inputs}.values())
    calm = [_series(entry, [(entry.quiet, total)]) for entry in inputs]
    still = [_series(entry, [(entry.quiet if entry.level else 0, total)]) for entry in inputs]
    phases = (QUIET, TROUBLE, AFTER)
    trouble = [_series(e, list(zip((e.quiet, e.firing, e.quiet), phases, strict=True))) for e in inputs]
    fires = [_expected(a) for a in alerts]
    name, end = alert.name, QUIET + TROUBLE
    return [
        _test(alert, f"{name}: quiet", calm, [(QUIET, []), (total, [])]),
        _test(alert, f"{name}: firing", trouble, [(QUIET - 1, []), (end - 1, fires)]),
        _test(alert, f"{name}: resolved", trouble, [(end - 1, fires), (total - 1, [])]),
        _test(alert, f"{name}: no traffic", still, [(QUIET, []), (total, [])]),
    ]


def _test(
    alert: Alert, name: str, series: list[dict[str, str]], looks: Sequence[tuple[int, Sequence[Json]]]
) -> dict[str, Json]:
    checks = [{"eval_time": f"{at}m", "alertname": alert.name, "exp_alerts": expected} for at, expected in looks]
    return {"name": name, "interval": "1m", "input_series": series, "alert_rule_test": checks}


def _expected(alert: Alert) -> dict[str, Json]:
    test = alert.test
    known: Mapping[str, str] = {**test.labels, **alert.labels} if test else {}
    value = test.value if test else ""
    filled = {name: _told(text, known, value) for name, text in alert.annotations.items()}
    return {"exp_labels": dict(sorted(known.items())), "exp_annotations": filled}


def _told(text: str, labels: Mapping[str, str], value: str) -> str:
    """An annotation as it reads when the alert fires."""
    return _PLACEHOLDER.sub(lambda found: labels.get(found[1], "") if found[1] else value, text)


def _series(entry: Input, phases: Sequence[tuple[float, int]]) -> dict[str, str]:
    """One series: its number and how many minutes it holds, one phase after the other."""
    parts: list[str] = []
    reached = 0.0
    for i, (number, minutes) in enumerate(phases):
        if entry.gone and i == 1:
            parts.append(f"_x{minutes}")
        elif entry.level:
            parts.append(f"{number:g}+0x{minutes - 1}")
        else:
            parts.append(f"{reached:g}+{number:g}x{minutes - 1}")
            reached += number * minutes
    return {"series": entry.series, "values": " ".join(parts)}
