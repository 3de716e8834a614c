"""``line_format`` and ``label_format``: text from a template over labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass

from obsctl.embedded.query.gotemplate.run import Template
from obsctl.embedded.query.logql.entry import Entry
from obsctl.embedded.query.logql.functions import FUNCTIONS, LONGEST
from obsctl.languages.errors import QueryError
from obsctl.languages.gotemplate.syntax import Dot, Fields, TemplateError
from obsctl.languages.logql.tree import LabelFormat, LineFormat

FORMAT_ERROR = "TemplateFormatErr"


def line_format(stage: LineFormat) -> Callable[[Entry], None]:
    """The line becomes what the template says; a template that fails leaves it, with an error."""
    template = _template("line", stage.template)

    def run(entry: Entry) -> None:
        try:
            entry.line = template.expand(entry, entry.all_with_error())
        except TemplateError as cause:
            entry.fail(FORMAT_ERROR, str(cause))

    return run


def label_format(stage: LabelFormat) -> Callable[[Entry], None]:
    """Labels are renamed, or become what a template says. Templates see the labels as they were before the first."""
    items = [(item.name, item.value, None if item.renames else _template("label", item.value)) for item in stage.items]

    def run(entry: Entry) -> None:
        before: dict[str, str] | None = None
        for name, source, template in items:
            if template is None:
                entry.rename(source, name)
                continue
            before = entry.all_with_error() if before is None else before
            try:
                entry.set(name, template.expand(entry, before))
            except TemplateError as cause:
                entry.fail(FORMAT_ERROR, str(cause))

    return run


def required_by(stage: LineFormat | LabelFormat) -> Iterator[str]:
    """The labels that a stage reads."""
    if isinstance(stage, LineFormat):
        yield from _fields_of(_template("line", stage.template).nodes)
        return
    for item in stage.items:
        if item.renames:
            yield item.value
        else:
            yield from _fields_of(_template("label", item.value).nodes)


def _fields_of(node: object) -> Iterator[str]:
    if isinstance(node, Fields) and isinstance(node.term, Dot):
        yield from node.names
    elif isinstance(node, tuple | list):
        for one in node:
            yield from _fields_of(one)
    elif is_dataclass(node):
        for one in fields(node):
            yield from _fields_of(getattr(node, one.name))


def _template(kind: str, source: str) -> Template:
    try:
        return Template(source, FUNCTIONS, longest=LONGEST)
    except TemplateError as cause:
        raise QueryError(f"invalid {kind} template: {cause}") from cause
