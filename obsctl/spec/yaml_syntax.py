"""YAML syntax errors as sentences. The parser says what it expected; a person wants to know what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from obsctl.errors import Place, SpecError

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SECOND_LOOK = 64 * 1024


@dataclass(frozen=True)
class _Sentence:
    """What to say when the parser's problem matches. ``opened`` points at where the broken thing began."""

    problem: str
    message: str
    hint: str
    opened: bool = False


_QUOTE = "Put the value in quotes."
_INDENT = "Check the indentation of this line and the one above; put values that contain `: ` in quotes."

_SENTENCES = (
    _Sentence(r"character '\\t' that", "a tab is used for indentation", "YAML wants spaces there."),
    _Sentence(r"character '(?P<what>.)' that", 'a value cannot start with "{what}"', _QUOTE),
    _Sentence(r"character that cannot start", "a value cannot start with this character", _QUOTE),
    _Sentence(r"mapping values are not allowed", 'unexpected ":"', _INDENT),
    _Sentence(r"could not find expected ':'", 'a key without ":"', "Write `key: value`.", opened=True),
    _Sentence(r"expected ',' or '\]'", 'a list opened with "[" is not closed', "Add `]` or a comma.", opened=True),
    _Sentence(r"expected ',' or '\}'", 'a mapping opened with "{{" is not closed', "Add `}` or a comma.", opened=True),
    _Sentence(r"unexpected end of stream", "a quoted text is not closed", "Add the closing quote.", opened=True),
    _Sentence(r"unknown escape character", "a backslash that starts no escape", "Use single quotes around it."),
    _Sentence(r"<stream end>", "the file ends in the middle of something", "Close every bracket, brace and quote."),
    _Sentence(r"<document start>", "this does not belong to what is above it", _INDENT),
    _Sentence(r"expected <block end>|expected key", "the indentation does not fit the lines above", _INDENT),
    _Sentence(r"expected '-'|expected the node content", "something is missing before this", _INDENT),
)


def control_character(text: str) -> int | None:
    """The position of the first character that YAML allows nowhere, if there is one."""
    found = _CONTROL.search(text)
    return found.start() if found else None


def syntax_error(problem: yaml.YAMLError, text: str, file: str) -> SpecError:
    """The parser's complaint as a sentence with line and column and what to do."""
    told = _python_opinion(text) or problem
    said = " ".join(str(getattr(told, "problem", None) or "not YAML").split())
    sentence = next((s for s in _SENTENCES if re.search(s.problem, said)), None)
    mark = _mark(told, opened=bool(sentence and sentence.opened))
    lines = len(text.rstrip().splitlines())
    inside = mark if mark and mark.line < lines else None
    column = f" (column {inside.column + 1})" if inside else ""
    place = Place(file, inside.line + 1 if inside else lines)
    if sentence is None:
        return SpecError(f"not valid YAML: {said[:120]}{column}", place=place)
    found = re.search(sentence.problem, said)
    message = sentence.message.format(**(found.groupdict() if found else {}))
    return SpecError(message + column, place=place, hint=sentence.hint)


def _python_opinion(text: str) -> yaml.YAMLError | None:
    """The same error from the parser written in Python, whose wording and marks are better; only for short files."""
    if len(text) > _SECOND_LOOK:
        return None
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.YAMLError as problem:
        return problem
    return None


def _mark(problem: yaml.YAMLError, *, opened: bool) -> yaml.Mark | None:
    marks: list[yaml.Mark | None] = [getattr(problem, "context_mark", None), getattr(problem, "problem_mark", None)]
    chosen = marks if opened else reversed(marks)
    return next((m for m in chosen if m is not None), None)
