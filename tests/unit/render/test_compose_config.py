"""What the configuration of each product says, for every choice: that the parts fit together."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from obsctl.access.options import ScrapeOptions
from obsctl.render.files import aligned
from obsctl.render.logpaths import METADATA_FIELDS
from obsctl.spec.contract import Forbidden
from obsctl.spec.presets import preset_names
from tests.read_yaml import read_yaml
from tests.unit.render.stacks import default_stack, files, rendered
from tests.unit.render.test_compose import every_choice, every_preset, made

CORRELATED = {"metrics", "logs", "traces"}
SCRAPER = {"prometheus": "prometheus/prometheus.yml", "victoriametrics": "victoriametrics/scrape.yml"}
TRACES_IN = {
    "jaeger": "http://jaeger:4318",
    "tempo": "http://tempo:4318",
    "victoriatraces": "http://victoriatraces:10428/insert/opentelemetry",
}
TRACES_READ_AS = {"jaeger": "jaeger", "tempo": "tempo", "victoriatraces": "jaeger"}
"""The type of Grafana's data source."""


def config(choices: dict[str, Any], path: str) -> dict[str, Any]:
    text = read_yaml(files(made(choices))[path])
    assert isinstance(text, dict)
    return text


@every_choice
def test_the_collector_refers_to_what_it_has_in_the_right_order(choices: dict[str, Any]) -> None:
    collector = config(choices, "collector/config.yaml")
    service = collector["service"]
    assert set(service["extensions"]) == set(collector["extensions"])
    used: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for name, pipeline in service["pipelines"].items():
        for kind, seen in used.items():
            seen |= set(pipeline[kind])
        order = pipeline["processors"]
        assert order[0] == "memory_limiter", name
        assert order[-1] == "batch", name
        assert any(step.endswith("/scrub") for step in order), name
        assert ("debug" in pipeline["exporters"]) == choices["debug"], name
    assert used == {kind: set(collector[kind]) for kind in used}
    assert set(service["pipelines"]) == {"traces", "metrics"} | ({"logs"} if choices["preset"] == "current" else set())


@every_choice
def test_the_collector_finds_its_addresses_in_its_environment(choices: dict[str, Any]) -> None:
    composition = made(choices)
    asked = set(re.findall(r"\$\{env:(\w+)\}", files(composition)["collector/config.yaml"]))
    given = next(c.environment for c in composition.containers if c.name == "otel-collector")
    assert asked == set(given) - {"GOMEMLIMIT"}
    assert given["TRACES_ENDPOINT"] == TRACES_IN[choices["traces"]]


@every_preset
def test_what_a_contract_forbids_is_scrubbed(preset: str) -> None:
    stack = default_stack(preset=preset)
    (service,) = stack.services
    collector = read_yaml(files(rendered(stack))["collector/config.yaml"])["processors"]
    keys = [re.compile(a["pattern"].replace("$$", "$")) for a in collector["attributes/scrub"]["actions"]]
    for glob in service.contract.forbidden.attributes:
        assert any(key.match(glob.replace("*", "x")) for key in keys), glob
    assert not any(key.match(name) for key in keys for name in ("route", "job_id", "user_email", "xuser.email."))
    if preset == "current":
        patterns = list(service.contract.forbidden.patterns.values())
        assert sorted(collector["redaction/scrub"]["blocked_values"]) == sorted(patterns)


def test_what_a_contract_does_not_forbid_needs_no_processor() -> None:
    stack = default_stack()
    (service,) = stack.services
    free = replace(service, contract=replace(service.contract, forbidden=Forbidden()))
    collector = read_yaml(files(rendered(replace(stack, services=(free,))))["collector/config.yaml"])
    assert set(collector["processors"]) == {"memory_limiter", "transform/service", "batch"}


@every_choice
def test_everything_of_the_stack_is_scraped_under_its_name(choices: dict[str, Any]) -> None:
    prometheus = config(choices, SCRAPER[choices["metrics"]])
    jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
    assert list(jobs) == ["api", "worker", "ai", "obsctl/stack"]
    assert jobs["api"]["static_configs"] == [
        {"targets": ["api:8000"], "labels": {"service_namespace": "cv-job-matching"}}
    ]
    own = {c["labels"]["job"]: c["targets"] for c in jobs["obsctl/stack"]["static_configs"]}
    stores = {"postgres", "redis", "qdrant", "api", "worker", "ai"}
    assert set(own) == {c.name for c in made(choices).containers} - stores
    assert own["otel-collector"] == ["otel-collector:8888"]
    if choices["metrics"] == "prometheus":
        assert ("alerting" in prometheus) == choices["alerting"]
    else:
        notifiers = config(choices, "vmalert/notifiers.yml")
        assert bool(notifiers.get("static_configs")) == choices["alerting"]


