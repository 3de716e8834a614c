"""The house as a table: which room may import whom, and who owns each third-party library. Lazy imports count."""

from __future__ import annotations

import ast
import functools
import sys
import tomllib
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
NEUTRAL = ("errors", "events", "wait", "assets", "probes", "json_types")
VALUES = ("languages", "result")

ROOMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NEUTRAL, ()),
    **dict.fromkeys(VALUES, ("errors",)),
    "access": ("schema", "json_types", "errors"),
    "endpoints": ("access", "errors"),
    "dashboards": ("languages", "errors"),
    "schema": ("languages", "json_types", "errors"),
    "spec": ("access", "schema", "assets", "languages", "json_types", "errors"),
    "backends": ("spec", "endpoints", "errors"),
    "render": (
        "access",
        "backends",
        "spec",
        "schema",
        "endpoints",
        "dashboards",
        "languages",
        "assets",
        "json_types",
        "errors",
    ),
    "runtime": ("access", "render", "endpoints", "wait", "events", "json_types", "errors"),
    "clients": ("access", "endpoints", "languages", "json_types", "errors"),
    "checks": (
        "spec",
        "clients",
        "endpoints",
        "dashboards",
        "languages",
        "probes",
        "wait",
        "events",
        "json_types",
        "errors",
    ),
    "rpc": ("access", "errors"),
    "traffic": ("access", "rpc", "spec", "clients", "languages", "probes", "wait", "errors"),
    "discovery": ("access", "spec", "clients", "endpoints", "languages", "assets", "errors"),
    "trace": ("clients", "endpoints", "wait", "json_types", "errors"),
    "ui": (
        *("clients", "dashboards", "trace", "endpoints", "access", "languages"),
        *("wait", "json_types", "errors"),
    ),
    "overview": ("clients", "endpoints", "assets", "json_types", "errors"),
    "lint": ("spec", "schema", "dashboards", "languages", "errors"),
    "report": (
        "checks",
        "lint",
        "trace",
        "overview",
        "probes",
        "result",
        "events",
        "json_types",
        "errors",
    ),
    "ops": (
        *("spec", "backends", "render", "runtime", "clients", "checks", "lint", "dashboards", "traffic", "trace"),
        *("overview", "ui", "discovery", "schema", "access", "endpoints", *NEUTRAL, *VALUES),
    ),
    "cli": ("ops", "report", "result", "events", "errors"),
    "embedded": ("access", "schema", "languages", "errors"),
}
EMBEDDED: dict[str, tuple[str, ...]] = {
    "records": (),
    "spans": (),
    "self_metrics": (),
    "redaction": ("self_metrics",),
    "alerting_config": (),
    "config": ("alerting_config",),
    "store": ("records", "spans", "self_metrics"),
    "query.vectors": ("store.base",),
    "query.gotemplate": (),
    "query.promql": ("query.vectors", "records", "store.base"),
    "query.logql": ("query.vectors", "query.gotemplate", "records", "store.base"),
    "query.attributes": ("spans",),
    "query.traces": ("query.attributes", "spans", "store.base"),
    "query.traceql": ("query.traces", "spans", "store.base"),
    "http": ("records", "store.base"),
    "spanmetrics": ("records", "store.base", "store.traces.decode", "self_metrics"),
    "rules": ("query", "records", "store.base", "self_metrics"),
    "alerting": ("query.vectors.labels", "rules.status", "self_metrics", "alerting_config"),
    "logfiles": ("records", "store.base", "redaction", "self_metrics", "config"),
    "prometheus": (
        *("http", "query.promql", "query.vectors", "query.gotemplate.printing", "rules", "config"),
        *("records", "store.base", "self_metrics"),
    ),
    "otlp": (
        *("http", "query.attributes", "query.logql.levels", "prometheus.series_labels"),
        *("records", "spans", "store.base", "redaction", "self_metrics"),
    ),
    "loki": ("http", "query.logql", "query.vectors", "prometheus.json", "records", "store.base", "self_metrics"),
    "jaeger": ("http", "query.attributes", "query.traces", "otlp.json", "spans", "store.base"),
    "tempo": ("http", "query.traces", "query.traceql", "otlp.json", "spans", "store.base"),
    "alertmanager": ("http", "alerting", "records", "store.base", "self_metrics"),
}
PROTOBUF = tuple(
    f"embedded/{room}"
    for room in ("otlp", "store", "prometheus", "loki", "redaction", "http/proto_table", "http/unicode")
)
"""Where messages of protobuf are read and written."""

