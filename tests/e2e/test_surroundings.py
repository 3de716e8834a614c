"""A stack in a hostile place: an environment full of other people's settings, and a folder with an odd name."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import Folder

NOWHERE = "http://127.0.0.1:9"
ENVIRONMENT = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "grpc_proxy"), NOWHERE),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
    **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PROMETHEUS_MULTIPROC_DIR"), "/nonexistent"),
    "OTEL_SDK_DISABLED": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE,
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    "QDRANT_URL": NOWHERE,
    "AI_PROVIDER": "none",
    "PYTHONSTARTUP": "/nonexistent",
    "PYTHONOPTIMIZE": "2",
    "LC_ALL": "C",
}


@pytest.mark.timeout(240)
def test_nothing_inherited_changes_the_stack_and_its_files_are_private(folder: Folder) -> None:
    place = folder.path / "shop [2026] 10:30 {ü}"
    place.mkdir(mode=0o755)
    here = replace(folder, path=place, env={**folder.env, **ENVIRONMENT})
    try:
        assert here.up().status == 0
        verified = here.run("verify", timeout=150)
        assert verified.status == 0, verified
        assert _open_to_others(place / ".obsctl") == []
    finally:
        here.run("down", "--volumes")


def _open_to_others(home: Path) -> list[str]:
    """The files and folders that another user may read, with their modes."""
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    assert len(modes) > 10
    return [f"{path.relative_to(home)} {mode:o}" for path, mode in modes.items() if mode & 0o077]
