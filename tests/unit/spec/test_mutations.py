"""Whatever happens to a good file, reading it gives a value or a SpecError, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsctl.errors import SpecError
from obsctl.spec.load import load_family, load_stack
from tests.unit.spec.good import GOOD, write

ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1.5,
        "",
        "x",
        "-> ",
        "{",
        "{x}",
        "*",
        "a -> b",
        "2s",
        [],
        [None],
        {},
        {"": None},
        {"name": []},
        "\x85é",
    ]
)
CALM = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places(tree, path=()):
    yield path
    for step, part in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(part, (*path, step))


def changed(tree, path, value, *, drop):
    tree = copy.deepcopy(tree)
    if not path:
        return value
    holder = tree
    for step in path[:-1]:
        holder = holder[step]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return tree


def read(folder: Path, name: str) -> tuple[SpecError, ...]:
    """The mistakes that are told when the file is read as its users read it."""
    try:
        load_family(folder / name) if name == "family.yaml" else load_stack(folder)
    except SpecError as error:
        return error.parts
    return ()


def fit_to_print(mistakes: tuple[SpecError, ...]) -> bool:
    return all((m.message + m.hint).isprintable() and m.place for m in mistakes)


@pytest.mark.parametrize("name", GOOD)
@CALM
@given(data=st.data())
def test_a_changed_value(name, data, tmp_path):
    tree = yaml.safe_load(GOOD[name])
    path = data.draw(st.sampled_from(list(places(tree))))
    spoiled = changed(tree, path, data.draw(ODD), drop=data.draw(st.booleans()))
    assert fit_to_print(read(write(tmp_path, **{name.removesuffix(".yaml"): yaml.safe_dump(spoiled)}), name))


@pytest.mark.parametrize("name", GOOD)
@CALM
@given(data=st.data())
def test_changed_text(name, data, tmp_path):
    text = GOOD[name]
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    junk = data.draw(
        st.text(max_size=6) | st.sampled_from(["\t", "\n", "*a", "&a ", "!x ", "---\n", ": ", "{", "]", "<<: "])
    )
    spoiled = text[:start] + junk + text[start + length :]
    assert fit_to_print(read(write(tmp_path, **{name.removesuffix(".yaml"): spoiled.encode("utf-8", "replace")}), name))