OWNERS: dict[str, tuple[str, ...]] = {
    "typer": ("cli",),
    "rich": ("report",),
    "requests": ("clients",),
    "yaml": ("spec",),
    "docker": ("runtime/docker",),
    "psutil": ("runtime",),
    "grpc": ("embedded", "rpc/"),
    **dict.fromkeys(("numpy", "sqlite3"), ("embedded",)),
    **dict.fromkeys(("starlette", "uvicorn"), ("embedded", "ui")),
    "websockets": ("ui",),
    "opentelemetry": PROTOBUF,
    "google": (*PROTOBUF, "rpc/"),
    "re2": ("languages", "embedded"),
    "xxhash": ("embedded/query/vectors",),
    "cramjam": ("embedded",),
}


EXTRAS: dict[str, dict[str, tuple[str, ...]]] = {
    "": {
        **{name: (name,) for name in ("typer", "rich", "psutil", "docker")},
        "requests": ("requests", "urllib3"),
        "pyyaml": ("yaml",),
        "google-re2": ("re2",),
    },
    "embedded": {
        **{name: (name,) for name in ("starlette", "uvicorn", "httptools", "numpy", "cramjam", "xxhash")},
        **dict.fromkeys(("uvloop", "wsproto"), ()),  # uvicorn loads them
        "websockets": (),  # the pages, which it serves, follow logs with it
        "grpcio": ("grpc",),
        "protobuf": ("google.protobuf",),
        "googleapis-common-protos": ("google.rpc",),
        "opentelemetry-proto": ("opentelemetry.proto",),
    },
    "grpc": {"grpcio": ("grpc",), "protobuf": ("google.protobuf",)},
    "ui": {
        **{name: (name,) for name in ("starlette", "uvicorn", "websockets")},
        "wsproto": (),  # uvicorn loads it
    },
    "sample": {
        "prometheus-client": ("prometheus_client",),
        **{name: (name,) for name in ("uvicorn", "httpx", "sqlalchemy", "redis", "fakeredis")},
        "fastapi": ("fastapi", "starlette", "pydantic"),
        "qdrant-client": ("qdrant_client",),
        "opentelemetry-sdk": ("opentelemetry",),
        **dict.fromkeys([f"opentelemetry-exporter-otlp-proto-{protocol}" for protocol in ("grpc", "http")], ()),
        **{
            f"opentelemetry-instrumentation-{library}": ()
            for library in ("fastapi", "httpx", "redis", "sqlalchemy", "qdrant")
        },
    },
}
"""Extra ("" is the base) -> the distributions that it brings, and what is imported of each."""


def extra_of(room: str) -> str:
    """Everything but the embedded server, the pages and calls of gRPC works with the base alone."""
    return {"embedded": "embedded", "ui": "ui", "rpc": "grpc"}.get(room, "")


def imported_of(*extras: str) -> set[str]:
    return {name for extra in extras for names in EXTRAS[extra].values() for name in names}


@functools.cache
def modules(package: str = "obsctl") -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@functools.cache
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


def room_of(path: Path) -> str:
    return inside(path).split("/")[0]


def in_one_of(name: str, rooms: Iterable[str]) -> bool:
    """Whether a module is one of those, or in one of them; an entry with dots is a part of a room."""
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def strangers(paths: Iterable[Path], package: str, allowed: Iterable[str]) -> Mapping[str, list[str]]:
    """File -> what it imports of a package that is not in one of the allowed rooms; files without any are left out."""
    rooms = tuple(allowed)
    ours = {path: [n.removeprefix(package) for n in imports(path) if n.startswith(package)] for path in paths}
    strange = {inside(path): [n for n in names if not in_one_of(n, rooms)] for path, names in ours.items()}
    return {path: names for path, names in strange.items() if names}


@pytest.mark.parametrize("room", sorted({room_of(path) for path in modules()}))
def test_a_room_imports_only_what_the_table_names(room: str) -> None:
    allowed = ROOMS.get(room, ("cli",))
    paths = [path for path in modules() if room_of(path) == room]
    strange = strangers(paths, "obsctl.", ("__version__", room, *allowed))
    assert not strange, f"{room} imports {strange}, the table allows {allowed}"


