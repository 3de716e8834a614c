"""Local images under the tags that a stack asks for, made from package registries where no image registry is reachable.

    python -m tests.e2e.images.build              # makes and loads what is missing
    python -m tests.e2e.images.build jaeger loki  # only these
    python -m tests.e2e.images.build --list       # what there is, made of what
    python -m tests.e2e.images.build --binaries   # what takes long, without an engine

What takes long is kept in ``$OBSCTL_CACHE`` (``~/.cache/obsctl-e2e``), under a name that changes with its recipe. An
image that somebody pulled or made otherwise is left as it is. Needs ``docker`` (the command), ``go`` and Debian's
``mmdebstrap``. Exit 0; 3 when an image could not be made.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import inspect
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.images.recipes import RECIPES, UNAVAILABLE, Recipe
from tests.e2e.images.sources import BuildError, Work, digest

CACHE = Path(os.environ.get("OBSCTL_CACHE") or Path.home() / ".cache" / "obsctl-e2e")
_RECIPE_LABEL = "dev.obsctl.e2e.recipe"
_MADE_LABEL = "dev.obsctl.e2e.made-of"
_MADE = "made.json"
_DOCKER_SECONDS = 900


@dataclass(frozen=True)
class Made:
    """Files of an image in the cache: where, made of what, and the seconds that took, by the clock and of CPU."""

    folder: Path
    says: str
    seconds: float
    cpu: float

    @property
    def files(self) -> Path:
        """What goes into the image."""
        return self.folder / "files"


@dataclass(frozen=True)
class Outcome:
    """What became of one image. ``note`` is one of: made, kept, theirs."""

    recipe: Recipe
    note: str
    made: Made | None = None
    seconds: float = 0.0


def source_key(recipe: Recipe) -> str:
    """Changes when other files would be made."""
    source = recipe.source
    return digest(repr(source), inspect.getsource(type(source).make), *source.inputs())


def image_key(recipe: Recipe) -> str:
    """Changes when another image would be made."""
    texts = [source_key(recipe)]
    for root in (recipe.folder, *recipe.also.values()):
        for file in _files(root):
            texts += [str(file.relative_to(root)), digest(file.read_bytes().hex())]
    return digest(*texts)


def materials(recipe: Recipe, cache: Path = CACHE) -> Made:
    """The files of an image, from the cache where they are there. Raises BuildError.

    Safe to call from several processes at once: the first makes them, the others wait.
    """
    folder = cache / f"{recipe.name}-{source_key(recipe)}"
    with locked(cache / f"{recipe.name}.lock"):
        if not (folder / _MADE).exists():
            _make(recipe, folder)
        noted = json.loads((folder / _MADE).read_text())
    return Made(folder, **noted)


def program(name: str, file: str, cache: Path = CACHE) -> Path | None:
    """A program of the recipe called ``name``, where ``--binaries`` has made it. Makes nothing."""
    (recipe,) = (recipe for recipe in RECIPES if recipe.name == name)
    folder = cache / f"{name}-{source_key(recipe)}"
    found = folder / "files" / file
    return found if (folder / _MADE).exists() and found.exists() else None


def load(recipe: Recipe, cache: Path = CACHE) -> Outcome:
    """See that the engine has the image. Raises BuildError."""
    key, theirs = image_key(recipe), _key_on_engine(recipe.tag)
    if theirs == key:
        return Outcome(recipe, "kept")
    if theirs == "":
        return Outcome(recipe, "theirs")
    made = materials(recipe, cache)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="obsctl-image-", dir=cache) as context:
        _lay_out(recipe, made, Path(context))
        labels = (f"{_RECIPE_LABEL}={key}", f"{_MADE_LABEL}={made.says}")
        _docker("build", "--quiet", "--force-rm", "--tag", recipe.tag, *_each("--label", labels), context)
    _docker("image", "prune", "--force", "--filter", f"label={_RECIPE_LABEL}")  # the one that had the tag before
    return Outcome(recipe, "made", made, time.monotonic() - began)


def _make(recipe: Recipe, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f"{recipe.name}-*"):
        shutil.rmtree(left)  # an older recipe's, or what an interrupted run left
    work = folder / "work"
    (folder / "files").mkdir(parents=True)
    work.mkdir()
    began, worked = time.monotonic(), _cpu()
    says = recipe.source.make(folder / "files", Work(work, folder / "log.txt"))
    shutil.rmtree(work)
    took = {"seconds": round(time.monotonic() - began, 1), "cpu": round(_cpu() - worked, 1)}
    (folder / _MADE).write_text(json.dumps({"says": says, **took}))


def _cpu() -> float:
    """Seconds of CPU that finished child processes took."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _lay_out(recipe: Recipe, made: Made, context: Path) -> None:
    """The folder that the Dockerfile sees: its own files, those made, those from the checkout, and an empty folder."""
    (context / "empty").mkdir()
    for name, root in (("", recipe.folder), ("", made.files), *recipe.also.items()):
        for file in _files(root):
            target = context / name / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file, target)


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system
        shutil.copy2(file, target)


