"""Write the tables of docs/check.md anew: ``python -m tests.unit.lint.regenerate``."""

from __future__ import annotations

import re
from pathlib import Path

from obsctl.lint.catalogue import RULES

DOC = Path(__file__).resolve().parents[3] / "docs" / "check.md"
TABLE = re.compile(r"(<!-- findings of ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(group: str) -> str:
    rows = [r for r in RULES if r.id.partition(".")[0] == group]
    lines = [f"| `{r.id}` | {r.severity} | {r.title} | {r.hint} |".replace("\\|", "|") for r in rows]
    return "\n".join(["", "| id | severity | finds | next |", "|---|---|---|---|", *lines, "", ""])


def doc_text(text: str) -> str:
    """The page with its tables made anew."""
    return TABLE.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)


if __name__ == "__main__":
    DOC.write_text(doc_text(DOC.read_text(encoding="utf-8")), encoding="utf-8")
