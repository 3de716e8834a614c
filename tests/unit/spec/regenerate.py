"""Write the schemas and the tables of docs/spec.md anew: ``python -m tests.unit.spec.regenerate``."""

from __future__ import annotations

import json
from pathlib import Path

from obsctl.schema.reference import json_schema, tables
from obsctl.spec.load import FILES

ROOT = Path(__file__).resolve().parents[3]
DOC = ROOT / "docs" / "spec.md"


def schema_path(file: str) -> Path:
    return ROOT / "templates" / "schemas" / f"{file.removesuffix('.yaml')}.schema.json"


def schema_text(file: str) -> str:
    return json.dumps(json_schema(f"obsctl: {file}", FILES[file]), indent=1, ensure_ascii=False) + "\n"


def doc_text(text: str) -> str:
    """The page with the tables between its markers made anew."""
    for file in FILES:
        begin, end = f"<!-- keys of {file} -->\n", f"<!-- end of {file} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n{tables(FILES[file])}\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    for name in FILES:
        schema_path(name).parent.mkdir(exist_ok=True)
        schema_path(name).write_text(schema_text(name), encoding="utf-8")
    DOC.write_text(doc_text(DOC.read_text(encoding="utf-8")), encoding="utf-8")