def _files(root: Path) -> list[Path]:
    """The files below a folder, or the file itself."""
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _key_on_engine(tag: str) -> str | None:
    """The recipe that the engine's image of that tag was made by; "" for an image of others; None for no image."""
    format_ = f'{{{{with .Config.Labels}}}}{{{{index . "{_RECIPE_LABEL}"}}}}{{{{end}}}}'
    listed = _docker("image", "ls", "--quiet", tag)
    return _docker("image", "inspect", "--format", format_, tag).strip() if listed.strip() else None


def _docker(*arguments: str) -> str:
    if not shutil.which("docker"):
        raise BuildError("docker not found; install Debian's docker.io or Docker's command.")
    # The engine's own builder: Debian's package has no other, and it is the same everywhere for files this simple.
    done = subprocess.run(
        ["docker", *arguments], env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdin=subprocess.DEVNULL, text=True,
        capture_output=True, timeout=_DOCKER_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BuildError(f"docker {arguments[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file against every other process that asks for it; whoever comes later waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _describe(outcome: Outcome) -> str:
    words = {"kept": "there already", "theirs": "an image that was not made here; left as it is"}
    line = f"{outcome.recipe.tag}: {words.get(outcome.note, '')}"
    if outcome.made:
        took = f"{_took(outcome.made)} once, {outcome.seconds:.1f} s for the image"
        line += f"made from {outcome.made.says} ({took})\n    {outcome.recipe.differs}"
    return line


def _took(made: Made) -> str:
    return f"{made.seconds:.0f} s, {made.cpu:.0f} s of CPU"


def _chosen(names: Sequence[str]) -> list[Recipe]:
    unknown = set(names) - {recipe.name for recipe in RECIPES}
    if unknown:
        known = ", ".join(recipe.name for recipe in RECIPES)
        raise SystemExit(f"no recipe {', '.join(sorted(unknown))}; there are: {known}")
    return [recipe for recipe in RECIPES if not names or recipe.name in names]


def _run(recipe: Recipe, options: argparse.Namespace) -> str:
    if options.list:
        return f"{recipe.tag} ({recipe.name}): {recipe.differs}"
    if options.binaries:
        made = materials(recipe, options.cache)
        return f"{recipe.name}: {made.files} from {made.says} ({_took(made)})"
    return _describe(load(recipe, options.cache))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, load and say so; the exit status."""
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.e2e.images.build", description=summary, epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes (default: all)")
    parser.add_argument("--list", action="store_true", help="say what there is, and make nothing")
    parser.add_argument("--binaries", action="store_true", help="make what goes into the cache; needs no engine")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where it is kept (default: %(default)s)")
    options = parser.parse_args(arguments)
    failed = False
    for recipe in _chosen(options.names):
        try:
            print(_run(recipe, options), flush=True)
        except BuildError as error:
            failed = True
            print(f"{recipe.tag}: NOT MADE: {error}", file=sys.stderr, flush=True)
    if not options.names:
        for product, instead in UNAVAILABLE.items():
            print(f"{product}: not available here: {instead}")
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
