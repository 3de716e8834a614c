"""Tree -> text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from obsctl.embedded.rules.template.functions import FUNCTIONS, Context, Sample, truth
from obsctl.embedded.rules.template.parse import parse
from obsctl.embedded.rules.template.printing import kind_name, shown
from obsctl.embedded.rules.template.syntax import (
    Action,
    Branch,
    Dot,
    Fields,
    Function,
    Leave,
    Literal,
    Node,
    Pipeline,
    TemplateError,
    Term,
    Text,
    Variable,
)

_LONGEST = 1 << 16
_PREPARED = {"$labels": "Labels", "$externalLabels": "ExternalLabels", "$externalURL": "ExternalURL", "$value": "Value"}
"""Variables that stand for fields of what a template is about, for people who do not know Go."""


class Template:
    """A template of an alert's label or annotation. ``TemplateError`` when it cannot be read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._nodes = parse(source, FUNCTIONS, tuple(_PREPARED))
        self.asks = "query" in source
        """Whether it may ask for other series."""

    def expand(self, context: Context) -> str:
        """The text. ``TemplateError`` when it cannot be had."""
        root = {
            "Labels": context.labels,
            "ExternalLabels": context.external_labels,
            "ExternalURL": context.external_url,
            "Value": context.value,
        }
        variables = {"$": _Root(root), **{name: root[key] for name, key in _PREPARED.items()}}
        run = _Run(context)
        run.walk(self._nodes, variables["$"], [variables])
        return "".join(run.parts)


class _Root(dict[str, Any]):
    """What a template is about; unlike labels it has no other fields than its own."""


class _Left(Exception):  # noqa: N818 - a jump, not a mistake
    """``break`` or ``continue``."""


Scopes = list[dict[str, Any]]


class _Run:
    def __init__(self, context: Context) -> None:
        self.parts: list[str] = []
        self._context = context
        self._size = 0

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > _LONGEST:
            raise TemplateError(f"the text is longer than {_LONGEST} characters")
        self.parts.append(text)

    def walk(self, nodes: Sequence[Node], dot: Any, scopes: Scopes) -> None:
        for node in nodes:
            match node:
                case Text():
                    self._write(node.text)
                case Action():
                    value = self._pipeline(node.pipeline, dot, scopes)
                    if not node.pipeline.names:
                        self._write(shown(value, nil="<no value>"))
                case Branch():
                    self._branch(node, dot, [*scopes, {}])
                case Leave():
                    raise _Left(node.kind)

    def _branch(self, node: Branch, dot: Any, scopes: Scopes) -> None:
        if node.kind == "range":
            self._range(node, dot, scopes)
            return
        value = self._pipeline(node.pipeline, dot, scopes)
        inner = value if node.kind == "with" and truth(value) else dot
        self.walk(node.body if truth(value) else node.otherwise, inner, scopes)

    def _range(self, node: Branch, dot: Any, scopes: Scopes) -> None:
        names = node.pipeline.names
        value = self._pipeline(Pipeline(node.pipeline.commands), dot, scopes)
        items = list(_items(value))
        for key, item in items:
            inner = scopes
            for name, part in zip(names, (item,) if len(names) == 1 else (key, item), strict=False):
                inner = self._assign(name, part, inner, declares=node.pipeline.declares)
            try:
                self.walk(node.body, item, [*inner, {}])
            except _Left as left:
                if left.args == ("break",):
                    return
        if not items:
            self.walk(node.otherwise, dot, scopes)

    def _assign(self, name: str, value: Any, scopes: Scopes, *, declares: bool) -> Scopes:
        place = scopes[-1] if declares else next(scope for scope in reversed(scopes) if name in scope)
        place[name] = value
        return scopes

    def _pipeline(self, pipeline: Pipeline, dot: Any, scopes: Scopes) -> Any:
        last: tuple[Any, ...] = ()
        for command in pipeline.commands:
            last = (self._command(command, last, dot, scopes),)
        for name in pipeline.names:
            self._assign(name, last[0], scopes, declares=pipeline.declares)
        return last[0]

    def _command(self, terms: Sequence[Term], last: tuple[Any, ...], dot: Any, scopes: Scopes) -> Any:
        head, *rest = terms
        if isinstance(head, Function):
            return self._call(head.name, rest, last, dot, scopes)
        if head == Literal(None):
            raise TemplateError("nil is not a command")
        value = self._term(head, dot, scopes)
        if rest or last:
            raise TemplateError(f"can't give argument to non-function {_name(head)}")
        return value

    def _term(self, term: Term, dot: Any, scopes: Scopes) -> Any:
        match term:
            case Literal():
                return term.value
            case Dot():
                return dot
            case Variable():
                return next(scope[term.name] for scope in reversed(scopes) if term.name in scope)
            case Function():
                return self._call(term.name, (), (), dot, scopes)
            case Pipeline():
                return self._pipeline(term, dot, scopes)
            case Fields():
                value = self._term(term.term, dot, scopes)
                for name in term.names:
                    value = _field(value, name)
                return value

    def _call(self, name: str, terms: Sequence[Term], last: tuple[Any, ...], dot: Any, scopes: Scopes) -> Any:
        spec, count = FUNCTIONS[name], len(terms) + len(last)
        if count < spec.least or (spec.most is not None and count > spec.most):
            wanted = f"at least {spec.least}" if spec.most is None else str(spec.least)
            raise TemplateError(f"wrong number of args for {name}: want {wanted} got {count}")
        arguments: list[Any] = []
        for term in (*terms, *map(Literal, last)):
            arguments.append(self._term(term, dot, scopes))
            if name in ("and", "or") and truth(arguments[-1]) == (name == "or"):
                break
        for argument, kind in zip(arguments, spec.types, strict=False):
            if not isinstance(argument, kind):
                raise TemplateError(f"error calling {name}: wrong type of argument: {kind_name(argument)}")
        try:
            return spec.call(self._context, *arguments)
        except TemplateError as error:
            raise TemplateError(f"error calling {name}: {error}") from error


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    match value:
        case Mapping():
            yield from sorted(value.items())
        case list():
            yield from enumerate(value)
        case None:
            return
        case _:
            raise TemplateError(f"range can't iterate over {shown(value)}")


def _field(value: Any, name: str) -> Any:
    match value:
        case _Root() if name in value:
            return value[name]
        case Mapping() if not isinstance(value, _Root):
            return value.get(name, "")
        case Sample() if name in ("Labels", "Value"):
            return value.labels if name == "Labels" else value.value
    raise TemplateError(
        f"can't evaluate field {name} in type {'the template' if isinstance(value, _Root) else kind_name(value)}"
    )


def _name(term: Term) -> str:
    return term.name if isinstance(term, Variable) else "."
