"""What templates of alerts may use: Go's functions, Prometheus' own, and the variables that Prometheus prepares.

Sources: pkg.go.dev/text/template ("Functions"), and prometheus.io/docs/prometheus ("Template reference"), 3.14.
"""

from __future__ import annotations

from collections.abc import Mapping

GO_FUNCTIONS = frozenset(
    (
        *("and", "call", "html", "index", "slice", "js", "len", "not", "or", "print", "printf", "println", "urlquery"),
        *("eq", "ge", "gt", "le", "lt", "ne"),
    )
)

PROMETHEUS_FUNCTIONS = frozenset(
    (
        *("query", "first", "label", "value", "strvalue", "sortByLabel", "args"),
        *("humanize", "humanize1024", "humanizeDuration", "humanizePercentage", "humanizeTimestamp"),
        *("toTime", "toDuration", "parseDuration", "now"),
        *("title", "toUpper", "toLower", "match", "reReplaceAll", "safeHtml", "urlQueryEscape"),
        *("stripPort", "stripDomain", "graphLink", "tableLink", "externalURL", "pathPrefix"),
    )
)

ALERT_FUNCTIONS = GO_FUNCTIONS | PROMETHEUS_FUNCTIONS

ALERT_VARIABLES: Mapping[str, str] = {
    "$labels": "Labels",
    "$externalLabels": "ExternalLabels",
    "$externalURL": "ExternalURL",
    "$value": "Value",
}
"""Variables that stand for fields of what a template is about, for people who do not know Go."""
