"""Rules and alerts in the shape of Prometheus 3: ``/api/v1/rules``, ``/api/v1/alerts``, ``/api/v1/alertmanagers``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response
from starlette.routing import Route

from obsctl.embedded.http.calls import JSON, ApiCall, compact, encoded, route
from obsctl.embedded.http.errors import prometheus as on_error
from obsctl.embedded.query.gotemplate.printing import scientific
from obsctl.embedded.rules.alerts import ActiveAlert, showing, worst
from obsctl.embedded.rules.model import AlertingRule, Rule
from obsctl.embedded.rules.status import GroupStatus, RuleStatus
from obsctl.languages.errors import ParameterError, QueryError
from obsctl.languages.labels import Matcher, matches_all
from obsctl.languages.promql.parse import parse_match
from obsctl.languages.quoting import excerpt
from obsctl.languages.units import format_rfc3339

_TYPES = {"": "", "alert": "alerting", "record": "recording"}
_TRUE = {"1", "t", "true"}
_FALSE = {"", "0", "f", "false"}

Groups = Callable[[], Sequence[GroupStatus]]


def routes(groups: Groups, alertmanagers: Sequence[str]) -> list[Route]:
    """Routes under ``/api/v1``. ``groups`` gives the rule groups as they are now, ``alertmanagers`` are URLs."""
    return [
        route("/api/v1/rules", lambda call: _success(_rules(groups(), call)), on_error),
        route("/api/v1/alerts", lambda _: _success({"alerts": _alerts(groups())}), on_error),
        route("/api/v1/alertmanagers", lambda _: _success(_managers(alertmanagers)), on_error),
    ]


def _success(data: object) -> Response:
    return Response(encoded(f'{{"status":"success","data":{compact(data)}}}'), media_type=JSON)


def _managers(urls: Sequence[str]) -> dict[str, object]:
    active = [{"url": f"{url}/api/v2/alerts"} for url in urls]
    return {"activeAlertmanagers": active, "droppedAlertmanagers": []}


def _alerts(groups: Sequence[GroupStatus]) -> list[dict[str, object]]:
    return [_alert(alert) for group in groups for rule in group.rules for alert in showing(rule.active)]


def _rules(groups: Sequence[GroupStatus], call: ApiCall) -> dict[str, object]:
    """``data`` of ``/api/v1/rules``. Groups without a rule that is asked for are left out."""
    wanted, matches, alerts = _wanted(call), _matches(call), not _flag(call, "exclude_alerts")
    files, names = call.all("file[]"), call.all("rule_group[]")
    shown: list[dict[str, object]] = []
    for status in sorted(groups, key=lambda status: (status.group.file, status.group.name)):
        group = status.group
        if (files and group.file not in files) or (names and group.name not in names):
            continue
        rules = [rule for rule in status.rules if wanted(rule.rule) and _matched(rule.rule, matches)]
        if rules:
            shown.append(_group(status, rules, alerts=alerts))
    return _page(shown, call)


def _page(shown: list[dict[str, object]], call: ApiCall) -> dict[str, object]:
    """So many groups from a place on; the token is the place's number."""
    limit, begin = call.parsed(_count, 0, "group_limit"), call.parsed(_count, 0, "group_next_token")
    if not limit:
        if begin:
            raise QueryError("group_limit needs to be set when group_next_token is")
        return {"groups": shown}
    more = {"groupNextToken": str(begin + limit)} if begin + limit < len(shown) else {}
    return {"groups": shown[begin : begin + limit], **more}


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"cannot parse {excerpt(text)}")
    return int(text)


def _wanted(call: ApiCall) -> Callable[[Rule], bool]:
    kind, names = call.first("type").lower(), call.all("rule_name[]")
    if kind not in _TYPES:
        raise ParameterError("type", f"not supported value {excerpt(kind)}")
    return lambda rule: _TYPES[kind] in ("", _type(rule)) and (not names or rule.name in names)


def _flag(call: ApiCall, name: str) -> bool:
    text = call.first(name).lower()
    if text not in _TRUE | _FALSE:
        raise ParameterError(name, f"strconv.ParseBool: parsing {excerpt(text)}: invalid syntax")
    return text in _TRUE


def _matches(call: ApiCall) -> list[tuple[Matcher, ...]]:
    try:
        return [parse_match(text) for text in call.all("match[]")]
    except QueryError as cause:
        raise ParameterError("match[]", cause) from cause


def _matched(rule: Rule, matches: Sequence[Sequence[Matcher]]) -> bool:
    labels = _labels(rule)
    return not matches or any(matches_all(matchers, labels) for matchers in matches)


def _type(rule: Rule) -> str:
    return "alerting" if isinstance(rule, AlertingRule) else "recording"


def _labels(rule: Rule) -> dict[str, str]:
    """As they are in the file."""
    if isinstance(rule, AlertingRule):
        return {name: template.source for name, template in sorted(rule.labels.items())}
    return dict(sorted(rule.labels.items()))


def _group(status: GroupStatus, rules: Sequence[RuleStatus], *, alerts: bool) -> dict[str, object]:
    group = status.group
    return {
        "name": group.name,
        "file": group.file,
        "rules": [_rule(rule, alerts=alerts) for rule in rules],
        "interval": group.interval_ms / 1000,
        "limit": group.limit,
        "evaluationTime": status.seconds,
        "lastEvaluation": format_rfc3339(status.evaluated / 1000),
    }


def _rule(status: RuleStatus, *, alerts: bool) -> dict[str, object]:
    rule = status.rule
    common = {
        "health": status.health,
        **({"lastError": status.last_error} if status.last_error else {}),
        "evaluationTime": status.seconds,
        "lastEvaluation": format_rfc3339(status.evaluated / 1000),
        "type": _type(rule),
    }
    fields = {"name": rule.name, "query": rule.query}
    if not isinstance(rule, AlertingRule):
        return {**fields, "labels": _labels(rule), **common}
    return {
        "state": worst(status.active) if status.evaluated else "unknown",
        **fields,
        "duration": rule.hold_ms / 1000,
        "keepFiringFor": rule.keep_ms / 1000,
        "labels": _labels(rule),
        "annotations": {name: template.source for name, template in sorted(rule.annotations.items())},
        "alerts": [_alert(alert) for alert in showing(status.active)] if alerts else None,
        **common,
    }


def _alert(alert: ActiveAlert) -> dict[str, object]:
    since = {} if alert.keep_since is None else {"keepFiringSince": format_rfc3339(alert.keep_since / 1000)}
    return {
        "labels": dict(alert.labels),
        "annotations": dict(sorted(alert.annotations.items())),
        "state": alert.state,
        "activeAt": format_rfc3339(alert.active_at / 1000),
        **since,
        "value": scientific(alert.value),
    }
