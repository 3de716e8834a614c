"""A public class name stands once in the product, so that a name read anywhere is one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
TWICE: dict[str, str] = {}
"""Name -> why more than one class has it."""


def public_classes() -> dict[str, list[str]]:
    """Name -> the files that define a class of that name, nested ones included."""
    files: dict[str, list[str]] = defaultdict(list)
    for package in ("obsctl", "sample_service"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    files[node.name].append(path.relative_to(ROOT).as_posix())
    return files


def test_a_public_class_name_stands_once() -> None:
    repeated = {name: files for name, files in public_classes().items() if len(files) > 1}
    assert not {name: files for name, files in repeated.items() if name not in TWICE}
    assert set(TWICE) == set(repeated), "these names stand once now: take them out of the list"
