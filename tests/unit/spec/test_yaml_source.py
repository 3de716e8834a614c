"""Scalars, lines and bounds of the YAML reader."""

from __future__ import annotations

import os
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from obsctl.errors import SpecError
from obsctl.schema.source import SourceNode, plain
from obsctl.spec import yaml_source
from obsctl.spec.yaml_source import MAX_BYTES, MAX_DEPTH, MAX_NODES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("-7", -7),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("yes", "yes"),
        ("off", "off"),
        ("22:22", "22:22"),
        ("0644", "0644"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("2024-01-01", "2024-01-01"),
        ('"2"', "2"),
        ("'true'", "true"),
        ("|\n  2\n", "2\n"),
    ],
)
def test_scalars_are_what_people_mean(text, value):
    found = plain(parse_yaml(f"k: {text}", "f"))["k"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["yes", "NO", "on", "Off", "0644", "-07", "0x1f"])
def test_a_bare_scalar_that_readers_disagree_about_is_marked(text):
    bare, quoted = parse_yaml(f"[{text}, '{text}']", "f").items
    assert (bare.ambiguous, quoted.ambiguous) == (True, False)


def test_nodes_know_their_lines():
    root = parse_yaml("a: 1\nb:\n\n  - x\n  - y: 2\nc: &c\n  d: 3\ne: *c\n", "f")
    assert dict(root.key_lines) == {"a": 1, "b": 2, "c": 6, "e": 8}
    assert [item.line for item in root.entries["b"].items] == [4, 5]
    assert root.entries["b"].line == 2  # a list is where its key is
    assert root.entries["e"].line == 8  # an alias is where it stands, not where its anchor is
    assert plain(root)["e"] == {"d": 3}


def test_bounds_are_where_they_are_said_to_be():
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f").height == MAX_DEPTH
    assert len(parse_yaml("[" + "1," * (MAX_NODES - 1) + "]", "f").items) == MAX_NODES - 1
    with pytest.raises(SpecError, match="deeper than 32"):
        parse_yaml("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "f")
    with pytest.raises(SpecError, match="more than 20000"):
        parse_yaml("[" + "1," * MAX_NODES + "]", "f")


def test_depth_that_only_aliases_reach_is_bounded():
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
    with pytest.raises(SpecError, match="deeper than 32"):
        parse_yaml(text, "f")


def test_a_size_beyond_the_bound_is_refused_before_it_is_parsed(tmp_path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match=r"^big: larger than 1 MiB$"):
        read_yaml(path, "big")


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, says in (("", "a folder is in the place"), ("pipe", "not a regular file"), ("none", "no such file")):
        with pytest.raises(SpecError, match=says):
            read_yaml(tmp_path / name, "f")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\r\nname: x\r\n")
    assert plain(read_yaml(path, "f")) == {"version": 1, "name": "x"}


def test_text_from_the_file_cannot_control_a_terminal():
    with pytest.raises(SpecError) as caught:
        parse_yaml('"\\e[31m": 1\n"\\e[31m": 2', "f")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("text", ["a: [1", "a: {b: 1", 'a: "x', "a:\n\tb: 1", "a: @x", "a: b: c", "*x y: 1"])
def test_syntax_errors_are_worded_alike_without_the_fast_parser(text, monkeypatch):
    with pytest.raises(SpecError) as fast:
        parse_yaml(text, "f")
    monkeypatch.setattr(yaml_source, "_PARSER", yaml.SafeLoader)
    with pytest.raises(SpecError) as slow:
        parse_yaml(text, "f")
    assert (fast.value.message, fast.value.hint) == (slow.value.message, slow.value.hint)


# "1e3" is a text in YAML 1.1, which the writer follows, and a number in 1.2 and in JSON, which we follow.
TEXTS = st.text().filter(lambda text: not re.fullmatch(r"[-+]?[\d.]+[eE][-+]?\d+", text))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON_VALUES)
def test_what_a_yaml_writer_writes_is_read_back(value):
    if value is None or "<<" in str(value):
        return
    text = yaml.safe_dump(value)
    assert plain(parse_yaml(text, "f")) == _text_keys(value)


def _text_keys(value):
    if isinstance(value, list):
        return [_text_keys(item) for item in value]
    return {str(k): _text_keys(v) for k, v in value.items()} if isinstance(value, dict) else value


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_are_a_tree_or_a_spec_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    try:
        found: SourceNode | SpecError = read_yaml(path, "f")
    except SpecError as error:
        found = error
    assert isinstance(found, SourceNode) or found.message.startswith("f")
