"""Every kind of finding. ``docs/check.md`` documents them in this order; ``obsctl check --list`` shows them."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.lint.finding import Rule, Severity

_E, _W, _I = Severity

RULES: tuple[Rule, ...] = (
    Rule("spec.invalid", _E, "a mistake in the spec, a contract, a family or an SLO", "docs/spec.md lists every key"),
    Rule(
        "contract.label-cardinality",
        _W,
        "a label that has a value for every user, request or path",
        "put it on spans and logs instead, where it costs no series",
    ),
    Rule(
        "contract.no-budget",
        _I,
        "a metric with labels and no series budget",
        "add `series_budget:`, so that growth is noticed",
    ),
    Rule(
        "contract.small-budget",
        _E,
        "a series budget that one histogram alone exceeds",
        "raise `series_budget:`, or have fewer buckets",
    ),
    Rule("rules.syntax", _E, "a rule file that Prometheus would refuse", "`promtool check rules FILE` says more"),
    Rule("rules.duplicate", _E, "the same rule twice", "remove one of them"),
    Rule(
        "rules.record-name",
        _I,
        "a recording rule that is not named level:metric:operations",
        "the colons tell a recorded series from a scraped one",
    ),
    Rule("alert.no-comparison", _W, "an alert that fires whenever there is data", "compare with a limit"),
    Rule(
        "alert.absent-wait",
        _W,
        "absent() with a `for` shorter than two scrapes",
        "one failed scrape must not fire it; lengthen `for:`",
    ),
    Rule("alert.no-severity", _W, "an alert without a severity label", "routes go by it: add `severity:`"),
    Rule("alert.no-summary", _W, "an alert without a summary", "add the annotation `summary:`, one line for people"),
    Rule("alert.no-runbook", _I, "an alert without a runbook", "add the annotation `runbook_url:`"),
    Rule(
        "alert.template-label",
        _E,
        "a template that shows a label which the alert does not have",
        "keep the label in the expression, or leave it out of the text",
    ),
    Rule(
        "alert.template-syntax",
        _E,
        "a template that is not Go's, or uses a function that Prometheus does not have",
        'Prometheus refuses the whole file; write {{ $labels.job }}, or {{ query "up" | first | value }}',
    ),
    Rule("promql.syntax", _E, "an expression that is not PromQL", "Prometheus refuses the whole file"),
    Rule(
        "promql.unknown-metric",
        _E,
        "a metric that no contract and no rule has",
        "correct the name, declare the metric in the contract, or list it under `check: external:`",
    ),
    Rule(
        "promql.unknown-label",
        _E,
        "a label that the metric does not have",
        "correct the name, or list labels of your scrape configuration under `check: labels:`",
    ),
    Rule("promql.unknown-bucket", _E, "a bucket bound that the histogram does not have", "use one of the contract's"),
    Rule(
        "promql.dropped-label", _E, "a label that an inner aggregation has dropped", "keep it in the inner aggregation"
    ),
    Rule(
        "promql.mismatched-labels",
        _E,
        "two sides whose labels differ, so that nothing matches",
        "say which labels count: on (…) or ignoring (…)",
    ),
    Rule(
        "promql.rate-on-gauge",
        _E,
        "rate() and the like on something that also falls",
        "use deriv() or delta() on a gauge",
    ),
    Rule(
        "promql.delta-on-counter", _W, "delta() or deriv() on a counter", "counters are reset: use increase() or rate()"
    ),
    Rule(
        "promql.rate-of-aggregate", _E, "a rate over an aggregate", "rate first, then sum: a restart looks like a peak"
    ),
    Rule("promql.short-range", _E, "a range shorter than two scrapes", "a range of four scrapes survives a failed one"),
    Rule(
        "promql.quantile-without-le",
        _E,
        "histogram_quantile() without the buckets",
        "keep le: sum by (le, …) (rate(…))",
    ),
    Rule("promql.quantile-range", _E, "a quantile that is not from 0 to 1", "0.95 is the 95th percentile"),
    Rule(
        "promql.bare-counter",
        _W,
        "a counter that is compared, divided or shown without a rate",
        "use rate() or increase(): a counter starts anew with its process",
    ),
    Rule("promql.needless-regex", _I, "a regular expression that is plain text", "use = or !=, which is cheaper"),
    Rule("logql.syntax", _E, "a log query that is not LogQL", "the panel shows an error in place of logs"),
    Rule(
        "logql.unknown-label",
        _E,
        "a label in a log selector that no stream has",
        "select by service_name or another label of streams; what a line says goes after the braces: | field = …",
    ),
    Rule(
        "logql.unknown-field",
        _W,
        "a field of log lines that no contract names",
        "correct the name, or add the field to `logs: fields:` of the contract",
    ),
    Rule("logql.unwrap-text", _E, "unwrap on a field that is no number", "unwrap a duration, a size or a count"),
    Rule(
        "logql.short-range",
        _E,
        "a range of log lines shorter than the interval between two looks",
        "lines in between are never counted: make the range at least as long",
    ),
    Rule("dashboard.syntax", _E, "a file that is no dashboard", "export it from the dashboard's settings as JSON"),
    Rule(
        "dashboard.template-datasource",
        _W,
        "a dashboard that is tied to a data source of somebody else",
        "name a provisioned uid, or add a variable of type datasource",
    ),
    Rule(
        "dashboard.unknown-variable", _E, "a variable in a query that the dashboard does not have", "add the variable"
    ),
    Rule("dashboard.template-label-promql", _E, "a variable whose query is not valid", "such as label_values(up, job)"),
    Rule(
        "dashboard.template-on-time-change-reload",
        _W,
        "a query variable that does not follow the time range",
        "set `refresh` to 2",
    ),
    Rule("dashboard.panel-datasource", _W, "a panel without a data source", "name one in the panel or its queries"),
    Rule(
        "dashboard.panel-title-description",
        _W,
        "a panel without title or description",
        "say what it shows and what is normal",
    ),
    Rule("dashboard.panel-units", _W, "a panel without a unit", "set `fieldConfig.defaults.unit`"),
    Rule("dashboard.panel-no-targets", _W, "a panel that asks for nothing", "give it a query, or remove it"),
    Rule(
        "dashboard.target-rate-interval",
        _W,
        "a rate over a fixed range",
        "use [$__rate_interval], which follows the zoom and the scrape interval",
    ),
    Rule("dashboard.target-logql-auto", _W, "a log query over a fixed range", "use [$__auto], which follows the zoom"),
    Rule(
        "dashboard.target-scope",
        _W,
        "a query that is about every service at once",
        "select by job, instance, service_namespace, or a variable",
    ),
    Rule(
        "dashboard.uneditable", _I, "a dashboard that can be edited where it is provisioned", "set `editable` to false"
    ),
    Rule("scrape.syntax", _E, "a line that is not in the exposition format", "the whole scrape is refused"),
    Rule("scrape.help", _W, "a metric without help text", "say in a sentence what it counts"),
    Rule(
        "scrape.unit",
        _W,
        "a unit that is not a base unit",
        "seconds, bytes, meters, grams, celsius, joules, volts, amperes",
    ),
    Rule("scrape.unit-abbreviation", _W, "an abbreviated unit", "write it out: seconds, bytes"),
    Rule(
        "scrape.counter-total",
        _W,
        "a counter without _total, or _total on something else",
        "only counters end in _total",
    ),
    Rule(
        "scrape.reserved-suffix",
        _W,
        "a suffix or label that belongs to histograms and summaries",
        "choose another name",
    ),
    Rule("scrape.type-in-name", _W, "the type in a metric's name", "types are in the TYPE line"),
    Rule("scrape.reserved-chars", _W, "a colon in a metric's name", "colons are for recording rules"),
    Rule("scrape.camel-case", _W, "camelCase in a name or a label", "write snake_case"),
    Rule("scrape.duplicate", _E, "the same series twice", "one of the two is thrown away"),
    Rule("scrape.type", _E, "a metric whose type is not the contract's", "mend the service or the contract"),
    Rule("scrape.labels", _E, "a metric whose labels are not the contract's", "mend the service or the contract"),
    Rule("scrape.buckets", _E, "a histogram whose buckets are not the contract's", "mend the service or the contract"),
    Rule("scrape.series-budget", _E, "more series than the contract allows", "find the label with too many values"),
    Rule("rule-tests.failed", _E, "a generated rule or rule test that promtool refuses", "this is a mistake of obsctl"),
    Rule("check.stale-suppression", _E, "a suppression that nothing needs", "remove it from obsctl.yaml"),
)
"""All of them, in the order of the page."""

BY_ID: Mapping[str, Rule] = {rule.id: rule for rule in RULES}
