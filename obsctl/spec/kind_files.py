"""How metrics are recognised that play a family's part: ``templates/families/kinds/*.yaml``, and files of the user.

A file says which series may be which metric of the family, and which labels may be which. The first series that is
there counts. A draft states what was found, with the names and labels of the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from obsctl import assets
from obsctl.schema.findings import Findings, shown_path
from obsctl.schema.records import RecordType, key, record
from obsctl.schema.scalars import TEXT, text_like, whole
from obsctl.schema.text import nearest, quoted
from obsctl.schema.types import ListOf, MapOf, OneOrMore
from obsctl.spec.contract_load import family_names
from obsctl.spec.scalars import NAME, VERSION
from obsctl.spec.yaml_source import read_record

FOLDER = "families/kinds"
"""Below the shipped templates, and below the folder of a draft."""

_SERIES = text_like(r"[a-zA-Z_:*][a-zA-Z0-9_:*]*", "the name of a series; * matches anything")
_LABEL = text_like(r"[a-zA-Z_][a-zA-Z0-9_]*", "a label")
_PART = r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*"


@record("a kind of metrics", kw_only=True)
class KindFile:
    """One way in which libraries name the metrics of a family."""

    version: int = key(VERSION, "Version of this format: 1.")
    kind: str = key(NAME, "The family whose part they play.")
    title: str = key(TEXT, "What emits them, for people.")
    order: int = key(whole(0, 1000), "Files with lower numbers are tried first.", default=100)
    metrics: Mapping[str, tuple[str, ...]] = key(
        MapOf(OneOrMore(_SERIES), "a mapping from metrics to series", _PART, "a name such as http.requests"),
        "Metric of the family -> series that may be it (`*` matches anything), the first that is there.",
    )
    labels: Mapping[str, tuple[str, ...]] = key(
        MapOf(OneOrMore(_LABEL), "a mapping from labels to labels"), "Label of the family -> labels that may be it."
    )
    needs: tuple[str, ...] = key(ListOf(NAME), "Labels of the family without which it is something else.", default=())
    without: tuple[str, ...] = key(ListOf(_SERIES), "Series that play no part, whatever `metrics` says.", default=())
    beside: tuple[str, ...] = key(
        ListOf(_SERIES), "Metrics of which one must be there, too: what tells the language, for instance.", default=()
    )
    optional: tuple[str, ...] = key(ListOf(_LABEL), "Labels that a series may lack, although none did.", default=())
    later: tuple[str, ...] = key(
        ListOf(NAME), "Labels of the family that series have only once something failed.", default=()
    )
    name: str = ""


def kind_files(folder: Path | None = None) -> tuple[KindFile, ...]:
    """The files that ship, and those below ``folder``, in the order in which they are tried. Raises SpecError."""
    found = [load_kind_file(path) for path in sorted((assets.templates() / FOLDER).glob("*.yaml"))]
    if folder is not None:
        found += [load_kind_file(path) for path in sorted((folder / FOLDER).glob("*.yaml"))]
    return tuple(sorted(found, key=lambda file: file.order))


def load_kind_file(path: Path) -> KindFile:
    """One file. Raises SpecError."""
    findings = Findings(shown_path(path))
    file, cursor = read_record(path, RecordType(KindFile), findings)
    for message, hint in _misfits(file):
        findings.add(cursor.spot("kind"), message, hint)
    findings.raise_any()
    return replace(file, name=path.stem)


def _misfits(file: KindFile) -> Iterator[tuple[str, str]]:
    if file.kind not in family_names():
        message = f"unknown family {quoted(file.kind)}{nearest(file.kind, family_names())}"
        yield message, f"Families: {', '.join(family_names())}."