def test_how_a_service_is_scraped_is_what_the_spec_says_and_nothing_more() -> None:
    stack = default_stack()
    (service,) = stack.services
    told = replace(service, scrape=ScrapeOptions(honor_labels=True, honor_timestamps=False, sample_limit=7))

    def jobs(one: Any) -> list[dict[str, Any]]:
        found = files(rendered(replace(stack, services=(one,))))["prometheus/prometheus.yml"]
        return list(read_yaml(found)["scrape_configs"])

    options = {"honor_labels": True, "honor_timestamps": False, "sample_limit": 7}
    *targets, own = jobs(service)
    assert jobs(told) == [*({**job, **options} for job in targets), own]


@every_choice
def test_ids_of_log_lines_are_metadata_unless_the_spec_says_labels(choices: dict[str, Any]) -> None:
    if choices["shipper"] == "none":
        assert not {"alloy/config.alloy", "promtail/config.yaml"} & set(files(made(choices)))
        return
    labels, metadata = shipped(choices)
    ids = set(METADATA_FIELDS)
    assert labels == {"level"} | (ids if choices["log_ids"] == "labels" else set())
    assert metadata == (set() if choices["log_ids"] == "labels" else ids)
    loki = config(choices, "loki/config.yaml")
    assert loki["limits_config"]["allow_structured_metadata"] is True
    assert loki["schema_config"]["configs"][-1]["schema"] == "v13"
    assert ("max_global_streams_per_user" in loki["limits_config"]) == (choices["log_ids"] == "labels")


