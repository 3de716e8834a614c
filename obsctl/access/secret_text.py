"""Secrets by reference: what a file may say instead of a secret, and reading it where a request is made."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from obsctl.errors import UsageError
from obsctl.json_types import Json
from obsctl.schema.scalars import read_text
from obsctl.schema.source import SourceNode
from obsctl.schema.types import ScalarType, ValidationError

_REFERENCE = re.compile(r"(?P<before>(?:[^$]|\$(?!\{))*)\$\{(?P<source>env|file):(?P<name>[^\x00-\x1f]+)\}", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_BYTES = 64 * 1024
REFERENCE_HINT = "Write ${env:NAME} for an environment variable, or ${file:path} for a file."


@dataclass(frozen=True)
class SecretText:
    """A text that may end with a reference: ``${env:NAME}`` or ``${file:path}``. Printed, it shows the reference."""

    before: str = ""
    source: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.before}${{{self.source}:{self.name}}}" if self.source else self.before

    def below(self, folder: Path) -> SecretText:
        """The same with the path of a file taken from ``folder``."""
        return replace(self, name=str(folder / self.name)) if self.source == "file" else self

    def value(self, environment: Mapping[str, str] | None = None) -> str:
        """The text with the secret in it. UsageError where there is none, or none that a header can hold."""
        secret = self._secret(os.environ if environment is None else environment)
        if re.search(r"[^\x20-\x7e\x80-\U0010ffff]", secret):
            raise UsageError(f"{self} holds control characters", hint="a header takes one line of text")
        return self.before + secret

    def content(self, environment: Mapping[str, str] | None = None) -> bytes:
        """What a file holds that stands for it: a certificate as it is, a secret with what is before it."""
        if self.source == "file" and not self.before:
            return _first_bytes(self.name)
        return self.value(environment).encode()

    def _secret(self, environment: Mapping[str, str]) -> str:
        if self.source == "file":
            return _first_bytes(self.name).decode("utf-8", "replace").strip()
        if self.source == "env" and not environment.get(self.name):
            raise UsageError(f"the environment variable {self.name} is not set", hint=f"the spec asks for {self}")
        return environment[self.name] if self.source else ""


def _first_bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"the secret in {path} cannot be read: {reason.lower()}", hint="see `auth:` of the component"
        ) from error
    if not data.strip() or len(data) > _MOST_BYTES:
        raise UsageError(f"{path} holds no secret: it is {'empty' if not data.strip() else 'far too long'}")
    return data


def _parse(text: str) -> SecretText:
    """Raises ValidationError for a reference that is none."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        if "${" in text:
            raise ValidationError("expected a text that may end with one reference", REFERENCE_HINT)
        return SecretText(text)
    if found["source"] == "env" and not _VARIABLE.fullmatch(found["name"]):
        raise ValidationError("expected the name of an environment variable after ${env:", REFERENCE_HINT)
    return SecretText(found["before"], found["source"], found["name"])


def _secret(node: SourceNode) -> SecretText:
    """A reference alone: what stands in the file itself is refused, and never repeated."""
    secret = _parse(node.value if isinstance(node.value, str) else "")
    if not secret.source or secret.before:
        raise ValidationError("a secret must not stand here itself", REFERENCE_HINT)
    return secret


def _header(node: SourceNode) -> SecretText:
    text = read_text(node)
    if re.search(r"[^\x20-\x7e]", _REFERENCE.sub(lambda found: found["before"], text)):
        raise ValidationError
    return _parse(text)


def _user(node: SourceNode) -> SecretText:
    text = _parse(read_text(node))
    if ":" in text.before or re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text.before):
        raise ValidationError
    return text


_ONE = r"\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\x00-\x1f]+)\}"
_TEXT: dict[str, Json] = {"type": "string", "pattern": rf"^([^$]|\$(?!\{{))*({_ONE})?$"}
SECRET = ScalarType(
    "a reference such as ${env:TOKEN} or ${file:token.txt}", _secret, {"type": "string", "pattern": f"^{_ONE}$"}
)
HEADER = ScalarType("printable ASCII text, or a reference such as ${env:API_KEY}", _header, _TEXT)
USER = ScalarType("a user name without a colon", _user, _TEXT)
