"""Templates as a tree: what Go's ``text/template`` calls nodes (pkg.go.dev/text/template)."""

from __future__ import annotations

from dataclasses import dataclass


class TemplateError(ValueError):
    """A template that cannot be read, or not be carried out. The text is for its author."""


@dataclass(frozen=True)
class Literal:
    """A string, number, character, boolean or nil."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class Dot:
    """The value the template is about."""


@dataclass(frozen=True)
class TemplateVariable:
    """``$name``; the bare ``$`` is the value the whole template is about."""

    name: str


@dataclass(frozen=True)
class Function:
    """A function by name."""

    name: str


@dataclass(frozen=True)
class Fields:
    """``.a.b`` behind a term."""

    term: Term
    names: tuple[str, ...]


@dataclass(frozen=True)
class TemplatePipeline:
    """Commands, each handing its value to the next as last argument. ``names`` are variables that take the value."""

    commands: tuple[tuple[Term, ...], ...]
    names: tuple[str, ...] = ()
    declares: bool = False


Term = Literal | Dot | TemplateVariable | Function | Fields | TemplatePipeline


@dataclass(frozen=True)
class Text:
    """Text as it stands."""

    text: str


@dataclass(frozen=True)
class Action:
    """A pipeline whose value is printed, unless it goes into a variable."""

    pipeline: TemplatePipeline


@dataclass(frozen=True)
class Branch:
    """``if``, ``with`` or ``range``: one body when the pipeline's value is not empty, the other when it is."""

    kind: str
    pipeline: TemplatePipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Leave:
    """``break`` or ``continue``."""

    kind: str


@dataclass(frozen=True)
class NamedTemplate:
    """``define``, and what ``block`` defines: nodes that have a name. They stand at the top of a template only."""

    name: str
    body: tuple[Node, ...]


@dataclass(frozen=True)
class UseTemplate:
    """``template`` and ``block``: the text of a named template for a value."""

    name: str
    pipeline: TemplatePipeline | None = None


Node = Text | Action | Branch | Leave | NamedTemplate | UseTemplate
