"""Tree -> text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from obsctl.embedded.query.gotemplate.builtins import Spec, truth
from obsctl.embedded.query.gotemplate.printing import kind_name, shown
from obsctl.languages.gotemplate.parse import parse
from obsctl.languages.gotemplate.syntax import (
    Action,
    Branch,
    Dot,
    Fields,
    Function,
    Leave,
    Literal,
    NamedTemplate,
    Node,
    TemplateError,
    TemplatePipeline,
    TemplateVariable,
    Term,
    Text,
    UseTemplate,
)

LONGEST = 1 << 16
"""Characters of an expanded text."""
DEEPEST = 20
"""Named templates that use each other."""


class Template:
    """A template about maps, or values whose method ``fields`` gives what they have.

    ``TemplateError`` when it cannot be read, or uses other functions and variables than it may. ``longest`` is the
    most characters of its text.
    """

    def __init__(
        self, source: str, functions: Mapping[str, Spec], variables: Collection[str] = (), *, longest: int = LONGEST
    ) -> None:
        self.source = source
        self._longest = longest
        self._functions = functions
        self.nodes = parse(source, functions, variables)
        self._named = {node.name: node.body for node in self.nodes if isinstance(node, NamedTemplate)}

    def expand(self, context: object, dot: object, variables: Mapping[str, object] | None = None) -> str:
        """The text for a value. ``context`` is handed to functions. ``TemplateError`` when it cannot be had."""
        run = _Run(context, self._functions, self._named, self._longest)
        run.walk(self.nodes, dot, [{"$": dot, **(variables or {})}])
        return "".join(run.parts)


@runtime_checkable
class HasFields(Protocol):
    """A value with fields that a template may ask for."""

    def fields(self) -> Mapping[str, object]:
        """Their names and values."""
        ...


class _Left(Exception):  # noqa: N818 - a jump, not a mistake
    """``break`` or ``continue``."""


Scopes = list[dict[str, object]]


class _Run:
    def __init__(
        self,
        context: object,
        functions: Mapping[str, Spec],
        named: Mapping[str, Sequence[Node]],
        longest: int,
    ) -> None:
        self.parts: list[str] = []
        self._context = context
        self._functions = functions
        self._named = named
        self._depth = 0
        self._longest = longest
        self._size = 0

    def _write(self, text: str) -> None:
        self._size += len(text)
        if self._size > self._longest:
            raise TemplateError(f"the text is longer than {self._longest} characters")
        self.parts.append(text)

    def walk(self, nodes: Sequence[Node], dot: object, scopes: Scopes) -> None:
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
                case UseTemplate():
                    self._use(node, self._pipeline(node.pipeline, dot, scopes) if node.pipeline else None)

    def _use(self, node: UseTemplate, dot: object) -> None:
        """Write a named template for a value, which is all that it sees."""
        if node.name not in self._named:
            raise TemplateError(f'template "{node.name}" not defined')
        if self._depth >= DEEPEST:
            raise TemplateError(f"templates use each other more than {DEEPEST} deep")
        self._depth += 1
        self.walk(self._named[node.name], dot, [{"$": dot}])
        self._depth -= 1

    def _branch(self, node: Branch, dot: object, scopes: Scopes) -> None:
        if node.kind == "range":
            self._range(node, dot, scopes)
            return
        value = self._pipeline(node.pipeline, dot, scopes)
        inner = value if node.kind == "with" and truth(value) else dot
        self.walk(node.body if truth(value) else node.otherwise, inner, scopes)

    def _range(self, node: Branch, dot: object, scopes: Scopes) -> None:
        names = node.pipeline.names
        value = self._pipeline(TemplatePipeline(node.pipeline.commands), dot, scopes)
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

    def _assign(self, name: str, value: object, scopes: Scopes, *, declares: bool) -> Scopes:
        place = scopes[-1] if declares else _scope_of(name, scopes)
        place[name] = value
        return scopes

    def _pipeline(self, pipeline: TemplatePipeline, dot: object, scopes: Scopes) -> object:
        last: tuple[object, ...] = ()
        for command in pipeline.commands:
            last = (self._command(command, last, dot, scopes),)
        for name in pipeline.names:
            self._assign(name, last[0], scopes, declares=pipeline.declares)
        return last[0]

    def _command(self, terms: Sequence[Term], last: tuple[object, ...], dot: object, scopes: Scopes) -> object:
        head, *rest = terms
        if isinstance(head, Function):
            return self._call(head.name, rest, last, dot, scopes)
        if head == Literal(None):
            raise TemplateError("nil is not a command")
        value = self._term(head, dot, scopes)
        if rest or last:
            raise TemplateError(f"can't give argument to non-function {_name(head)}")
        return value

    def _term(self, term: Term, dot: object, scopes: Scopes) -> object:
        match term:
            case Literal():
                return term.value
            case Dot():
                return dot
            case TemplateVariable():
                return _scope_of(term.name, scopes)[term.name]
            case Function():
                return self._call(term.name, (), (), dot, scopes)
            case TemplatePipeline():
                return self._pipeline(term, dot, scopes)
            case Fields():
                value = self._term(term.term, dot, scopes)
                for name in term.names:
                    value = _field(value, name)
                return value

    def _call(self, name: str, terms: Sequence[Term], last: tuple[object, ...], dot: object, scopes: Scopes) -> object:
        spec, count = self._functions[name], len(terms) + len(last)
        if count < spec.least or (spec.most is not None and count > spec.most):
            wanted = f"at least {spec.least}" if spec.most is None else str(spec.least)
            raise TemplateError(f"wrong number of args for {name}: want {wanted} got {count}")
        arguments: list[object] = []
        for position in range(count):
            given = position < len(terms)
            arguments.append(self._term(terms[position], dot, scopes) if given else last[position - len(terms)])
            if name in ("and", "or") and truth(arguments[-1]) == (name == "or"):
                break
        for argument, kind in zip(arguments, spec.types, strict=False):
            if not isinstance(argument, kind):
                raise TemplateError(f"error calling {name}: wrong type of argument: {kind_name(argument)}")
        try:
            return spec.call(self._context, *arguments)
        except TemplateError as error:
            raise TemplateError(f"error calling {name}: {error}") from error


def _scope_of(name: str, scopes: Scopes) -> dict[str, object]:
    """The innermost scope that has a variable."""
    for scope in reversed(scopes):
        if name in scope:
            return scope
    raise TemplateError(f"undefined variable: {name}")


def _items(value: object) -> Iterator[tuple[object, object]]:
    match value:
        case Mapping():
            yield from sorted(value.items())
        case list():
            yield from enumerate(value)
        case None:
            return
        case _:
            raise TemplateError(f"range can't iterate over {shown(value)}")


def _field(value: object, name: str) -> object:
    if isinstance(value, Mapping):
        return value.get(name, "")
    found: Mapping[str, object] = value.fields() if isinstance(value, HasFields) else {}
    if name not in found:
        raise TemplateError(f"can't evaluate field {name} in type {getattr(value, 'kind', kind_name(value))}")
    return found[name]


def _name(term: Term) -> str:
    return term.name if isinstance(term, TemplateVariable) else "."
