"""Every dashboard that is rendered, held to what the pages say they can draw.

They say it in ``ui/src/pages/dashboards/drawable.json``, which their own tests hold to their code.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obsctl import assets
from obsctl.render.dashboards import dashboard_files
from obsctl.spec.contract import Contract, Kind, Metric, MetricType
from obsctl.spec.contract_load import load_contract, load_family
from obsctl.spec.kind_files import KindFile, kind_files
from obsctl.spec.load import family_names
from obsctl.spec.presets import preset_names
from obsctl.spec.stack import Component, Service, Stack
from tests.unit.render.stacks import default_stack

PAGES = Path(__file__).resolve().parents[3] / "ui" / "src" / "pages" / "dashboards"
DRAWABLE: Mapping[str, Any] = json.loads((PAGES / "drawable.json").read_text(encoding="utf-8"))
UNITS = frozenset(
    re.findall(r"^  (\w+):", (PAGES.parents[1] / "shared" / "units.ts").read_text(encoding="utf-8"), re.MULTILINE)
)
OWN = tuple(
    Metric(f"own_{kind.value}", kind, "b", unit, ("a",), exemplars=True, registry=f"own_{kind.value}")
    for kind, unit in zip(MetricType, ("s", "By", "%", "{order}", ""), strict=False)
)

Board = Mapping[str, Any]


def stack_of(contract: Contract) -> Stack:
    service = Service(contract.service, contract, (Component("web", "http://127.0.0.1:5000"),))
    return replace(default_stack(), services=(service,))


def kind_stack(file: KindFile) -> Stack:
    """A service whose metrics have the names of a library."""
    family = {m.registry: m for m in load_family(assets.templates() / "families" / f"{file.kind}.yaml", ())}
    metrics = tuple(replace(family[part], name=series[0].replace("*", "x")) for part, series in file.metrics.items())
    labels = {label: names[0] for label, names in file.labels.items()}
    return stack_of(Contract("shop", ("web",), metrics=metrics, kinds=(Kind(file.kind, metrics, labels),)))


def family_stack(family: str, folder: Path) -> Stack:
    path = folder / f"{family}.yaml"
    path.write_text(f"version: 1\nservice: shop\ncomponents: [web]\nfamilies: [{family}]\n")
    return stack_of(load_contract(path))


def other_stacks(folder: Path) -> Iterator[Stack]:
    """Every family alone, every library's names, and metrics of every type that no family has."""
    yield default_stack(log_ids="labels")
    yield from (family_stack(family, folder) for family in family_names())
    yield from map(kind_stack, kind_files())
    yield stack_of(Contract("shop", ("web",), metrics=OWN))


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Board]:
    """Every dashboard of every preset and of other stacks; those with the same text once."""
    folder = tmp_path_factory.mktemp("contracts")
    usual = ((default_stack(preset=preset), traces) for preset in preset_names() for traces in ("jaeger", "tempo"))
    wanted = itertools.chain(usual, ((stack, "jaeger") for stack in other_stacks(folder)))
    made = (dashboard_files(stack, "d", traces) for stack, traces in wanted)
    return [json.loads(text) for text in dict.fromkeys(file.text for files in made for file in files)]


def panels(boards: Sequence[Board]) -> Iterator[Mapping[str, Any]]:
    for board in boards:
        for panel in board["panels"]:
            yield panel
            yield from panel.get("panels", ())


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for inner in value.values() for text in strings(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in strings(inner))


def questions(board: Board) -> list[object]:
    return [variable.get("definition") for variable in board["templating"]["list"]]


def listed(name: str) -> set[str]:
    return set(DRAWABLE[name])


def test_all_that_can_be_rendered_is_looked_at(boards: Sequence[Board]) -> None:
    assert {"obsctl-http", "obsctl-slo", "obsctl-own-shop", "obsctl-end-to-end"} <= {board["uid"] for board in boards}
    assert {panel["type"] for panel in panels(boards)} >= {"stat", "timeseries", "table", "heatmap", "logs", "traces"}


