"""Dashboards as values: what is read from JSON, and variables filled in as the page does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsctl.dashboards.global_variables import Times
from obsctl.dashboards.model import Dashboard, QueryKind, Variable
from obsctl.dashboards.read import read_dashboard
from obsctl.dashboards.variables import panel_queries, render_variables, variables_in
from obsctl.errors import SpecError
from obsctl.languages.promql.parse import parse
from obsctl.languages.promql.tree import Selector

ROUTE = Variable("route", "query", "label_values(x_total, route)", multi=True, all_value=".+", current=("$__all",))
TRACE = Variable("trace_id", "textbox")
BOARD = Dashboard("u", "t", "f.json", (ROUTE, TRACE))


def dashboard(**panel: Any) -> str:
    sources = {"list": [{"name": "prometheus_datasource", "type": "datasource", "query": "prometheus"}]}
    return json.dumps({"uid": "u", "title": "t", "templating": sources, "panels": [{"id": 1, "type": "stat", **panel}]})


@pytest.mark.parametrize(
    ("text", "chosen", "wanted"),
    [
        ('x{route=~"$route"}', {}, 'x{route=~".+"}'),
        ('x{route=~"$route"}', {"route": ["$__all"]}, 'x{route=~".+"}'),
        ('x{route=~"$route"}', {"route": "/cvs"}, 'x{route=~"/cvs"}'),
        ('x{route=~"${route}"}', {"route": ["/cvs", "/a.b"]}, r'x{route=~"(/cvs|/a\\.b)"}'),
        ('x{route=~"[[route]]"}', {"route": "/m/{id}"}, r'x{route=~"/m/\\{id\\}"}'),
        ("x{route=~`${route:regex}`}", {"route": "/m/{id}"}, r"x{route=~`/m/\{id\}`}"),
        ("${route:pipe}", {"route": ["a", "b"]}, "a|b"),
        ("${route:raw}", {"route": "a.b"}, "a.b"),
        ('{a="$trace_id"}', {"trace_id": 'x"y'}, r'{a="x\"y"}'),
        ('{a="$trace_id"}', {}, '{a=""}'),
        ("rate(x[$__rate_interval])", {}, "rate(x[60s])"),
        ("x[$__range] / $__range_s", {}, "x[3600s] / 3600"),
        ("$routes", {"route": "a"}, "$routes"),
    ],
)
def test_variables_are_written_as_the_page_writes_them(text: str, chosen: dict[str, Any], wanted: str) -> None:
    assert render_variables(text, BOARD, chosen)[0] == wanted


def test_a_variable_that_is_not_there_is_named() -> None:
    assert render_variables("$a $route ${b:raw} $a", BOARD, {}) == ("$a .+ ${b:raw} $a", ("a", "b"))


@pytest.mark.parametrize(
    ("times", "rate", "step"),
    [(Times(300, 2), 8, 2), (Times(3600, 15), 60, 15), (Times(86_400, 15), 101.4, 86.4), (Times(3600, 60), 240, 60)],
)
def test_a_rate_always_finds_two_samples(times: Times, rate: float, step: float) -> None:
    assert (times.rate_interval, times.interval) == pytest.approx((rate, step))
    assert times.rate_interval >= 2 * times.scrape_interval


def test_the_parts_of_label_values() -> None:
    both = Variable("v", "query", 'label_values(up{a=~"$a", b="c,d"}, job)')
    assert (both.match, both.label) == ('up{a=~"$a", b="c,d"}', "job")
    alone, other = Variable("v", "query", "label_values(job)"), Variable("v", "query", "metrics(.*)")
    assert (alone.match, alone.label, other.match, other.label) == ("", "job", "", "")


def test_a_panel_says_why_it_may_be_empty() -> None:
    (panel,) = read_dashboard(dashboard(description="Errors.\n\nMay be empty: nothing failed."), "f").panels
    assert panel.may_be_empty == "nothing failed."
    assert not panel.empty_until
    until = "Errors.\n\nMay be empty until an error is logged: nothing failed: none."
    (panel,) = read_dashboard(dashboard(description=until), "f").panels
    assert (panel.may_be_empty, panel.empty_until) == ("nothing failed: none.", "an error is logged")
    (panel,) = read_dashboard(dashboard(description="It May be empty: no."), "f").panels
    assert not panel.may_be_empty


def test_a_query_is_of_its_data_source() -> None:
    loki = {"type": "loki", "uid": "logs"}
    targets = [{"refId": "A", "expr": "up"}, {"refId": "B", "expr": "{}", "datasource": loki}]
    own = {"uid": "${prometheus_datasource}"}
    found = read_dashboard(dashboard(datasource=own, targets=targets), "f").panels[0].queries
    assert [q.kind for q in found] == [QueryKind.PROMQL, QueryKind.LOGQL]


def test_panels_of_a_folded_row_count() -> None:
    row = {"type": "row", "title": "More", "panels": [{"id": 7, "title": "inside", "targets": [{"expr": "up"}]}]}
    found = read_dashboard(json.dumps({"panels": [row]}), "f")
    assert [(p.title, p.path) for p in found.panels] == [("inside", "panels[0].panels[0]")]
    assert [r.title for r in found.rows] == ["More"]
    assert [r.expr for r in panel_queries(found, {})] == ["up"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", '{"panels": 3}', "[" * 100_000])
def test_what_is_no_dashboard_is_refused_with_its_file(text: str) -> None:
    with pytest.raises(SpecError, match=r"^f\.json"):
        read_dashboard(text, "f.json")


KEYS = (
    *("panels", "type", "targets", "datasource", "uid", "id", "gridPos", "x", "fieldConfig", "templating", "list"),
    *("current", "value", "query", "tags", "expr", "description", "dashboard"),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)


@given(ANYTHING)
def test_any_json_is_read_or_refused(value: Any) -> None:
    text = json.dumps({"panels": [value], "templating": value, "tags": value})
    panel_queries(read_dashboard(text, "f"), {})


@given(st.text(alphabet='ab.*{}|\\"()', max_size=8))
def test_a_chosen_value_matches_itself_alone(value: str) -> None:
    expr = render_variables('x{route=~"$route"}', BOARD, {"route": [value, "other"]})[0]
    selector = parse(expr)
    assert isinstance(selector, Selector)
    _name, matcher = selector.matchers
    assert matcher.matches(value)
    assert not matcher.matches(value + "x")


def test_a_text_refers_to_variables_in_three_notations() -> None:
    assert variables_in('x{a=~"$a", b="${b:raw}"}[$__rate_interval] + [[c]]') == {"a", "b", "c", "__rate_interval"}
