"""What can be wrong with a query. The APIs turn these into their own envelopes and statuses."""

from __future__ import annotations

from typing import Literal

Kind = Literal["bad_data", "execution", "timeout", "not_found"]


class QueryError(Exception):
    """A query that cannot be answered: ``kind`` is Prometheus' word for why, the text is for its author."""

    kind: Kind = "bad_data"


class RegexError(QueryError):
    """A ``pattern`` in a query that is no regular expression, or longer than is compiled."""

    def __init__(self, pattern: str, problem: str) -> None:
        super().__init__(problem)
        self.pattern = pattern


class ExecutionError(QueryError):
    """A well-formed query that this engine cannot carry out: not supported yet, or too large."""

    kind: Kind = "execution"


class QueryTimeoutError(QueryError):
    """The query took longer than it may."""

    kind: Kind = "timeout"


class MissingError(QueryError):
    """What was asked for is not stored."""

    kind: Kind = "not_found"


class ParameterError(QueryError):
    """A request parameter that cannot be right. Says ``invalid parameter "name": …`` as Prometheus does."""

    def __init__(self, name: str, problem: object) -> None:
        super().__init__(f'invalid parameter "{name}": {problem}')


def not_supported(what: str) -> str:
    """The sentence for a construct that parses but has no engine yet."""
    return f"{what} is not supported yet by the embedded engine"
