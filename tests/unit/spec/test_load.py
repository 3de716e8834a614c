"""Good files become the values that other rooms work with."""

from __future__ import annotations

from pathlib import Path

import pytest

from obsctl.errors import Place, SpecError
from obsctl.spec.contract import Edge, LogRule, MetricType
from obsctl.spec.load import load_contract, load_family, load_stack
from obsctl.spec.stack import Component, url_host
from obsctl.spec.steps import Rise, Step
from tests.unit.spec.good import GOOD, write


def test_a_service_that_obsctl_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path))
    stack = load_stack(tmp_path)
    (service,) = stack.services

    assert (stack.name, stack.folder, stack.source) == ("shop", tmp_path, tmp_path / "obsctl.yaml")
    assert service.run == ""
    assert service.components == (
        Component("web", "http://127.0.0.1:5000"),
        Component("billing", "http://127.0.0.1:5001", ready=""),
    )
    assert service.drive == (
        Step(
            "order",
            "POST",
            "/orders",
            body={"item": "{nonce}"},
            expect=201,
            capture={"order_id": "id"},
            rises=(Rise("orders_total", {"kind": "book"}),),
        ),
        Step("read", "GET", "/orders/{order_id}", until={"state": "paid"}),
    )


def test_the_settings_of_a_stack(tmp_path):
    head = """version: 1
runtime: embedded
bind: "::1"
port_offset: 100
ports: {api: 8100}
scrape_interval: 500ms
retention: {age: 7d, size: 500MB}
"""
    stack = load_stack(write(tmp_path, obsctl=GOOD["obsctl.yaml"].replace("version: 1\n", head)))
    assert (stack.runtime, stack.bind, stack.scrape_interval) == ("embedded", "::1", 0.5)
    assert (stack.port_offset, stack.ports["api"], stack.ports["prometheus"]) == (100, 8200, 9190)
    assert (stack.retention.age, stack.retention.size) == (7 * 86400, 500 * 10**6)


def test_a_stack_is_named_after_its_folder_unless_it_says_otherwise(tmp_path):
    folder = tmp_path / "My Shop_2"
    folder.mkdir()
    assert load_stack(write(folder, obsctl=GOOD["obsctl.yaml"].replace("name: shop\n", "", 1))).name == "my-shop-2"


def test_a_relative_folder_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path))
    assert load_stack(Path()).folder == tmp_path


def test_a_link_to_nowhere_is_no_missing_file(tmp_path):
    (tmp_path / "obsctl.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(SpecError, match="no such file"):
        load_stack(tmp_path)


def test_log_globs_are_relative_to_the_folder_of_the_spec(tmp_path):
    text = GOOD["obsctl.yaml"].replace(', ready: ""', ", logs: logs/*.log")
    (service,) = load_stack(write(tmp_path, obsctl=text)).services
    assert service.components[1].logs == str(tmp_path / "logs" / "*.log")


def test_a_contract_becomes_its_values(tmp_path, monkeypatch):
    monkeypatch.chdir(write(tmp_path))
    contract = load_contract(tmp_path / "contract.yaml")
    orders, duration = contract.metrics
    (trace,) = contract.traces

    assert (orders.name, orders.type, orders.labels) == ("orders_total", MetricType.COUNTER, ("kind",))
    assert (duration.name, duration.type) == ("order_duration_seconds", MetricType.HISTOGRAM)
    assert (duration.buckets, duration.exemplars, duration.driven) == ((0.1, 1.0), True, {"route": "route"})
    assert duration.place == Place("contract.yaml", 9)
    assert trace.edges == (Edge("web", "billing"),)
    assert trace.spans[0].match == {"route": ("/orders",)}
    assert trace.spans[0].place == Place("contract.yaml", 19)
    assert contract.logs == LogRule(("trace_id",), ("web",), "POST /orders")
    assert contract.forbidden.attributes == ("*.email",)
    assert contract.request_id_header == "X-Request-Id"


def test_a_family_knows_its_name_and_who_must_expose_it(tmp_path):
    (metric,) = load_family(write(tmp_path) / "family.yaml", ("web",))
    assert (metric.family, metric.components, metric.required) == ("family", ("web",), True)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path, monkeypatch):
    bad = GOOD["obsctl.yaml"].replace("name: shop\n", "nme: shop\nruntime: x\n", 1).replace("expect: 201", "expect: 7")
    monkeypatch.chdir(write(tmp_path, obsctl=bad))
    with pytest.raises(SpecError) as caught:
        load_stack(tmp_path)
    assert [part.place.line for part in caught.value.parts] == [2, 3, 15]
    assert caught.value.message.count("\n") == 2


