"""Tokens -> tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator

from obsctl.languages.gotemplate.lex import TemplateToken, pieces
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

_BRANCHES = ("if", "with", "range")
_LEAVES = ("break", "continue")
_NAMED = ("define", "template", "block")
_KEYWORDS = frozenset((*_BRANCHES, *_LEAVES, *_NAMED, "else", "end"))
_CONSTANTS = {"true": True, "false": False, "nil": None}
_DEPTH = 50
_ESCAPES = r"[abfnrtv\\]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}"
_ESCAPED = {
    kind: re.compile(rf"(?:[^\\]|\\(?:{quote}|{_ESCAPES}))*") for kind, quote in (("string", '"'), ("char", "'"))
}
"""Texts with Go's escapes only; Python has more."""


def parse(source: str, functions: Collection[str], variables: Collection[str]) -> tuple[Node, ...]:
    """A template that may use these functions and, from the start, these variables (``$value``).

    Raises:
        TemplateError: with the reason, in the words of Go's package where it has any.
    """
    parser = _Parser(iter(pieces(source)), functions, list(variables))
    body, end = parser.body(0)
    if end:
        raise TemplateError(f"unexpected {{{{{end[0].text}}}}}")
    return (*body, *parser.named())


class _Parser:
    def __init__(
        self, parts: Iterator[str | list[TemplateToken]], functions: Collection[str], variables: list[str]
    ) -> None:
        self._parts = parts
        self._functions = functions
        self._variables = ["$", *variables]
        self._loops = 0
        self._named: dict[str, tuple[Node, ...]] = {}

    def named(self) -> Iterator[NamedTemplate]:
        """What was defined, each once."""
        return (NamedTemplate(name, body) for name, body in self._named.items())

    def body(self, depth: int) -> tuple[tuple[Node, ...], list[TemplateToken]]:
        """Nodes up to an ``end`` or ``else``, which is given too; no tokens at the end of the template."""
        if depth > _DEPTH:
            raise TemplateError("nested too deeply")
        nodes: list[Node] = []
        for part in self._parts:
            if isinstance(part, str):
                nodes += [Text(part)] if part else []
            elif not part:
                raise TemplateError("missing value for command")
            elif part[0].text in ("end", "else"):
                return tuple(nodes), part
            else:
                nodes.append(self._node(part, depth))
        return tuple(nodes), []

    def _node(self, tokens: list[TemplateToken], depth: int) -> Node:
        word = tokens[0].text
        if word in _NAMED:
            return self._name(word, tokens[1:], depth)
        if word in _LEAVES:
            if len(tokens) > 1 or not self._loops:
                raise TemplateError(
                    f"{{{{{word}}}}} outside {{{{range}}}}" if not self._loops else _unexpected(tokens[1])
                )
            return Leave(word)
        if word in _BRANCHES:
            return self._branch(word, tokens[1:], depth)
        return Action(self._whole(tokens, word))

    def _name(self, word: str, tokens: list[TemplateToken], depth: int) -> Node:
        """``define``, ``template`` or ``block``, from the name on. A definition leaves nothing where it stands."""
        if word == "define" and depth:
            raise TemplateError("unexpected <define> in command")
        if not tokens or tokens[0].kind not in ("string", "raw"):
            raise TemplateError(_unexpected(tokens[0]) if tokens else f"missing name in {word} clause")
        name, rest = str(_text(tokens[0])), tokens[1:]
        if word == "define":
            if rest:
                raise TemplateError(_unexpected(rest[0]))
            self._define(name, "define", depth)
            return Text("")
        pipeline = self._whole(rest, f"{word} clause") if rest or word == "block" else None
        if word == "block":
            self._define(name, "block", depth)
        return UseTemplate(name, pipeline)

    def _define(self, name: str, word: str, depth: int) -> None:
        """Read a named template up to its ``end``; in it, no variable from outside is known."""
        outside = self._variables, self._loops
        self._variables, self._loops = ["$"], 0
        body, end = self.body(depth + 1)
        self._variables, self._loops = outside
        if not end:
            raise TemplateError("unexpected EOF")
        if end[0].text != "end" or len(end) > 1:
            raise TemplateError(f"unexpected {{{{{end[0].text}}}}} in {word} clause")
        if body and self._named.get(name):
            raise TemplateError(f'multiple definition of template "{name}"')
        self._named[name] = body or self._named.get(name, ())

    def _branch(self, word: str, tokens: list[TemplateToken], depth: int) -> Branch:
        known = len(self._variables)
        pipeline = self._whole(tokens, word)
        self._loops += word == "range"
        body, end = self.body(depth + 1)
        self._loops -= word == "range"
        otherwise: tuple[Node, ...] = ()
        if end and end[0].text == "else":
            otherwise, end = self._otherwise(end[1:], depth + 1)
        if not end:
            raise TemplateError("unexpected EOF")
        if end[0].text != "end":
            raise TemplateError(f"expected end; found {{{{{end[0].text}}}}}")
        if len(end) > 1:
            raise TemplateError(_unexpected(end[1]))
        del self._variables[known:]
        return Branch(word, pipeline, body, otherwise)

    def _otherwise(self, tokens: list[TemplateToken], depth: int) -> tuple[tuple[Node, ...], list[TemplateToken]]:
        """What follows an ``else``; an ``else if`` takes the ``end`` for both."""
        if not tokens:
            return self.body(depth)
        if tokens[0].text not in ("if", "with"):
            raise TemplateError(_unexpected(tokens[0]))
        if depth > _DEPTH:
            raise TemplateError("nested too deeply")
        return (self._branch(tokens[0].text, tokens[1:], depth),), [TemplateToken("word", "end", spaced=False)]

    def _whole(self, tokens: list[TemplateToken], word: str) -> TemplatePipeline:
        """A pipeline that takes all of the tokens.

        The variables that it sets are known from now on, in itself, too, as in Go, which tells only at run time of one
        that is set without having been declared.
        """
        names, declares, rest = _targets(tokens, loop=word == "range")
        self._variables += names
        if not rest:
            raise TemplateError(f"missing value for {word if word in _KEYWORDS or ' ' in word else 'command'}")
        commands = _Commands(rest, self._functions, self._known)
        pipeline = TemplatePipeline(commands.pipeline(0), tuple(names), declares)
        if commands.left:
            raise TemplateError(_unexpected(commands.left[0]))
        return pipeline

    def _known(self, name: str) -> None:
        if name not in self._variables:
            raise TemplateError(f'undefined variable "{name}"')


