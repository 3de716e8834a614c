"""One declaration of keys: reading with positions, defaults, checks across keys, JSON wording, schema and tables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from obsctl.errors import Place, SpecError, UsageError
from obsctl.schema.findings import Findings
from obsctl.schema.json_document import NON_EMPTY, STRINGS, read_json
from obsctl.schema.records import AsWritten, Key, KnownKeys, RecordType, key, place, record
from obsctl.schema.reference import json_schema, tables
from obsctl.schema.scalars import FLAG, JSON, TEXT, duration, number, whole
from obsctl.schema.source import SourceCursor, from_json
from obsctl.schema.types import Deferred, ListOf, MapOf, choice
from obsctl.spec.yaml_source import parse_yaml


@record("a wheel", single="name")
class Wheel:
    name: str = key(TEXT, "Its name.")
    inches: int = key(whole(10, 30), "Its size.", default=28)


@record("a bicycle", others=JSON, kw_only=True)
class Bicycle:
    colour: str = key(choice("red", "blue"), "Its colour.", default="red", name="color")
    wheels: tuple[Wheel, ...] = key(ListOf(RecordType(Wheel), "a list of wheels"), "Its wheels.")
    rest: float = key(duration("1s", "1h"), "A break.", default=AsWritten("5m"))
    gears: Mapping[str, int] = key(
        KnownKeys("gears", lambda: (Key("front", whole(1, 3), "Front.", written=1),)), "Its gears.", default={}
    )
    owner: str = "nobody"
    place: Place | None = place(default=None)

    def check_keys(self, cursor: SourceCursor, findings: Findings) -> None:
        for wheel, at in cursor.each("wheels", self.wheels):
            if wheel.name == "square":
                findings.add(at.spot("name"), "wheels are round")


BICYCLE = RecordType(Bicycle)


def read(text: str) -> Bicycle:
    findings = Findings("b.yaml")
    value = next(iter(ListOf(BICYCLE).read(SourceCursor(parse_yaml(f"- {text}", "b.yaml")), findings)), None)
    findings.raise_any()
    assert value
    return value


def test_a_mapping_becomes_a_value_of_the_class() -> None:
    bicycle = read("{color: blue, wheels: [front, {name: back, inches: 26}], x-bell: yes please}")
    assert bicycle == Bicycle(colour="blue", wheels=(Wheel("front"), Wheel("back", 26)), rest=300.0)
    assert (bicycle.place, bicycle.owner, bicycle.gears) == (Place("b.yaml", 1), "nobody", {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", 'b.yaml:1: [0]: key "wheels" is missing'),
        ("7", "b.yaml:1: [0]: expected a mapping with the keys of a bicycle, got the number 7"),
        ("{wheels: [7]}", "b.yaml:1: [0].wheels[0]: expected a mapping with the keys of a wheel or a name, got"),
        ("{wheels: [{name: a, inch: 20}]}", 'unknown key "inch" in [0].wheels[0]; did you mean "inches"?'),
        ("{wheels: [],\n   color: green}", "b.yaml:2: [0].color: expected red or blue, got"),
        ("{wheels: [],\n   rest: 2h}", "b.yaml:2: [0].rest: expected a duration from 1s to 1h"),
        ("{wheels: [],\n   rest: }", "b.yaml:2: [0].rest: expected a duration such as 2s, 500ms or 1h30m, got nothing"),
        ("{wheels: [a,\n   {name: square}]}", "b.yaml:2: [0].wheels[1].name: wheels are round"),
        ("{wheels: [], gears: {back: 9}}", 'unknown key "back" in [0].gears'),
    ],
)
def test_a_mistake_has_its_line_and_path(text: str, says: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(text)
    assert says in caught.value.message


def test_all_mistakes_are_found_in_one_run() -> None:
    with pytest.raises(SpecError) as caught:
        read("{wheels: [7, {inches: 5}], color: green, rest: 1}")
    assert len(caught.value.parts) == 5


@record("a tree")
class Tree:
    name: str = key(NON_EMPTY, "Its name.")
    height: float = key(number(0, 100, "metres"), "How high it is.", default=0.0, shown="unknown")
    birds: tuple[str, ...] = key(STRINGS, "Who lives there.", default=())
    tags: Mapping[str, bool] = key(MapOf(FLAG, names="[a-z]+"), "Whatever holds.", default={})
    branches: tuple[Tree, ...] = key(ListOf(Deferred(lambda: RecordType(Tree), "an object")), "Smaller.", default=())


def test_a_json_document_may_nest_and_null_is_absent() -> None:
    document = {"name": "oak", "height": None, "branches": [{"name": "twig", "birds": ["jay"]}]}
    tree = read_json(document, RecordType(Tree))
    assert tree == Tree("oak", branches=(Tree("twig", birds=("jay",)),))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the configuration must be an object, not a list"),
        ({}, "name is missing"),
        ({"name": ""}, 'name must be a non-empty string, not ""'),
        ({"name": "a", "leaf": 1}, "unknown key leaf; known here: birds, branches, height, name, tags"),
        ({"name": "a", "height": 101}, "height must be a number from 0 to 100, not 101"),
        ({"name": "a", "birds": [1]}, "birds must be a list of non-empty strings"),
        ({"name": "a", "branches": [{"name": "b", "tags": 1}]}, "branches[0].tags must be a mapping, not 1"),
        ({"name": "a", "branches": [1]}, "branches[0] must be an object, not 1"),
    ],
)
def test_a_mistake_in_a_json_document_is_one_sentence(document: object, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_json(document, RecordType(Tree))
    assert caught.value.message == says


def test_what_is_not_json_is_no_document() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        from_json({"a": {1}})


def test_the_reference_says_what_is_declared() -> None:
    schema = json_schema("a bicycle", BICYCLE)
    assert schema["required"] == ["wheels"]
    assert schema["properties"]["rest"]["default"] == "5m"  # type: ignore[index,call-overload]
    assert schema["properties"]["gears"]["properties"]["front"]["maximum"] == 3  # type: ignore[index,call-overload]
    page = tables(BICYCLE)
    assert "| `color` | one of red, blue | red | Its colour. |" in page
    assert "### `wheels[]`\n\n| key | value | default | meaning |" in page
    assert "| `height` | a number from 0 to 100 (metres) | unknown | How high it is. |" in tables(RecordType(Tree))
