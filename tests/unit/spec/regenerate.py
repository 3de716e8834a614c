"""Write the schemas and the key tables of the docs anew: ``python -m tests.unit.spec.regenerate``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from obsctl.embedded.config import Config
from obsctl.schema.records import RecordType
from obsctl.schema.reference import Keyed, json_schema, tables
from obsctl.spec.load import FILES

ROOT = Path(__file__).resolve().parents[3]
PAGES: Mapping[Path, Mapping[str, Keyed]] = {
    ROOT / "docs" / "spec.md": FILES,
    ROOT / "docs" / "embedded.md": {"embedded.json": RecordType(Config)},
}
"""The pages with tables, and what the tables are of, by the name that is in their markers."""


def schema_path(file: str) -> Path:
    return ROOT / "templates" / "schemas" / f"{file.removesuffix('.yaml')}.schema.json"


def schema_text(file: str) -> str:
    return json.dumps(json_schema(f"obsctl: {file}", FILES[file]), indent=1, ensure_ascii=False) + "\n"


def page_text(page: Path) -> str:
    """The page with the tables between its markers made anew."""
    text = page.read_text(encoding="utf-8")
    for file, keyed in PAGES[page].items():
        begin, end = f"<!-- keys of {file} -->\n", f"<!-- end of {file} -->"
        head, marker, rest = text.partition(begin)
        assert marker, f"{page} has no tables of {file}"
        text = f"{head}{begin}\n{tables(keyed)}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    for name in FILES:
        schema_path(name).parent.mkdir(exist_ok=True)
        schema_path(name).write_text(schema_text(name), encoding="utf-8")
    for path in PAGES:
        path.write_text(page_text(path), encoding="utf-8")
