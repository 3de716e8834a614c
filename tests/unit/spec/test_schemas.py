"""The JSON Schemas that ship, held against a validator that is not ours: they take what obsctl takes, key by key."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from obsctl import assets
from obsctl.schema.source import plain
from obsctl.spec.load import FILES
from obsctl.spec.yaml_source import parse_yaml, read_yaml
from tests.unit.spec.good import BAD_SPECS
from tests.unit.spec.regenerate import schema_path

VALIDATORS = {file: Draft202012Validator(json.loads(schema_path(file).read_text(encoding="utf-8"))) for file in FILES}
SCHEMAS = {"obsctl.yaml": "obsctl.yaml", "contract.yaml": "contract.yaml", "family.yaml": "families"}
VALID = [
    *(("obsctl.yaml", assets.templates() / "stacks" / name) for name in ("default.yaml", "init/obsctl.yaml")),
    ("contract.yaml", assets.sample_contract()),
    *(("families", path) for path in sorted((assets.templates() / "families").glob("*.yaml"))),
    *((SCHEMAS[path.name], path) for path in sorted((BAD_SPECS / "good").iterdir())),
]
CASES = [path for group in ("contract", "family", "stack") for path in sorted((BAD_SPECS / group).glob("*.yaml"))]
ACROSS_KEYS = {
    "contract": """
        component-twice edge-to-itself edge-unknown family-component-unknown family-twice family-unknown
        forbidden-everything logs-component-unknown logs-request-unknown metric-buckets-not-rising
        metric-buckets-on-counter metric-driven-unknown-label metric-label-twice metric-name-twice
        metric-type-misfit pattern-broken pattern-matches-all slo-bad-regex slo-calendar-window slo-file-outside
        slo-gauge slo-long-name slo-no-file slo-no-such-bucket slo-of-another-service slo-query-with-rate
        slo-target-of-one slo-twice slo-two-targets slo-unknown-label slo-unknown-metric slo-unknown-name
        slo-unknown-registry-name span-component-unknown span-id-twice trace-component-unknown
        trace-request-not-driven trace-request-twice
    """,
    "family": """
        attribute-unknown
    """,
    "stack": """
        auth-header-secret auth-two-kinds bind-host-name check-external-everything component-page-without-url
        component-twice component-unknown drive-without-url name-bare-no port-offset-too-big port-twice
        remote-missing remote-runs-the-sample remote-without-endpoint remote-without-services
        retention-size-small retention-size-unit sample-twice scrape-interval-short service-contract-missing
        service-name-twice service-run-with-components service-without-components service-without-contract
        step-body-bare-yes step-capture-canary step-grpc-route step-grpc-with-form step-id-twice
        step-name-not-captured-in-body step-name-not-captured step-param-unknown step-part-of-both-kinds
        step-rise-unknown-label step-rise-unknown-metric step-two-bodies step-variable-as-placeholder
        tls-key-without-certificate url-bad-port
    """,
}
"""What a schema cannot say, by group: what two keys say of each other, what is in other files, and in queries."""


@pytest.mark.parametrize("file", FILES)
def test_the_schema_is_one(file: str) -> None:
    Draft202012Validator.check_schema(VALIDATORS[file].schema)


@pytest.mark.parametrize(("file", "path"), VALID, ids=lambda value: value if isinstance(value, str) else value.name)
def test_what_obsctl_takes_the_schema_takes(file: str, path: Path) -> None:
    document = plain(read_yaml(path, path.name))
    assert [error.message for error in VALIDATORS[file].iter_errors(document)] == []


def test_what_is_wrong_with_one_key_the_schema_refuses() -> None:
    taken = defaultdict(set)
    for path in CASES:
        case = yaml.safe_load(path.read_text(encoding="utf-8"))
        document = plain(parse_yaml(case["text"], case["file"]))
        if VALIDATORS[SCHEMAS[case["file"]]].is_valid(document):
            taken[path.parent.name].add(path.stem)
    assert taken == {group: set(cases.split()) for group, cases in ACROSS_KEYS.items()}
