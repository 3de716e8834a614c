"""What ``check`` reads besides the spec: files of the user by glob, texts of scrapes from files, stdin and URLs."""

from __future__ import annotations

import glob
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from obsctl.clients.http import Http
from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.ops.session import located
from obsctl.spec.contract import Metric
from obsctl.spec.stack import Service, Stack

MAX_FILES = 1000
MAX_BYTES = 16 * 1024**2
STDIN = "-"


@dataclass(frozen=True)
class Scraped:
    """The text of a scrape; ``name`` is the file or URL, ``metrics`` those that it is held to."""

    name: str
    text: str
    metrics: tuple[Metric, ...]


def user_files(patterns: Iterable[str], base: Path, option: str) -> Iterator[Path]:
    """The files that globs find, each once, in order. Raises UsageError for a glob that finds none, or far too many."""
    seen: set[Path] = set()
    for pattern in patterns:
        found = list(itertools.islice(glob.iglob(str(base / pattern), recursive=True), MAX_FILES + 1))  # noqa: PTH207
        files = [path for path in map(Path, sorted(found)) if path.is_file()]
        if not files:
            raise UsageError(f"{option} {pattern}: there is no such file", hint=f"globs are looked for below {base}")
        if len(found) > MAX_FILES:
            raise UsageError(f"{option} {pattern}: more than {MAX_FILES} files", hint="name fewer")
        yield from (path for path in files if path not in seen)
        seen.update(files)


def read_text(path: Path) -> str:
    """A file's text, broken bytes replaced. Raises StartError for what cannot be read, or is far too long."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise StartError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return _text(data, str(path))


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise StartError(f"{name} is longer than {MAX_BYTES >> 20} MiB", hint="check a part of it")
    return data.decode("utf-8-sig", "replace")


def given_scrape(source: str, stack: Stack) -> Iterator[Scraped]:
    """The scrape of a URL, of stdin (``-``), or of the files of a glob, held to the metrics of all contracts."""
    metrics = tuple(m for service in stack.services for m in service.contract.metrics)
    if source == STDIN:
        yield Scraped("stdin", _text(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin"), metrics)
    elif source.startswith(("http://", "https://")):
        yield Scraped(source, _fetched(source), metrics)
    else:
        for path in user_files([source], Path(), "--scrape"):
            yield Scraped(str(path), read_text(path), metrics)


def live_scrapes(services: Sequence[Service], endpoints: Endpoints) -> Iterator[tuple[str, Scraped | ObsctlError]]:
    """The scrape of every component, where it runs now, or why there is none; each with the component's name."""
    for service in services:
        for component in located(service, endpoints).components:
            if component.metrics:
                url = component.url + component.metrics
                try:
                    yield component.name, Scraped(url, _fetched(url), service.contract.metrics)
                except ObsctlError as error:
                    yield component.name, error


def _fetched(url: str) -> str:
    with Http(url, name="The metrics page") as http:
        return http.get_text("").text
