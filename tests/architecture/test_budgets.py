"""The numbers the code is held to: length of modules and functions, public docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "obsctl").rglob("*.py"), *(ROOT / "sample_service").rglob("*.py")])
MODULE_LINES = 450
FUNCTION_LINES = 80
SHORT, SHARE = 35, 0.9


def functions() -> list[tuple[str, int]]:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append((f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", lines))
    return found


def test_modules_fit_on_a_desk() -> None:
    long = {
        str(p.relative_to(ROOT)): n for p in SOURCES if (n := p.read_text(encoding="utf8").count("\n")) > MODULE_LINES
    }
    assert not long


def test_functions_are_short() -> None:
    found = functions()
    assert not [(name, lines) for name, lines in found if lines > FUNCTION_LINES]
    assert sum(lines <= SHORT for _, lines in found) / len(found) >= SHARE
