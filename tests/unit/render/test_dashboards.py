"""Dashboards as they follow from contracts: every query, the grid, the rules of the trade, and names that change."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl import assets
from obsctl.dashboards.model import Dashboard, Panel, QueryKind
from obsctl.dashboards.variables import panel_queries
from obsctl.errors import SpecError
from obsctl.languages.promql import tree
from obsctl.languages.promql.parse import parse
from obsctl.render.dashboard_defaults import TWO_SCREENS, default_rows
from obsctl.render.dashboard_panels import look
from obsctl.render.dashboards import dashboard_files, stack_dashboards
from obsctl.render.rulefiles import rule_files, rule_test_files
from obsctl.spec.contract import Contract, Metric, MetricType
from obsctl.spec.dashboard_templates import COLUMNS, dashboard_templates, load_dashboard_template
from obsctl.spec.load import family_names, load_contract
from obsctl.spec.slo import Slo, SloMatcher, SloSelector
from obsctl.spec.stack import Component, Service, Stack
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import default_stack, files, rendered

UNITS = {"short", "reqps", "cps", "s", "bytes", "binBps", "percentunit"}
SERIES = re.compile(r"slo:|sloth_|ALERTS")
"""Series that rules make: of a whole service, so without a job or an instance."""

EXTRA = (
    Metric("orders_total", MetricType.COUNTER, "Orders.", "{order}", ("kind",), registry="orders"),
    Metric("stock", MetricType.GAUGE, "Stock.", "{item}", ("shelf",), registry="stock"),
    Metric("pack_seconds", MetricType.HISTOGRAM, "Packing.", "s", ("kind",), exemplars=True, registry="pack"),
    Metric("parcel_bytes", MetricType.SUMMARY, "Parcels.", "By", (), required=False, registry="parcel"),
)


BASE = default_stack()


def with_contract(contract: Contract, *more: Contract) -> Stack:
    made = [Service(c.service, c, (Component("web", "http://127.0.0.1:5000"),)) for c in (contract, *more)]
    return replace(BASE, services=tuple(made))


SHOP = with_contract(Contract("shop", ("web",), metrics=EXTRA))
BOARDS = [*stack_dashboards(default_stack()), *(d for d in stack_dashboards(SHOP) if "own" in d.uid)]
PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
PROMQL = [
    (board, resolved) for board in BOARDS for resolved in panel_queries(board, {}) if resolved.query.kind == "promql"
]

every_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
every_panel = pytest.mark.parametrize(("board", "panel"), PANELS, ids=lambda value: getattr(value, "title", ""))
every_promql = pytest.mark.parametrize(
    ("board", "resolved"), PROMQL, ids=[f"{b.uid}-{r.panel.title}-{r.query.ref_id}" for b, r in PROMQL]
)


def nodes(node: tree.Expr, *above: tree.Expr) -> Iterator[tuple[tree.Expr, tuple[tree.Expr, ...]]]:
    """A node of an expression and all below it, each with those above."""
    yield node, above
    for child in tree.children(node):
        yield from nodes(child, *above, node)


def selectors(expr: str) -> Iterator[tuple[str, tree.Selector, tuple[tree.Expr, ...]]]:
    """The selectors of an expression, each with the metric that it names and the nodes above it."""
    for node, above in nodes(parse(expr)):
        if isinstance(node, tree.Selector):
            names = {m.name: m.value for m in node.matchers if m.op == "="}
            yield names.get("__name__", ""), node, above


def test_the_dashboards_are_those_that_were_asked_for() -> None:
    assert {b.uid.removeprefix("obsctl-"): b.title for b in BOARDS} == {
        "ai": "AI providers",
        "data-stores": "Data stores",
        "end-to-end": "End to end",
        "http": "HTTP",
        "jobs": "Jobs",
        "own-shop": "shop: own metrics",
        "process": "Processes",
        "slo": "SLOs and error budgets",
    }


@every_promql
def test_every_query_parses_and_asks_only_for_what_is_chosen(board: Dashboard, resolved: Any) -> None:
    assert not resolved.unknown
    for name, selector, _ in selectors(resolved.expr):
        matched = {m.name: m.value for m in selector.matchers}
        wanted = {"sloth_service", "sloth_slo"} if SERIES.match(name) else {"service_namespace"}
        assert wanted <= set(matched)
        if not SERIES.match(name):
            assert {"job", "instance"} <= set(matched)  # target-job, target-instance


@every_promql
def test_counters_are_rates_over_the_interval_of_the_page(board: Dashboard, resolved: Any) -> None:
    """target-counter-agg and target-rate-interval."""
    expr = resolved.query.expr.replace("$__rate_interval", "7m").replace("$__range", "9m")
    for name, selector, above in selectors(expr):
        calls = [n.name for n in above if isinstance(n, tree.Call)]
        if name.endswith(("_total", "_bucket", "_count", "_sum")):
            assert calls[-1] in ("rate", "increase")
        if "rate" in calls:
            assert selector.range_ms == 420_000


@every_promql
def test_a_legend_names_labels_that_the_result_has(board: Dashboard, resolved: Any) -> None:
    named = set(re.findall(r"\{\{(\w+)\}\}", resolved.query.legend))
    top = parse(resolved.expr)
    while isinstance(top, tree.Binary | tree.Call):
        top = top.left if isinstance(top, tree.Binary) else top.args[-1]
    if isinstance(top, tree.Aggregate):
        assert named <= set(top.labels)


@every_panel
def test_a_panel_says_what_it_shows(board: Dashboard, panel: Panel) -> None:
    """panel-title-description, panel-units, panel-no-targets, panel-datasource."""
    assert panel.title
    assert panel.description
    assert panel.queries
    if panel.type in ("stat", "timeseries"):
        assert panel.unit in UNITS
    if panel.type != "traces":
        assert panel.data_source in ("${prometheus_datasource}", "${loki_datasource}")
    assert len({q.ref_id for q in panel.queries}) == len(panel.queries)
    assert not re.search(r"@\{", panel.description + panel.title)


@every_board
def test_variables_ask_for_what_is_there(board: Dashboard) -> None:
    """template-datasource, template-job, template-instance, template-label-promql, template-on-time-change-reload."""
    kinds = {query.kind for panel in board.panels for query in panel.queries}
    sources = {v.name: v for v in board.variables if v.type == "datasource"}
    wanted = {"prometheus_datasource": QueryKind.PROMQL, "loki_datasource": QueryKind.LOGQL}
    assert set(sources) == {name for name, kind in wanted.items() if kind in kinds}
    assert all(v.title == f"{v.query.capitalize()} data source" for v in sources.values())
    names = [v.name for v in board.variables]
    if QueryKind.PROMQL in kinds and board.uid != "obsctl-slo":
        assert {"service", "job", "instance"} <= set(names)
    for i, variable in enumerate(v for v in board.variables if v.type == "query"):
        assert (variable.multi, variable.refresh) == (True, 2)
        assert variable.all_value == (".*" if variable.name == "instance" else ".+")
        assert variable.title in (variable.name.title(), "SLO")
        assert variable.label
        used = set(re.findall(r"\$(\w+)", variable.match))
        assert used <= set(names[: names.index(variable.name)]), f"{variable.name} asks for what comes after it, {i}"
        parse(re.sub(r"\$\w+", ".+", variable.match))


@every_board
def test_the_page_is_one_grid_without_gaps(board: Dashboard) -> None:
    shown = {(p.grid.y, p.grid.h) for p in board.panels}
    for y, height in shown:
        row = sorted((p for p in board.panels if p.grid.y == y), key=lambda p: p.grid.x)
        assert {p.grid.h for p in row} == {height}
        assert [p.grid.x for p in row] == [0, *itertools.accumulate(p.grid.w for p in row[:-1])]
        assert sum(p.grid.w for p in row) == COLUMNS
    heights = sorted((*shown, *((r.grid.y, r.grid.h) for r in board.rows)))
    assert [y for y, _ in heights] == [0, *itertools.accumulate(h for _, h in heights[:-1])]
    assert max(p.grid.y + p.grid.h for p in board.panels) <= TWO_SCREENS


@every_board
def test_a_board_is_found_again_and_cannot_be_edited_in_place(board: Dashboard) -> None:
    """uneditable-dashboard; ids and uids that stay."""
    assert not board.editable
    assert re.fullmatch(r"obsctl-[a-z0-9-]{1,33}", board.uid)
    ids = [p.id for p in (*board.panels, *board.rows)]
    assert sorted(ids) == list(range(1, len(ids) + 1))


def test_every_metric_of_every_family_is_on_some_page() -> None:
    shown = " ".join(r.expr for _, r in PROMQL)
    stack = default_stack()
    missing = [
        m.name for s in stack.services for m in s.contract.metrics if not re.search(rf"\b{m.name}\b|\b{m.name}_", shown)
    ]
    assert not missing


@pytest.mark.parametrize("family", family_names())
def test_a_contract_with_any_family_gets_all_of_it_on_a_page(family: str, tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(f"version: 1\nservice: shop\ncomponents: [web]\nfamilies: [{family}]\n")
    contract = load_contract(tmp_path / "contract.yaml")
    boards = stack_dashboards(with_contract(contract))
    shown = " ".join(query.expr for board in boards for panel in board.panels for query in panel.queries)
    assert contract.metrics
    assert not [m.name for m in contract.metrics if not re.search(rf"\b{m.name}\b|\b{m.name}_", shown)]


def test_a_dashboard_names_families_that_there_are() -> None:
    assert {family for t in dashboard_templates().values() for family in t.families} <= set(family_names())


def test_exemplars_are_on_where_the_contract_wants_them() -> None:
    shown = {(b.uid, p.title) for b, p in PANELS if any(q.exemplars for q in p.queries)}
    assert shown == {
        ("obsctl-http", "Duration by route, p95"),
        ("obsctl-http", "Duration of all requests"),
        ("obsctl-http", "Mean duration by route"),
        ("obsctl-http", "Spread of the duration"),
        ("obsctl-own-shop", "Pack: percentiles"),
        ("obsctl-own-shop", "Pack: rate"),
        ("obsctl-own-shop", "Pack: spread"),
    }


def raw(stack: Stack, name: str) -> dict[str, Any]:
    found = {f.path: f.text for f in dashboard_files(stack, "d", "jaeger")}
    value: dict[str, Any] = json.loads(found[f"d/{name}.json"])
    return value


def steps(board: dict[str, Any], title: str) -> list[Any]:
    panel = next(p for p in board["panels"] if p["title"] == title)
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]


def test_thresholds_are_those_of_the_slos() -> None:
    board = raw(default_stack(), "http")
    assert steps(board, "Server errors by route") == steps(board, "Server errors") == [None, 0.01]
    assert steps(board, "Duration by route, p95") == steps(board, "Duration, p95") == [None, 0.25]
    described = {p["title"]: p["description"] for p in board["panels"]}
    assert "Objective http-latency: 95 % within 0.25 s." in described["Duration, p95"]
    assert "Objective http-errors: at most 1 %." in described["Server errors"]


def test_a_stricter_slo_moves_the_threshold_and_no_slo_takes_it_away() -> None:
    service = default_stack().services[0]
    strict = Slo(
        "strict",
        "s",
        Decimal("0.999"),
        30,
        SloSelector("http_request_duration_seconds_bucket", (SloMatcher("le", "=", "0.1"),)),
        SloSelector("http_request_duration_seconds_count"),
        good=True,
    )
    more = replace(service.contract, slos=(*service.contract.slos, strict))
    assert steps(raw(with_contract(more), "http"), "Duration, p95") == [None, 0.1]
    none = with_contract(replace(service.contract, slos=()))
    assert steps(raw(none, "http"), "Duration, p95") == [None]
    assert "obsctl-slo" not in [b.uid for b in stack_dashboards(none)]


def test_colors_say_which_side_is_trouble() -> None:
    stack = default_stack()
    panels = {p["title"]: p for name in ("slo", "jobs") for p in raw(stack, name)["panels"]}

    def colors(title: str) -> list[tuple[str, Any]]:
        found = panels[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        return [(step["color"], step["value"]) for step in found]

    assert colors("Error budget left") == [("red", None), ("orange", 0), ("green", 0.25)]
    assert colors("Burn rate now") == [("green", None), ("yellow", 1), ("orange", 6), ("red", 14.4)]
    assert colors("Dead letters in this time") == [("green", None), ("red", 1)]
    assert colors("Waiting now") == [("text", None)]


def test_what_is_summed_over_the_time_that_is_shown_is_asked_once() -> None:
    asked = {p.title: p.queries[0].instant for b, p in PANELS if "$__range]" in "".join(q.expr for q in p.queries)}
    assert asked == {"Dead letters in this time": True, "Tokens in this time": True}


def test_log_lines_that_nobody_promises_may_be_missing() -> None:
    def recent(stack: Stack) -> str:
        (board,) = (b for b in stack_dashboards(stack) if b.uid == "obsctl-end-to-end")
        return next(p.may_be_empty for p in board.panels if p.title == "Recent log lines with a trace")

    assert recent(SHOP) == "no contract promises log lines."
    assert recent(default_stack()) == ""


def test_links_lead_to_data_sources_and_dashboards_that_are_there() -> None:
    texts = files(rendered(default_stack()))
    sources = read_yaml(texts["grafana/provisioning/datasources/stack.yaml"])["datasources"]
    uids = {source["uid"]: source["type"] for source in sources}
    boards = {path: text for path, text in texts.items() if path.startswith("grafana/dashboards/")}
    for path, text in boards.items():
        for link in re.findall(r'"url": "(/explore[^"]+)"', text):
            panes = json.loads(unquote(re.search(r"panes=(.*)", link)[1]))
            for query in panes["a"]["queries"]:
                assert uids[query["datasource"]["uid"]] == query["datasource"]["type"], path
    targets = re.findall(
        r"/d/([\w-]+)", "".join((*boards.values(), texts["grafana/provisioning/datasources/stack.yaml"]))
    )
    assert set(targets) == {"obsctl-end-to-end"}
    for source in sources:
        for name in ("exemplarTraceIdDestinations", "derivedFields"):
            found = source["jsonData"].get(name, [])
            assert not found or any("var-trace_id=$${__value.raw}" in entry.get("url", "") for entry in found)


@pytest.fixture
def other_templates(tmp_path: Path) -> Iterator[Path]:
    """A copy of the templates, which may be changed."""
    copy = tmp_path / "templates"
    shutil.copytree(assets.templates(), copy)
    with assets.templates_from(copy):
        yield copy


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def derived(stack: Stack) -> dict[str, str]:
    """Everything that follows from contracts: dashboards, rules, their tests, and all that is rendered besides."""
    made = {f.path: f.text for f in (*rule_files(stack, "rules"), *rule_test_files(stack, "rules"))}
    return {**made, **files(rendered(stack))}


def test_a_renamed_metric_changes_everything_that_is_derived_alike(other_templates: Path) -> None:
    old, new = "http_requests", "web_answers"
    before = derived(default_stack())
    change(other_templates / "families" / "http.yaml", f"name: {old}_total", f"name: {new}_total")
    after = derived(default_stack())
    touched = {path for path, text in before.items() if old in text}
    assert {"grafana/dashboards/http.json", "prometheus/rules/cv-job-matching.http.yml"} <= touched
    assert {"rule-tests/cv-job-matching.http.yml", "rule-tests/cv-job-matching.slo-http-errors.yml"} <= touched
    assert {path: text.replace(old, new) for path, text in before.items()} == after
    contract = load_contract(assets.sample_contract())
    assert (contract.metric(f"{new}_total"), contract.metric(f"{old}_total")) != (None, None)
    assert contract.metric(f"{old}_total") is None
    assert "anchor" not in "".join(after.values())


@pytest.mark.parametrize(
    ("change_of", "message"),
    [
        (("jobs.yaml", "name: jobs.queue.depth", "name: jobs.waiting"), 'no metric "jobs.queue.depth"'),
        (("http.yaml", "ref: status", "ref: method_"), 'metric "http.requests" has no label "status"'),
        (("redis.yaml", "ref: operation", "ref: command"), 'no metric here has the label "operation"'),
    ],
)
def test_what_is_gone_is_refused_with_its_place(
    other_templates: Path, change_of: tuple[str, str, str], message: str
) -> None:
    file, old, new = change_of
    text = (other_templates / "families" / file).read_text("utf-8")
    (other_templates / "families" / file).write_text(
        text.replace(old, new).replace("driven: {route: route, method: method, status: status}", "driven: {}")
        + f"  - {{key: {new.split()[1]}, type: string, brief: x, stability: stable, examples: [x]}}\n"
    )
    change(other_templates / "slos" / "http-errors.yaml", 'status=~"5.."', 'method=~"5.."')
    stack = with_contract(load_contract(assets.sample_contract()))
    with pytest.raises(SpecError) as caught:
        dashboard_files(stack, "d", "jaeger")
    assert message in caught.value.message
    assert re.search(r"dashboards/[\w-]+\.yaml:\d+: ", caught.value.message)


def test_a_family_without_a_template_gets_a_page_of_its_own(other_templates: Path) -> None:
    shutil.copy(other_templates / "families" / "redis.yaml", other_templates / "families" / "cache.yaml")
    change(other_templates / "families" / "cache.yaml", "redis", "cache")
    contract = other_templates.parent / "contract.yaml"
    contract.write_text("version: 1\nservice: shop\ncomponents: [web]\nfamilies: [cache]\n")
    boards = {b.uid: b for b in stack_dashboards(with_contract(load_contract(contract)))}
    assert set(boards) == {"obsctl-cache", "obsctl-end-to-end"}
    assert [(p.title, p.type) for p in boards["obsctl-cache"].panels] == [
        ("Cache client errors", "timeseries"),
        ("Cache client duration: percentiles", "timeseries"),
        ("Cache client duration: rate", "timeseries"),
        ("Cache client duration: spread", "heatmap"),
    ]


def test_own_metrics_are_drawn_by_their_type() -> None:
    (board,) = (b for b in BOARDS if b.uid == "obsctl-own-shop")
    scope = 'service_namespace=~"$service", job=~"$job", instance=~"$instance"'
    found = {p.title: (p.unit, p.queries[-1].expr, p.may_be_empty) for p in board.panels}
    optional = "the contract does not require this metric."
    counted = f"(rate(parcel_bytes_count{{{scope}}}[$__rate_interval]))"
    buckets = f"pack_seconds_bucket{{{scope}}}[$__rate_interval]"
    assert found == {
        "Orders": ("cps", f"sum by (job, kind) (rate(orders_total{{{scope}}}[$__rate_interval]))", ""),
        "Stock": ("short", f"stock{{{scope}}}", ""),
        "Pack: percentiles": ("s", f"histogram_quantile(0.99, sum by (le) (rate({buckets}))) >= 0", ""),
        "Pack: rate": ("cps", f"sum by (job, kind) (rate(pack_seconds_count{{{scope}}}[$__rate_interval]))", ""),
        "Pack: spread": ("s", f"sum by (le) (increase({buckets}))", ""),
        "Parcel: mean": (
            "bytes",
            f"sum by (job) (rate(parcel_bytes_sum{{{scope}}}[$__rate_interval]))\n/\n(sum by (job) {counted} > 0)",
            optional,
        ),
        "Parcel: rate": ("cps", f"sum by (job) {counted}", optional),
    }


def test_a_metric_may_have_the_name_of_a_hole() -> None:
    metric = Metric("scope", MetricType.GAUGE, registry="scope", brief="b")
    board = next(
        b for b in stack_dashboards(with_contract(Contract("a", ("web",), metrics=(metric,)))) if "own" in b.uid
    )
    assert board.panels[0].queries[0].expr.startswith('scope{service_namespace=~"$service"')


def test_two_services_share_a_page_and_keep_their_own() -> None:
    other = Contract("depot", ("web",), metrics=(replace(EXTRA[0], name="depot_orders_total"),))
    boards = {b.uid: b for b in stack_dashboards(with_contract(SHOP.services[0].contract, other))}
    assert "depot_orders_total" in boards["obsctl-own-depot"].panels[0].queries[0].expr
    assert " orders_total" not in boards["obsctl-own-depot"].panels[0].queries[0].expr


METRICS = st.builds(
    Metric,
    name=st.from_regex(r"[a-z]{1,8}", fullmatch=True),
    type=st.sampled_from(MetricType),
    labels=st.lists(st.sampled_from("abc"), unique=True).map(tuple),
    unit=st.sampled_from(["s", "By", "1", "{order}", "", "%"]),
    required=st.booleans(),
    exemplars=st.booleans(),
).map(lambda m: replace(m, registry=m.name, brief="b"))


SEVERAL = st.lists(METRICS, min_size=1, max_size=30, unique_by=lambda m: m.name)
NAMES = st.from_regex(r"[a-z0-9-]{1,63}", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(SEVERAL, NAMES)
def test_any_metrics_make_a_page_that_holds_the_rules(metrics: list[Metric], service: str) -> None:
    stack = with_contract(Contract(service, ("web",), metrics=tuple(metrics)))
    board = next(b for b in stack_dashboards(stack) if b.uid != "obsctl-end-to-end")
    assert len(board.uid) <= 40
    folded = [p for p in board.panels if ".panels[" in p.path]
    shown = [p for p in board.panels if ".panels[" not in p.path]
    assert max(p.grid.y + p.grid.h for p in shown) <= TWO_SCREENS
    assert bool(folded) == (len(default_rows(metrics)) * 8 > TWO_SCREENS)
    cells = [
        (x, y)
        for p in board.panels
        for x in range(p.grid.x, p.grid.x + p.grid.w)
        for y in range(p.grid.y, p.grid.y + p.grid.h)
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < COLUMNS for x, _ in cells)
    for resolved in panel_queries(board, {}):
        parse(resolved.expr)
    assert {m.name for m in metrics} <= set(
        re.findall(r"[a-z]+", " ".join(q.expr for p in board.panels for q in p.queries))
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("families: [jobs]", "families: [job]", 'families[0]: unknown family "job"; did you mean "jobs"?'),
        ("  - height: 4\n", "  - height: 4\n    family: http\n", 'family "http" is not one of the dashboard'),
        ("title: Running now", "title: Running now\n        width: 5", "do not fill 24 columns evenly"),
        ("type: stat", "type: pie", "expected stat, timeseries"),
    ],
)
def test_a_bad_template_is_refused_with_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (assets.templates() / "dashboards" / "jobs.yaml").read_text("utf-8")
    assert old in text
    (tmp_path / "jobs.yaml").write_text(text.replace(old, new))
    with pytest.raises(SpecError) as caught:
        load_dashboard_template(tmp_path / "jobs.yaml")
    assert message in caught.value.message
    assert re.search(r"jobs\.yaml:\d+: ", caught.value.message)


def test_tables_have_no_option_that_a_version_of_grafana_lacks() -> None:
    """Grafana 13 has the footer in the fields, and no longer in the options of the panel."""
    options = look("table")["options"]
    assert isinstance(options, dict)
    assert set(options) <= {"cellHeight", "frameIndex", "showHeader", "sortBy"}
