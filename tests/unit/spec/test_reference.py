"""The reference and the schemas say what the key tables say."""

from __future__ import annotations

import json

import pytest

from obsctl.schema.reference import json_schema
from obsctl.spec.load import FILES
from obsctl.spec.stack import DEFAULT_PORTS
from tests.unit.spec.regenerate import PAGES, page_text, schema_path, schema_text

HELP = "run: python -m tests.unit.spec.regenerate"


@pytest.mark.parametrize("file", FILES)
def test_the_schema_is_current(file):
    assert schema_path(file).read_text(encoding="utf-8") == schema_text(file), HELP


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_is_current(page):
    assert page.read_text(encoding="utf-8") == page_text(page), HELP


def test_the_schema_knows_keys_types_and_bounds():
    stack = json_schema("obsctl.yaml", FILES["obsctl.yaml"])
    assert stack["required"] == ["version"]
    assert stack["additionalProperties"] is False
    assert set(stack["properties"]["ports"]["properties"]) == set(DEFAULT_PORTS)
    assert stack["properties"]["ports"]["properties"]["api"]["maximum"] == 65535
    assert json.loads(json.dumps(stack)) == stack
