"""Text -> tree. The only module that calls ``promql_parser``; see ``lex`` for what it is given."""

from __future__ import annotations

import re
from collections.abc import Callable

import promql_parser as ast

from obsctl.languages.errors import QueryError
from obsctl.languages.labels import Matcher
from obsctl.languages.promql.convert import Converter
from obsctl.languages.promql.durations import INSTANT, Timing
from obsctl.languages.promql.lex import PATTERN, lex
from obsctl.languages.promql.tree import Aggregate, Binary, Call, Expr, Negation, Selector, Subquery

_NO_MATCHER = "at least one non-empty matcher"
_TYPES = {"matrix": "range vector", "vector": "instant vector"}
# The parser's words for what is wrong, and Prometheus'. What it calls "invalid promql query" has no better name here.
_WORDS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<!character after )(?<!character: )(?<!parenthesis )'([^']*)'"), r'"\1"'),
    (re.compile(r'unexpected right brace "}"'), "unexpected character: '}'"),
    (re.compile(r"\b(expected type|got:?|scalar or|an|or|on) (matrix|vector)\b"), lambda m: f"{m[1]} {_TYPES[m[2]]}"),
    (re.compile(r"(expected type (?:scalar|string) in aggregation) expression"), r"\1 parameter"),
    (re.compile(r"(unary expression .* got): (.*)"), r'\1 "\2"'),
    (re.compile(r'(no arguments for aggregate expression) ".*" provided'), r"\1 provided"),
    (
        re.compile(r"(?:bad number or duration syntax: |ParseFloatError\. )(\S+).*"),
        r'bad number or duration syntax: "\1"',
    ),
    (re.compile(r"(unterminated quoted string) .$"), r"\1"),
    (re.compile(r"(@ modifier): inf$"), r"\1: +Inf"),
)
_STRINGS = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)""")
_HIDDEN = re.compile(f"[\"']{PATTERN}((?:[0-9a-f][0-9a-f])*)[\"']")


def parse(query: str, timing: Timing = INSTANT) -> Expr:
    """An expression. ``QueryError`` when the text is not PromQL, or larger than this server parses."""
    try:
        lexed = lex(query, timing)
        return Converter(lexed.tokens).convert(ast.parse(lexed.rewritten))
    except QueryError as cause:
        raise QueryError(f"parse error: {cause}") from cause
    except (ValueError, OverflowError) as cause:
        raise QueryError(f"parse error: {_worded(str(cause))}") from cause


def canonical(query: str) -> str:
    """The query as Prometheus prints it, on one line (the ``query`` of a rule). ``QueryError`` when it is not one."""
    parse(query)
    printed: str = ast.parse(lex(query).rewritten).prettify()
    parts = _STRINGS.split(_uncovered(printed))
    return "".join(part if i % 2 else _joined(part) for i, part in enumerate(parts)).strip()


def _joined(text: str) -> str:
    """Without line breaks, which the parser adds to what is long."""
    return re.sub(r"\s+", " ", text).replace("( ", "(").replace(" )", ")")


def _uncovered(text: str) -> str:
    """With regular expressions as they were written."""
    return _HIDDEN.sub(lambda found: _requoted(bytes.fromhex(found[1]).decode("utf-8", "replace")), text)


def _requoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _worded(problem: str) -> str:
    """The parser's sentence in Prometheus' words."""
    problem = _uncovered(problem)
    for theirs, ours in _WORDS:
        problem = theirs.sub(ours, problem)
    return problem


def selectors_in(expr: Expr) -> list[Selector]:
    """Every selector of an expression, each once, in order."""
    found: dict[tuple[Matcher, ...], Selector] = {}
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Selector):
            found.setdefault(node.matchers, node)
        waiting += reversed(children(node))
    return list(found.values())


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that an expression consists of, in order."""
    match expr:
        case Call():
            return expr.args
        case Aggregate():
            return (expr.expr,) if expr.param is None else (expr.param, expr.expr)
        case Binary():
            return (expr.left, expr.right)
        case Negation() | Subquery():
            return (expr.expr,)
        case _:
            return ()


def parse_match(text: str) -> tuple[Matcher, ...]:
    """A ``match[]`` parameter: a series selector and nothing else."""
    try:
        expr = parse(text)
    except QueryError as cause:
        if _NO_MATCHER in str(cause):
            raise QueryError(f"match[] must contain {_NO_MATCHER}") from cause
        raise
    if not isinstance(expr, Selector) or expr.kind != "vector":
        raise QueryError("parse error: expected a series selector")
    return expr.matchers