def test_every_panel_is_of_a_type_that_is_drawn(boards: Sequence[Board]) -> None:
    assert {panel["type"] for panel in panels(boards)} <= listed("panels")


def test_every_data_source_is_one_of_the_stack(boards: Sequence[Board]) -> None:
    sources = {target["datasource"]["type"] for panel in panels(boards) for target in panel.get("targets", ())}
    assert sources <= listed("sources")


def test_every_transformation_is_known_and_of_a_table(boards: Sequence[Board]) -> None:
    used = [(panel["type"], step["id"]) for panel in panels(boards) for step in panel.get("transformations", ())]
    assert used
    assert {kind for kind, _ in used} == {"table"}
    assert {step for _, step in used} <= listed("transformations")


def test_every_variable_is_filled_in(boards: Sequence[Board]) -> None:
    variables = [variable for board in boards for variable in board["templating"]["list"]]
    assert {variable["type"] for variable in variables} <= listed("variables")
    asked = {v["definition"].partition("(")[0] for v in variables if v["type"] == "query"}
    assert asked
    assert asked <= listed("questions")


def test_every_reference_is_a_variable_or_a_macro_that_is_filled_in(boards: Sequence[Board]) -> None:
    for board in boards:
        own = {variable["name"] for variable in board["templating"]["list"]}
        for text in strings([board["panels"], questions(board), board["annotations"], board["links"]]):
            for plain, braces in re.findall(r"\$(?:(\w+)|\{([\w.]+)[^}]*\})", text):
                name = plain or braces
                known = name in own or name in listed("macros") or name.startswith(tuple(DRAWABLE["clicked"]))
                assert known, f"{board['uid']}: ${name} in {text!r}"


def test_every_unit_is_known(boards: Sequence[Board]) -> None:
    used = {
        unit
        for panel in panels(boards)
        for unit in (panel.get("fieldConfig", {}).get("defaults", {}).get("unit"),)
        if unit is not None
    }
    assert used
    assert used <= UNITS


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("stacking", ("fieldConfig", "defaults", "custom", "stacking", "mode")),
        ("drawStyles", ("fieldConfig", "defaults", "custom", "drawStyle")),
        ("thresholdsStyles", ("fieldConfig", "defaults", "custom", "thresholdsStyle", "mode")),
        ("scales", ("fieldConfig", "defaults", "custom", "scaleDistribution", "type")),
        ("legends", ("options", "legend", "displayMode")),
        ("calcs", ("options", "legend", "calcs")),
        ("calcs", ("options", "reduceOptions", "calcs")),
    ],
)
def test_every_option_has_a_value_that_is_drawn(boards: Sequence[Board], where: str, path: Sequence[str]) -> None:
    used: set[str] = set()
    for panel in panels(boards):
        value: Any = panel
        for step in path:
            value = value.get(step, {}) if isinstance(value, dict) else {}
        used |= set(strings(value))
    assert used
    assert used <= listed(where)


def test_every_format_of_an_answer_is_known(boards: Sequence[Board]) -> None:
    used = {target["format"] for p in panels(boards) for target in p.get("targets", ()) if "format" in target}
    assert used
    assert used <= listed("formats")


def test_every_field_that_is_overridden_is_found(boards: Sequence[Board]) -> None:
    overrides = [o for panel in panels(boards) for o in panel.get("fieldConfig", {}).get("overrides", ())]
    assert {override["matcher"]["id"] for override in overrides} <= listed("matchers")


def test_every_link_leads_to_a_page_or_to_the_web(boards: Sequence[Board]) -> None:
    fields = [panel.get("fieldConfig", {}).get("defaults", {}) for panel in panels(boards)]
    links = [link for holder in (*fields, *boards) for link in holder.get("links", ())]
    urls = [link["url"] for link in links if link["url"]]
    assert urls
    assert not [url for url in urls if not url.startswith(tuple(DRAWABLE["links"]))]