def _targets(tokens: list[TemplateToken], *, loop: bool) -> tuple[list[str], bool, list[TemplateToken]]:
    """Variables that take a value, whether they are new, and the tokens of the value."""
    names: list[str] = []
    rest = tokens
    while len(rest) > 1 and rest[0].kind == "variable" and rest[1].text in (":=", "=", ","):
        names.append(rest[0].text)
        sign, rest = rest[1].text, rest[2:]
        if sign != ",":
            return names, sign == ":=", rest
        if not loop or len(names) > 1:
            raise TemplateError("too many declarations in command" if loop else _unexpected(tokens[1]))
    if names:
        raise TemplateError("range can only initialize variables")
    return [], False, tokens


class _Commands:
    """Reads commands and their operands."""

    def __init__(self, tokens: list[TemplateToken], functions: Collection[str], known: Callable[[str], None]) -> None:
        self.left = list(tokens)
        self._functions = functions
        self._known = known

    def pipeline(self, depth: int) -> tuple[tuple[Term, ...], ...]:
        if depth > _DEPTH:
            raise TemplateError("nested too deeply")
        commands = [self._command(depth)]
        while self._next("|") and self.left and self.left[0].text != ")":  # Go takes a pipe before the end
            commands.append(self._command(depth))
        for command in commands[1:]:
            if isinstance(command[0], Literal | Dot):
                raise TemplateError("non executable command in pipeline")
        return tuple(commands)

    def _next(self, sign: str) -> bool:
        if self.left and self.left[0].kind == "sign" and self.left[0].text == sign:
            del self.left[0]
            return True
        return False

    def _command(self, depth: int) -> tuple[Term, ...]:
        terms: list[Term] = []
        while self.left and self.left[0].text not in ("|", ")"):
            if terms and not self.left[0].spaced:
                raise TemplateError(_unexpected(self.left[0]))
            terms.append(self._operand(depth))
        if not terms:
            raise TemplateError("missing value for command")
        return tuple(terms)

    def _operand(self, depth: int) -> Term:
        term = self._term(depth)
        names: list[str] = []
        while self.left and self.left[0].kind == "field" and not self.left[0].spaced:
            names.append(self.left.pop(0).text[1:])
        if names and isinstance(term, Literal):
            raise TemplateError("unexpected . after term")
        return Fields(term, tuple(names)) if names else term

    def _term(self, depth: int) -> Term:
        if self._next("("):
            inner = TemplatePipeline(self.pipeline(depth + 1))
            if not self._next(")"):
                raise TemplateError("unclosed left paren")
            return inner
        token = self.left.pop(0)
        match token.kind:
            case "string" | "raw" | "char":
                return Literal(_text(token))
            case "number":
                return Literal(_number(token.text))
            case "field":
                return Fields(Dot(), (token.text[1:],))
            case "variable":
                self._known(token.text)
                return TemplateVariable(token.text)
            case "word" if token.text in _CONSTANTS:
                return Literal(_CONSTANTS[token.text])
            case "word" if token.text in self._functions:
                return Function(token.text)
            case "word":
                raise TemplateError(f'function "{token.text}" not defined')
            case _ if token.text == ".":
                return Dot()
        raise TemplateError(_unexpected(token))


def _text(token: TemplateToken) -> str | int:
    if token.kind == "raw":
        return token.text[1:-1]
    if not _ESCAPED[token.kind].fullmatch(token.text):
        raise TemplateError("invalid syntax")
    try:
        value = str(ast.literal_eval(token.text))
    except (ValueError, SyntaxError) as error:
        raise TemplateError(f"bad string: {token.text}") from error
    if token.kind == "string":
        return value
    if len(value) != 1:
        raise TemplateError(f"malformed character constant: {token.text}")
    return ord(value)


def _number(text: str) -> int | float:
    try:
        whole = text.lstrip("+-").replace("_", "").isdigit() or text.lstrip("+-")[1:2] in tuple("xXbBoO")
        return int(text, 0) if whole else float(text)
    except ValueError as error:
        raise TemplateError(f"bad number syntax: {text!r}") from error


def _unexpected(token: TemplateToken) -> str:
    return f'unexpected "{token.text}" in an action'