def test_mistakes_of_the_contract_are_told_with_those_of_the_stack(tmp_path, monkeypatch):
    stack = GOOD["obsctl.yaml"].replace("version: 1\n", "version: 1\nport_offset: 65000\n")
    contract = GOOD["contract.yaml"].replace("service: shop\n", "")
    monkeypatch.chdir(write(tmp_path, obsctl=stack, contract=contract))
    with pytest.raises(SpecError) as caught:
        load_stack(tmp_path)
    assert [part.place.file for part in caught.value.parts] == ["obsctl.yaml", "contract.yaml"]


def test_hundreds_of_mistakes_stay_readable(tmp_path):
    bad = "version: 1\n" + "".join(f"key{i}: 1\n" for i in range(300))
    with pytest.raises(SpecError) as caught:
        load_stack(write(tmp_path, obsctl=bad))
    assert caught.value.message.count("\n") == 20
    assert caught.value.message.endswith("and 280 more mistakes")


@pytest.mark.parametrize("name", [r'"\U00011af9x.yaml"', r'"a\u202eb.yaml"', r'"\u009b31m.yaml"'])
def test_the_name_of_a_file_that_is_not_there_is_safe_to_print(tmp_path, name):
    spec = GOOD["obsctl.yaml"].replace("contract.yaml", name)
    with pytest.raises(SpecError, match="there is no file") as caught:
        load_stack(write(tmp_path, obsctl=spec))
    assert (caught.value.message + caught.value.hint).isprintable()


def test_two_spec_files_are_one_too_many(tmp_path):
    (write(tmp_path) / "obsctl.yml").write_text("version: 1\n")
    with pytest.raises(SpecError, match="both"):
        load_stack(tmp_path)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match="there is no such folder"):
        load_stack(tmp_path / "none")


@pytest.mark.parametrize(
    ("bind", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")]
)
def test_a_wildcard_address_is_reached_on_loopback(bind, host):
    assert url_host(bind) == host


def test_only_what_is_required_is_asked_for(tmp_path):
    levels = "{ref: a}, {ref: b, requirement_level: required}, {ref: c, requirement_level: opt_in}"
    more = "{ref: d.e, requirement_level: {conditionally_required: if it failed}}"
    text = f"""\
version: 1
service: shop
components: [web]
metrics: [{{name: orders, instrument: counter, unit: "1", attributes: [{levels}, {more}]}}]
traces:
  - request: GET /
    components: [web]
    spans: [{{id: x, component: web, attributes: [z, {levels}, {more}]}}]
logs: {{fields: [z, {{ref: user, requirement_level: {{recommended: where there is one}}}}]}}
"""
    (tmp_path / "contract.yaml").write_text(text)
    contract = load_contract(tmp_path / "contract.yaml")
    (metric,), (trace,) = contract.metrics, contract.traces
    assert (metric.labels, metric.optional) == (("a", "b", "c", "d_e"), {"c", "d_e"})
    assert trace.spans[0].attributes == ("z", "a", "b")
    assert contract.logs.fields == ("z",)
    assert (metric.label_fault({"a", "b"}), metric.label_fault({"a", "c", "x"})) == ("", "lacks b and has x too")