def shipped(choices: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Which fields of a line become labels, and which structured metadata."""
    if choices["shipper"] == "promtail":
        stages = config(choices, "promtail/config.yaml")["scrape_configs"][0]["pipeline_stages"]
        merged = {name: stage for entry in stages for name, stage in entry.items()}
        return set(merged["labels"]), set(merged.get("structured_metadata", ()))
    text = files(made(choices))["alloy/config.alloy"]
    blocks = {
        name: set(re.findall(r"^\s+(\w+) += \"\",$", body, re.MULTILINE))
        for name, body in re.findall(r"stage\.(\w+) \{\n(.*?)\n\t\}", text, re.DOTALL)
    }
    return blocks["labels"], blocks.get("structured_metadata", set())


@every_choice
def test_data_sources_lead_to_each_other(choices: dict[str, Any]) -> None:
    sources = {s["uid"]: s for s in config(choices, "grafana/provisioning/datasources/stack.yaml")["datasources"]}
    assert set(sources) == CORRELATED | ({"alerts"} if choices["alerting"] else set())
    assert sources["traces"]["type"] == TRACES_READ_AS[choices["traces"]]
    metrics, logs, traces = (sources[uid]["jsonData"] for uid in ("metrics", "logs", "traces"))
    if choices["metrics"] == "prometheus":
        assert {d.get("datasourceUid", "traces") for d in metrics["exemplarTraceIdDestinations"]} == {"traces"}
        assert {d["name"] for d in metrics["exemplarTraceIdDestinations"]} == {"trace_id", "traceID"}
    else:
        assert "exemplarTraceIdDestinations" not in metrics  # this store keeps none
    assert {d.get("datasourceUid", "traces") for d in logs["derivedFields"]} == {"traces"}
    assert len({d["name"] for d in logs["derivedFields"]}) == len(logs["derivedFields"])
    assert traces["tracesToLogsV2"]["datasourceUid"] == "logs"
    assert traces["tracesToMetrics"]["datasourceUid"] == "metrics"
    assert len(traces["tracesToMetrics"]["queries"]) == 3
    assert ("alertmanagerUid" in metrics) == choices["alerting"]
    addresses = {f"http://{c.name}:{p.inside}" for c in made(choices).containers for p in c.ports}
    assert {"/".join(s["url"].split("/")[:3]) for s in sources.values()} <= addresses


@every_choice
def test_a_dollar_of_a_data_source_is_doubled(choices: dict[str, Any]) -> None:
    text = files(made(choices))["grafana/provisioning/datasources/stack.yaml"]
    bare = [line for line in text.splitlines() if re.search(r"(?<!\$)\$(?!\$)", line.split("#")[0])]
    assert not bare


@every_choice
def test_the_dashboard_shows_a_trace_and_its_lines(choices: dict[str, Any]) -> None:
    board = json.loads(files(made(choices))["grafana/dashboards/end-to-end.json"])
    sources, identity = board["templating"]["list"]
    assert (sources["current"]["value"], identity["name"]) == ("logs", "trace_id")
    trace, logs = board["panels"][:2]
    (target,) = trace["targets"]
    assert (trace["type"], target["query"], target["datasource"]["type"]) == (
        "traces",
        "${trace_id}",
        TRACES_READ_AS[choices["traces"]],
    )
    assert ("queryType" in target) == (choices["traces"] == "tempo")
    assert "${trace_id}" in logs["targets"][0]["expr"]
    assert {p["datasource"]["uid"] for p in board["panels"]} == {"traces", "${loki_datasource}"}


@pytest.mark.parametrize("preset", preset_names())
def test_every_file_says_why_it_is_there(preset: str) -> None:
    for path, text in files(made({"preset": preset})).items():
        if not path.endswith(".json"):
            assert text.startswith(("#", "//", ";")), path


@pytest.mark.parametrize(("tag", "ends"), [("2.4.0", False), ("2.5.0", False), ("2.10.1", False), ("3.0.3", True)])
def test_tempo_ends_before_it_is_killed_from_the_version_on_that_can_be_told(tag: str, ends: bool) -> None:
    """Docker gives ten seconds. Before 3.0 the key is unknown, and Tempo does not start with it."""
    choices = {"preset": "current", "traces": "tempo", "images": {"tempo": f"grafana/tempo:{tag}"}}
    tempo = read_yaml(files(rendered(default_stack(**choices)))["tempo/tempo.yaml"])
    assert tempo.pop("backend_worker", None) == ({"finish_on_shutdown_timeout": "5s"} if ends else None)
    assert tempo.pop("query_frontend", None) == ({"query_end_cutoff": "0s"} if ends else None)
    assert tempo.pop("live_store", None) == ({"fail_on_high_lag": False} if ends else None)


@every_preset
def test_a_line_that_is_too_long_for_loki_is_cut_instead_of_lost(preset: str) -> None:
    limits = read_yaml(files(rendered(default_stack(preset=preset)))["loki/config.yaml"])["limits_config"]
    assert (limits["max_line_size"], limits["max_line_size_truncate"]) == ("256KB", True)


@every_choice
def test_the_shippers_file_is_as_alloy_fmt_writes_it(choices: dict[str, Any]) -> None:
    """Tabs, and the signs of consecutive assignments below each other, in blocks and in objects."""
    text = files(made(choices)).get("alloy/config.alloy", "")
    assert not re.search(r"^\t* +|\s$(?<!\n)|\n\n\n", text, re.MULTILINE)
    assert aligned(text) == text


def test_assignments_are_aligned_up_to_a_value_of_several_lines() -> None:
    uneven = "a {\n\tx = 1\n\tlonger = {\n\t\tone = 1,\n\t\tthree   = 3,\n\t}\n\ty = 2\n\n\tlast = 3\n}\n"
    even = "a {\n\tx      = 1\n\tlonger = {\n\t\tone   = 1,\n\t\tthree = 3,\n\t}\n\ty = 2\n\n\tlast = 3\n}\n"
    assert aligned(uneven) == even


@every_choice
def test_ids_of_records_that_come_by_otlp_become_labels_where_the_spec_says_so(choices: dict[str, Any]) -> None:
    """Loki makes labels of attributes of the resource alone, so that the collector puts the ids there."""
    if choices["preset"] == "seed":
        return  # its collector takes no logs
    labels = choices["log_ids"] == "labels"
    collector, loki = config(choices, "collector/config.yaml"), config(choices, "loki/config.yaml")
    steps = collector["service"]["pipelines"]["logs"]["processors"]
    assert [step for step in steps if step.endswith("/ids")] == (
        ["transform/ids", "groupbyattrs/ids"] if labels else []
    )
    others = [step for step in steps if not step.endswith("/ids")]
    assert others == collector["service"]["pipelines"]["traces"]["processors"]
    (rule,) = loki["limits_config"]["otlp_config"]["resource_attributes"]["attributes_config"] if labels else [None]
    if labels:
        assert rule == {"action": "index_label", "attributes": list(METADATA_FIELDS)}
        assert collector["processors"]["groupbyattrs/ids"] == {"keys": list(METADATA_FIELDS)}
