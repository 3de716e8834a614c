"""The languages are pure: whoever reads a query loads no engine, no store and no network library for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("numpy", "google", "sqlite3", "grpc", "starlette", "fastapi", "requests", "docker", "typer", "rich", "yaml")
_IMPORTS = f"""
import importlib, pkgutil, sys
import obsctl.languages
for module in pkgutil.walk_packages(obsctl.languages.__path__, "obsctl.languages."):
    importlib.import_module(module.name)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & set({HEAVY!r})))
print(*sorted(n for n in sys.modules if n.startswith("obsctl.") and not n.startswith("obsctl.languages")))
"""


@pytest.mark.usefixtures("starts_programs")
def test_the_languages_load_nothing_but_themselves() -> None:
    run = subprocess.run([sys.executable, "-c", _IMPORTS], capture_output=True, text=True, check=True)
    heavy, ours = run.stdout.split("\n")[:2]
    assert heavy == ""
    assert set(ours.split()) <= {"obsctl.errors"}
