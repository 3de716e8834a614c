"""Whatever stands in a template, a matcher or a request: it works, or its author is told; nothing else is raised."""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.embedded.rules.functions import FUNCTIONS, TemplateContext, TemplateSample
from obsctl.embedded.rules.load import groups
from obsctl.embedded.rules.templates import AlertTextTemplate
from obsctl.errors import UsageError
from obsctl.languages.alert_matchers import parse_matchers
from obsctl.languages.errors import QueryError
from obsctl.languages.gotemplate.syntax import TemplateError
from tests.unit.embedded.test_alerting_api import api

VALUES = [
    "$value",
    "$labels",
    "$labels.job",
    ".",
    ".Labels",
    "$",
    "1",
    "-2.5",
    "1e308",
    '"a"',
    "`b`",
    "'c'",
    "true",
    "nil",
]
WORDS = [*VALUES, *FUNCTIONS, "(", ")", "|", ":=", "=", "$x", ",", ".Value", "$x :=", "\\", '"', "🙂", "0x", "%!d"]
PARTS = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    "{{ if",
    "{{ range",
    "{{ with",
    "{{ end }}",
    "{{ else }}",
    "{{ break }}",
    "{{/*",
    "*/}}",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CONTEXT = TemplateContext(
    {"job": "api"}, 1.5, lambda text: [TemplateSample({"a": text}, 1.0)] * 3, 1.7e9, {"r": "eu"}, "http://x"
)


def told(call: Callable[[], object], *expected: type[Exception]) -> str:
    """What went wrong, in words; empty when nothing did. Other errors than those expected are the test's failure."""
    try:
        call()
    except expected as error:
        return str(error) or "no words"
    return ""


def action(words: list[str]) -> str:
    return "{{ " + " ".join(words) + " }}"


ACTIONS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(action) | st.sampled_from(PARTS), max_size=6)


@settings(max_examples=400)
@given(ACTIONS.map("".join) | st.text(max_size=30))
def test_any_template_gives_text_or_a_template_error(source: str) -> None:
    assert told(lambda: AlertTextTemplate(source).expand(CONTEXT), TemplateError) != "no words"


@settings(max_examples=400)
@given(st.lists(st.sampled_from(VALUES), max_size=3), st.sampled_from(sorted(FUNCTIONS)))
def test_any_function_of_any_values_gives_text_or_a_template_error(values: list[str], name: str) -> None:
    assert told(lambda: AlertTextTemplate(action([name, *values])).expand(CONTEXT), TemplateError) != "no words"


@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from(['a="b"', "a", "=", "!~", ",", "{", "}", '"', "(", " "])).map("".join)
)
def test_any_text_is_matchers_or_none(text: str) -> None:
    assert told(lambda: parse_matchers(text), QueryError) != "no words"


@given(
    JSON | st.fixed_dictionaries({"groups": st.lists(st.fixed_dictionaries({"name": JSON, "rules": JSON}), max_size=2)})
)
def test_any_document_is_rules_or_refused(document: object) -> None:
    assert told(lambda: groups(document, "r.json", 60_000), UsageError)[:8] in ("", "r.json: ")


ALERT = st.fixed_dictionaries(
    {"labels": JSON | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)},
    optional={
        name: JSON | st.sampled_from(["2025-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
        for name in ("startsAt", "endsAt")
    }
    | {"annotations": JSON, "generatorURL": JSON},
)
MATCHER = st.fixed_dictionaries({"name": JSON, "value": JSON, "isRegex": JSON}, optional={"isEqual": JSON})
SILENCE = st.fixed_dictionaries(
    {
        "matchers": JSON | st.lists(MATCHER, max_size=2),
        "startsAt": JSON | st.just("2025-01-01T00:00:00Z"),
        "endsAt": JSON | st.just("2099-01-01T00:00:00Z"),
        "createdBy": JSON,
        "comment": JSON,
    },
    optional={"id": JSON},
)


@settings(max_examples=60)
@given(st.sampled_from(["alerts", "silences"]), JSON | st.lists(ALERT, max_size=2) | SILENCE)
def test_any_json_is_taken_or_refused(path: str, value: object) -> None:
    client = api()
    headers = {"content-type": "application/json"}
    answer = client.post(f"/api/v2/{path}", content=json.dumps(value).encode(), headers=headers)
    assert answer.status_code in (200, 400, 404, 422), answer.text
    for one in ("alerts", "alerts/groups", "silences"):
        assert client.get(f"/api/v2/{one}").status_code == 200
