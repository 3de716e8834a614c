"""JSON objects that people and `render` write: their keys by type, and sentences that name the key that is wrong."""

from __future__ import annotations

import json
from typing import Any

from obsctl.errors import UsageError


class Keys:
    """One JSON object and the way to it; hands out its keys by type and knows which were not asked for."""

    def __init__(self, at: str, value: object) -> None:
        if not isinstance(value, dict):
            raise UsageError(f"{at or 'the configuration'} must be an object, not {kind_of(value)}")
        self._at = at
        self._values: dict[str, Any] = value
        self._asked: set[str] = set()

    def where(self, key: str) -> str:
        """The full name of a key."""
        return f"{self._at}.{key}" if self._at else key

    def nothing_else(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                raise UsageError(f"unknown key {self.where(key)}; known here: {', '.join(sorted(self._asked))}")

    def shown(self) -> str:
        """The object as JSON that a person can read."""
        return json.dumps(self._values, indent=2, ensure_ascii=False) + "\n"

    def has(self, key: str) -> bool:
        """Whether an optional key is there."""
        self._asked.add(key)
        return self._values.get(key) is not None

    def text(self, key: str) -> str:
        """A non-empty string."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise UsageError(f"{self.where(key)} must be a non-empty string, not {kind_of(value)}")
        return value

    def number(self, key: str, least: float, most: float) -> float:
        """A number in a range."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise UsageError(f"{self.where(key)} must be a number from {least:g} to {most:g}, not {kind_of(value)}")
        return float(value)

    def whole(self, key: str, least: int, most: int) -> int:
        """A whole number in a range."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise UsageError(f"{self.where(key)} must be a whole number from {least} to {most}, not {kind_of(value)}")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._get(key)
        if not isinstance(value, bool):
            raise UsageError(f"{self.where(key)} must be true or false, not {kind_of(value)}")
        return value

    def keys(self, key: str) -> Keys:
        """An object."""
        return Keys(self.where(key), self._get(key))

    def items(self, key: str) -> list[Keys]:
        """A list of objects."""
        return [Keys(f"{self.where(key)}[{index}]", item) for index, item in enumerate(self._list(key))]

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of non-empty strings."""
        values = self._list(key)
        if not all(isinstance(value, str) and value for value in values):
            raise UsageError(f"{self.where(key)} must be a list of non-empty strings")
        return tuple(values)

    def texts(self, key: str) -> dict[str, str]:
        """An object of strings."""
        value = self._get(key)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise UsageError(f"{self.where(key)} must be an object of strings, not {kind_of(value)}")
        return dict(value)

    def _list(self, key: str) -> list[Any]:
        value = self._get(key)
        if not isinstance(value, list):
            raise UsageError(f"{self.where(key)} must be a list, not {kind_of(value)}")
        return value

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            raise UsageError(f"{self.where(key)} is missing")
        return self._values[key]


def kind_of(value: object) -> str:
    """How a JSON value is called in a sentence."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
