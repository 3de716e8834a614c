from __future__ import annotations

import json

import pytest

from obsctl.json_types import integer, items, mapping, number, string, strings

ANSWER = json.loads(
    '{"name": "up", "labels": {"job": "web", "shard": 1}, "value": [1754000000.25, "+Inf"], "at": "12"}'
)


def test_parts_of_an_answer() -> None:
    assert string(ANSWER["name"]) == "up"
    assert strings(ANSWER["labels"]) == {"job": "web", "shard": "1"}
    assert [number(part) for part in items(ANSWER["value"])] == [1754000000.25, float("inf")]
    assert integer(ANSWER["at"]) == 12


@pytest.mark.parametrize("value", [None, "x", 1, True, [], {}])
def test_another_shape_is_a_type_error(value: object) -> None:
    fitting = {mapping: dict, items: list, string: str}
    for accessor, kind in fitting.items():
        if not isinstance(value, kind):
            with pytest.raises(TypeError, match="expected a"):
                accessor(value)
    if value is None or isinstance(value, list | dict):
        for accessor in (integer, number):
            with pytest.raises(TypeError, match="number, not"):
                accessor(value)