@pytest.mark.parametrize("room", EMBEDDED)
def test_a_room_of_the_embedded_server_imports_only_what_the_table_names(room: str) -> None:
    """app.py and its neighbours wire everything."""
    paths = [path for path in modules() if room_of(path) == "embedded" and embedded_room(path) == room]
    strange = strangers(paths, "obsctl.embedded.", (room, *EMBEDDED[room]))
    assert paths, f"embedded/{room} is empty"
    assert not strange, f"embedded/{room} imports {strange}, the table allows {EMBEDDED[room]}"


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_only_by_its_owner(library: str) -> None:
    importers = {inside(path) for path in modules() for name in imports(path) if name.split(".")[0] == library}
    assert importers, f"nothing imports {library}"
    assert all(path.startswith(OWNERS[library]) for path in importers), f"{library} belongs to {OWNERS[library]}"


def test_a_file_imports_only_what_its_extra_brings() -> None:
    known = {*sys.stdlib_module_names, "obsctl", "sample_service"}
    homes = {path: extra_of(room_of(path)) for path in modules()} | dict.fromkeys(modules("sample_service"), "sample")
    for path, extra in homes.items():
        foreign = [name for name in imports(path) if name.split(".")[0] not in known]
        strange = [name for name in foreign if not in_one_of(name, imported_of("", extra))]
        assert not strange, f"{path} imports {strange}, which {extra or 'the base'} does not bring"


def test_an_extra_brings_only_what_is_imported() -> None:
    used = {name for path in (*modules(), *modules("sample_service")) for name in imports(path)}
    unused = [library for library in imported_of(*EXTRAS) if not any(in_one_of(name, (library,)) for name in used)]
    assert not unused, f"nothing imports {unused}"


def test_the_distribution_asks_for_what_the_table_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    extras = project["optional-dependencies"]
    for extra, table in EXTRAS.items():
        listed = map(Requirement, extras[extra] if extra else project["dependencies"])
        assert sorted(canonicalize_name(requirement.name) for requirement in listed) == sorted(table), extra
    assert extras["all"] == ["obsctl[embedded,sample,ui]"]
    assert "obsctl[all]" in extras["dev"]
    assert set(extras) == {*EXTRAS, "all", "dev"} - {""}


def floors(table: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The floor of each room: above those of all rooms that it may import. ``CycleError`` where there is none."""
    below = {
        room: {other for name in allowed for other in table if in_one_of(name, (other,)) or in_one_of(other, (name,))}
        for room, allowed in table.items()
    }
    found: dict[str, int] = {}
    for room in TopologicalSorter(below).static_order():
        found[room] = 1 + max((found[other] for other in below[room]), default=-1)
    return found


def test_no_import_runs_upwards_between_rooms() -> None:
    floor = floors(ROOMS)
    for path in modules():
        room = inside(path).split("/")[0]
        targets = {name.split(".")[1] for name in imports(path) if name.startswith("obsctl.")} - {room}
        upwards = [other for other in targets if room in floor and floor.get(other, -1) >= floor[room]]
        assert not upwards, f"{inside(path)} imports {upwards}, which stand no lower than {room}"


def test_no_import_runs_upwards_inside_the_embedded_server() -> None:
    floor = floors(EMBEDDED)
    for path in (p for p in modules() if "embedded" in p.parts):
        room = embedded_room(path)
        names = (n.removeprefix("obsctl.embedded.") for n in imports(path) if n.startswith("obsctl.embedded."))
        targets = {other for name in names for other in EMBEDDED if in_one_of(name, (other,))} - {room}
        upwards = [other for other in targets if room and floor[other] >= floor[room]]
        assert not upwards, f"{inside(path)} imports {upwards}, which stand no lower than {room}"


def test_the_imports_of_the_product_have_no_circle() -> None:
    """Between modules, imports inside functions included."""
    known = {module_name(path): path for path in modules()}

    def importable(name: str) -> str:
        """The module that an imported name is, or stands in."""
        while name and name not in known:
            name = name.rpartition(".")[0]
        return name

    graph = {name: {importable(target) for target in imports(path)} - {name, ""} for name, path in known.items()}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_obsctl_and_the_sample_service_do_not_know_each_other() -> None:
    for path in modules():
        assert not any(name.split(".")[0] == "sample_service" for name in imports(path)), path
    for path in modules("sample_service"):
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
