"""Templates of alerts: whether Prometheus can read them, and which labels of the alert they show. Pure.

A label counts as shown where its value is printed for certain. One that a condition asks for (``if``, ``with``,
``and``, ``or`` and their kind) may be missing, so it does not count anywhere in the template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from obsctl.languages.gotemplate.alert_templates import ALERT_FUNCTIONS, ALERT_VARIABLES
from obsctl.languages.gotemplate.parse import parse
from obsctl.languages.gotemplate.syntax import (
    Action,
    Branch,
    Dot,
    Fields,
    Function,
    Literal,
    NamedTemplate,
    Node,
    TemplatePipeline,
    TemplateVariable,
    Term,
    UseTemplate,
)

_ASKING = frozenset(("and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "match"))
"""Functions whose result is no text of a label."""


class _Value(Enum):
    """What a term is, as far as labels go."""

    ROOT = auto()
    LABELS = auto()
    OTHER = auto()


Scope = Mapping[str, _Value]


def read_alert_template(source: str) -> tuple[Node, ...]:
    """The nodes of a template. Raises ``TemplateError`` with the reason where Prometheus refuses the rule file."""
    return parse(source, ALERT_FUNCTIONS, tuple(ALERT_VARIABLES))


def shown_labels(nodes: Sequence[Node]) -> tuple[str, ...]:
    """The labels of the alert that its template shows, each once, in order."""
    walk = _Walk()
    variables = {name: _Value.LABELS if name == "$labels" else _Value.OTHER for name in ALERT_VARIABLES}
    walk.nodes(nodes, {".": _Value.ROOT, "$": _Value.ROOT, **variables})
    return tuple(label for label in walk.shown if label not in walk.asked)


class _Walk:
    """One way through a template. ``shown`` and ``asked`` are the labels that it met."""

    def __init__(self) -> None:
        self.shown: dict[str, None] = {}
        self.asked: set[str] = set()

    def nodes(self, nodes: Sequence[Node], scope: Scope) -> None:
        """Go through nodes; variables that one declares are known to the next."""
        for node in nodes:
            match node:
                case Action():
                    value = self._pipeline(node.pipeline, scope, asks=False)
                    scope = {**scope, **dict.fromkeys(node.pipeline.names, value)}
                case Branch():
                    self._branch(node, scope)
                case UseTemplate(pipeline=TemplatePipeline() as pipeline):
                    self._pipeline(pipeline, scope, asks=False)
                case NamedTemplate():  # what it is about depends on who uses it
                    self.nodes(node.body, {".": _Value.OTHER, "$": _Value.OTHER})

    def _branch(self, node: Branch, scope: Scope) -> None:
        value = self._pipeline(node.pipeline, scope, asks=node.kind != "range")
        if node.kind == "range":
            value = _Value.OTHER
        inner = {**scope, **dict.fromkeys(node.pipeline.names, value)}
        self.nodes(node.body, inner if node.kind == "if" else {**inner, ".": value})
        self.nodes(node.otherwise, inner)

    def _pipeline(self, pipeline: TemplatePipeline, scope: Scope, *, asks: bool) -> _Value:
        value = _Value.OTHER
        for at, command in enumerate(pipeline.commands):
            later = any(_asks(after) for after in pipeline.commands[at + 1 :])
            value = self._command(command, scope, asks=asks or later)
        return value if len(pipeline.commands) == 1 else _Value.OTHER

    def _command(self, terms: Sequence[Term], scope: Scope, *, asks: bool) -> _Value:
        asks = asks or _asks(terms)
        values = [self._term(term, scope, asks=asks) for term in terms]
        match terms:
            case [Function("index"), _, Literal(str(label))] if values[1] is _Value.LABELS:
                self._met(label, asks=asks)
        return values[0] if len(values) == 1 else _Value.OTHER

    def _term(self, term: Term, scope: Scope, *, asks: bool) -> _Value:
        match term:
            case Dot():
                return scope["."]
            case TemplateVariable():
                return scope.get(term.name, _Value.OTHER)
            case TemplatePipeline():
                return self._pipeline(term, scope, asks=asks)
            case Fields():
                return self._fields(self._term(term.term, scope, asks=asks), term.names, asks=asks)
        return _Value.OTHER

    def _fields(self, value: _Value, names: Sequence[str], *, asks: bool) -> _Value:
        for name in names:
            if value is _Value.LABELS:
                self._met(name, asks=asks)
            value = _Value.LABELS if value is _Value.ROOT and name == "Labels" else _Value.OTHER
        return value

    def _met(self, label: str, *, asks: bool) -> None:
        if asks:
            self.asked.add(label)
        else:
            self.shown[label] = None


def _asks(terms: Sequence[Term]) -> bool:
    return isinstance(terms[0], Function) and terms[0].name in _ASKING
