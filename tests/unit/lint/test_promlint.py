"""What the real ``promtool check metrics`` finds in a scrape, and what we find: the same, for the same reasons."""

from __future__ import annotations

import re
import subprocess

import pytest

from obsctl.lint.scrape import scrape_findings
from tests.unit.lint.test_findings import cases
from tests.unit.render.test_compose_validators import tool

REASONS = {
    "no help text": "scrape.help",
    "use base unit": "scrape.unit",
    "abbreviated units": "scrape.unit-abbreviation",
    '"_total" suffix': "scrape.counter-total",
    "suffix": "scrape.reserved-suffix",
    'have "le" label': "scrape.reserved-suffix",
    'have "quantile" label': "scrape.reserved-suffix",
    "should not include type": "scrape.type-in-name",
    "contain ':'": "scrape.reserved-chars",
    "snake_case": "scrape.camel-case",
}
"""Part of promtool's sentence -> our id; the first that fits."""

NAMES = [
    *("a", "a_total", "a_bytes", "a_megabytes", "a_hours_total", "a_kb", "s_a", "a_s_total", "a_summary", "gauge_a"),
    *("a_gauge_x", "a_bucket", "a_count", "a_sum", "aB", "a:b", "a_fahrenheit", "a_kelvins", "a_ms_bucket", "a_Total"),
    *("a_nanoseconds_total", "a_bits", "a_decades", "a_centimeters", "a_days_old", "a_milli_volts", "seconds", "days"),
    *("a_histogram_seconds", "a_counter_total", "my_gib", "disk_gb_free", "a_GB", "kilograms_a", "a_info", "a_b_c_d"),
]
TYPES = ["counter", "gauge", "untyped", "histogram", "summary"]
OURS = {"scrape.duplicate", "scrape.type", "scrape.labels", "scrape.buckets", "scrape.series-budget"}
"""What promtool does not look at; newer versions do look for duplicates."""


def series(name: str, kind: str) -> str:
    parts = {
        "histogram": [f'{name}_bucket{{le="+Inf"}} 1', f"{name}_sum 1", f"{name}_count 1"],
        "summary": [f'{name}{{quantile="0.5"}} 1', f"{name}_sum 1", f"{name}_count 1"],
    }.get(kind, [f"{name} 1"])
    return "".join(f"{line}\n" for line in [f"# HELP {name} A.", f"# TYPE {name} {kind}", *parts])


def of_promtool(text: str) -> set[tuple[str, str]]:
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, timeout=20, check=False
    )
    lines = [line for line in done.stderr.splitlines() if re.match(r"[\w:]+ ", line)]
    return {(line.split()[0], next(i for part, i in REASONS.items() if part in line)) for line in lines}


def of_ours(text: str) -> set[tuple[str, str]]:
    return {(f.target, f.rule.id) for f in scrape_findings(text, "x") if f.rule.id not in OURS}


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize("kind", TYPES)
def test_promtool_finds_the_same_in_names(kind: str) -> None:
    parts = ("_bucket", "_count", "_sum") if kind in ("histogram", "summary") else ()  # they would be parts of `a`
    text = "".join(series(name, kind) for name in NAMES if not name.endswith(parts))
    assert of_ours(text) == of_promtool(text)


NOT_PROMTOOLS = ("# EOF", "_created", '{"')
"""What `promtool check metrics` reads otherwise: its parser knows no OpenMetrics, nor quoted names before version 3."""

WELL_FORMED = [case for case in cases("scrapes") if "scrape.syntax" not in case.values[0]["finds"]]


@pytest.mark.usefixtures("starts_programs")
@pytest.mark.parametrize("case", [c for c in WELL_FORMED if not any(s in c.values[0]["text"] for s in NOT_PROMTOOLS)])
def test_promtool_finds_the_same_in_the_cases(case: dict[str, str]) -> None:
    assert of_ours(case["text"]) == of_promtool(case["text"])
