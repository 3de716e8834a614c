"""How much an attribute is required: the requirement levels of OpenTelemetry's registry.

Only what is ``required`` has to be there. What is ``conditionally_required``, ``recommended`` or ``opt_in`` may be
there, so that no check asks for it and none is surprised by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from obsctl.json_types import Json
from obsctl.schema.findings import Findings
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import text_like
from obsctl.schema.source import SourceCursor
from obsctl.schema.types import ListOf, ValidationError

REQUIRED = "required"
LEVELS = (REQUIRED, "conditionally_required", "recommended", "opt_in")
ATTRIBUTE_KEY = text_like(r"\S{1,200}", "an attribute key such as http.route")

_EXPECTED = f"one of {', '.join(LEVELS)}, alone or with a text"
_DOC = "`required`, `conditionally_required`, `recommended` or `opt_in`; only the first is asked for."


@dataclass(frozen=True, eq=False, repr=False)
class RequirementLevelType:
    """A level by its name, or from its name to a text: ``{conditionally_required: if it failed}``."""

    expected: str = _EXPECTED

    def read(self, cursor: SourceCursor, findings: Findings) -> str:  # noqa: ARG002
        """The name of the level."""
        value = cursor.node.value
        if isinstance(value, Mapping):
            said = [(name, node.value) for name, node in value.items()]
            if len(said) != 1 or not isinstance(said[0][1], str):
                raise ValidationError
            value = said[0][0]
        if value not in LEVELS:
            raise ValidationError
        return str(value)

    def schema(self) -> dict[str, Json]:
        """A word, or an object with one key."""
        about: Json = {name: {"type": "string"} for name in LEVELS}
        one: Json = {"type": "object", "properties": about, "additionalProperties": False, "maxProperties": 1}
        return {"anyOf": [{"enum": list(LEVELS)}, one]}


LEVEL = RequirementLevelType()


@record("an attribute", single="ref")
class RequirableAttribute:
    """An attribute or a field, and how much it is required."""

    ref: str = key(ATTRIBUTE_KEY, "Its key.")
    requirement_level: str = key(LEVEL, _DOC, default=REQUIRED)


@dataclass(frozen=True, eq=False, repr=False)
class RequiredKeys:
    """A list of keys, bare or with their level; the value are those that are required."""

    expected: str
    empty: bool = True

    @property
    def _list(self) -> ListOf[RequirableAttribute]:
        return ListOf(RecordType(RequirableAttribute), self.expected, empty=self.empty)

    def read(self, cursor: SourceCursor, findings: Findings) -> tuple[str, ...]:
        """The required keys, in order."""
        listed = self._list.read(cursor, findings)
        return tuple(entry.ref for entry in listed if entry.requirement_level == REQUIRED)

    def schema(self) -> dict[str, Json]:
        """An array of keys and objects."""
        return self._list.schema()
