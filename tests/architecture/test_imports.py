"""The house as a table: which room may import whom, and who owns each third-party library. Lazy imports count."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEUTRAL = ("errors", "events", "wait", "assets", "probes")
VALUES = ("endpoints", "languages", "result")

ROOMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NEUTRAL, ()),
    **dict.fromkeys(VALUES, ("errors",)),
    "dashboards": ("languages", "errors"),
    "spec": ("assets", "languages", "errors"),
    "backends": ("spec", "endpoints", "errors"),
    "render": ("backends", "spec", "endpoints", "dashboards", "languages", "assets", "errors"),
    "runtime": ("render", "endpoints", "events", "errors"),
    "clients": ("endpoints", "errors"),
    "checks": ("spec", "clients", "endpoints", "dashboards", "languages", "probes", "wait", "events", "errors"),
    "traffic": ("spec", "clients", "probes", "wait", "errors"),
    "discovery": ("spec", "clients", "endpoints", "languages", "assets", "errors"),
    "trace": ("clients", "endpoints", "wait", "errors"),
    "lint": ("spec", "dashboards", "languages", "errors"),
    "report": ("checks", "lint", "trace", "probes", "result", "events", "errors"),
    "ops": (
        *("spec", "backends", "render", "runtime", "clients", "checks", "lint", "dashboards", "traffic", "trace"),
        *("discovery", *NEUTRAL, *VALUES),
    ),
    "cli": ("ops", "report", "result", "events", "errors"),
    "embedded": ("languages", "errors"),
}
EMBEDDED: dict[str, tuple[str, ...]] = {
    "records": (),
    "self_metrics": (),
    "redaction_prefilter": (),
    "redaction": ("redaction_prefilter", "self_metrics"),
    "keys": (),
    "store": ("records", "self_metrics"),
    "query.vectors": ("store.base",),
    "query.gotemplate": (),
    "query.promql": ("query.vectors", "records", "store.base"),
    "query.logql": ("query.vectors", "query.gotemplate", "records", "store.base"),
    "query.attributes": (),
    "query.traces": ("query.attributes", "records", "store.base"),
    "query.traceql": ("query.traces", "records", "store.base"),
    "http": ("records", "store.base"),
    "spanmetrics": ("records", "store.base", "self_metrics"),
    "rules": ("query", "records", "store.base", "self_metrics", "keys"),
    "alerting": ("query", "rules.status", "records", "self_metrics", "keys", "config"),
    "logfiles": ("records", "store.base", "redaction", "self_metrics", "config"),
    "otlp": (
        *("http", "query", "prometheus.label_limits", "prometheus.numbers"),
        *("records", "store.base", "redaction", "self_metrics"),
    ),
    "prometheus": ("http", "query", "rules", "records", "store.base", "self_metrics", "config"),
    "loki": ("http", "query", "otlp", "prometheus", "records", "store.base", "self_metrics"),
    **dict.fromkeys(("jaeger", "tempo"), ("http", "query", "otlp", "records", "store.base")),
    "alertmanager": ("http", "query", "alerting", "records", "store.base"),
}
OWNERS: dict[str, tuple[str, ...]] = {
    "typer": ("cli",),
    "rich": ("report",),
    "requests": ("clients",),
    "yaml": ("spec",),
    "docker": ("runtime/docker",),
    "psutil": ("runtime",),
    "prometheus_client": ("clients", "embedded"),
    **dict.fromkeys(("grpc", "starlette", "uvicorn", "numpy", "sqlite3", "opentelemetry", "google"), ("embedded",)),
    "re2": ("languages", "embedded"),
    "xxhash": ("embedded/query/vectors",),
    "cramjam": ("embedded",),
}


def modules() -> list[Path]:
    return sorted((ROOT / "obsctl").rglob("*.py"))


@cache
def imports(path: Path) -> tuple[str, ...]:
    """Every module that a file imports, wherever in it."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names += (f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(names)


def inside(path: Path) -> str:
    return path.relative_to(ROOT / "obsctl").with_suffix("").as_posix()


def embedded_room(path: Path) -> str | None:
    """The entry of ``EMBEDDED`` that a module belongs to: the longest one."""
    module = inside(path).removeprefix("embedded/").replace("/", ".")
    return max((room for room in EMBEDDED if in_one_of(module, (room,))), key=len, default=None)


def in_one_of(name: str, rooms: Iterable[str]) -> bool:
    """Whether a module is one of those, or in one of them; an entry with dots is a part of a room."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


@pytest.mark.parametrize("path", modules(), ids=inside)
def test_a_room_imports_only_what_the_table_names(path: Path) -> None:
    room = inside(path).split("/")[0]
    ours = {name.removeprefix("obsctl.") for name in imports(path) if name.startswith("obsctl.")}
    allowed = ROOMS.get(room, ("cli",))
    strange = sorted(name for name in ours if not in_one_of(name, ("__version__", room, *allowed)))
    assert not strange, f"{room} imports {strange}, the table allows {allowed}"


@pytest.mark.parametrize("path", [p for p in modules() if inside(p).startswith("embedded/")], ids=inside)
def test_a_room_of_the_embedded_server_imports_only_what_the_table_names(path: Path) -> None:
    room = embedded_room(path)
    if room is None:
        return  # app.py and its neighbours wire everything
    ours = [n.removeprefix("obsctl.embedded.") for n in imports(path) if n.startswith("obsctl.embedded.")]
    strange = [n for n in ours if not in_one_of(n, (room, *EMBEDDED[room]))]
    assert not strange, f"embedded/{room} imports {strange}, the table allows {EMBEDDED[room]}"


@pytest.mark.parametrize("path", modules(), ids=inside)
def test_a_library_is_imported_only_by_its_owner(path: Path) -> None:
    for name in imports(path):
        owners = OWNERS.get(name.split(".")[0])
        here = path.relative_to(ROOT / "obsctl").as_posix()
        assert owners is None or here.startswith(owners), f"{here} imports {name}, which belongs to {owners}"


def test_obsctl_and_the_sample_service_do_not_know_each_other() -> None:
    for path in modules():
        assert not any(name.split(".")[0] == "sample_service" for name in imports(path)), path
    for path in (ROOT / "sample_service").rglob("*.py"):
        assert not any(name.split(".")[0] == "obsctl" for name in imports(path)), path


def test_the_table_names_every_room() -> None:
    inhabited = (p for p in (ROOT / "obsctl").iterdir() if p.suffix in (".py", "") and not p.name.startswith("_"))
    found = {p.stem for p in inhabited}
    assert found == set(ROOMS)


def test_product_names_stay_in_their_rooms() -> None:
    """Readers know protocols. Only descriptions, and our own server, may name products in their logic."""
    products = ("grafana", "tempo", "alertmanager", "promtail", "alloy")
    for path in modules():
        room = inside(path).split("/")[0]
        if room in ("backends", "embedded"):
            continue
        constants = (
            n.value for n in ast.walk(ast.parse(path.read_text(encoding="utf8"))) if isinstance(n, ast.Constant)
        )
        assert not [c for c in constants if isinstance(c, str) and c.lower() in products], path
