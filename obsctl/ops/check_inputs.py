"""What ``check`` reads besides the spec: files of the user by glob, texts of scrapes from files, stdin and URLs."""

from __future__ import annotations

import glob
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.exposition import fetch_page
from obsctl.endpoints import Endpoints
from obsctl.errors import ObsctlError, StartError, UsageError
from obsctl.ops.session import located
from obsctl.schema.findings import shown_path
from obsctl.spec.contract import Metric
from obsctl.spec.stack import Service, Stack

MAX_FILES = 1000
MAX_BYTES = 16 * 1024**2
STDIN = "-"


@dataclass(frozen=True)
class ScrapeText:
    """The text of a scrape; ``name`` is the file or URL, ``metrics`` those that it is held to.

    ``openmetrics`` is its format, None where only the text can tell.
    """

    name: str
    text: str
    metrics: tuple[Metric, ...]
    openmetrics: bool | None = None


def user_files(patterns: Iterable[str], base: Path, option: str) -> Iterator[Path]:
    """The files that globs find, each once, in order. Raises UsageError for a glob that finds none, or far too many."""
    yielded: set[Path] = set()
    for pattern in patterns:
        names = glob.iglob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - the base is no pattern
        found = list(itertools.islice(names, MAX_FILES + 1))
        files = [path for path in (base / name for name in sorted(found)) if path.is_file()]
        if not files:
            raise UsageError(f"{option} {pattern}: there is no such file", hint=f"globs are looked for below {base}")
        if len(found) > MAX_FILES:
            raise UsageError(f"{option} {pattern}: more than {MAX_FILES} files", hint="name fewer")
        yield from (path for path in files if path not in yielded)
        yielded.update(files)


def read_text(path: Path, broken: str = "replace") -> str:
    """A file's text; ``broken`` is what becomes of bytes that are not UTF-8, as in ``bytes.decode``.

    Raises StartError for what cannot be read, or is far too long.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise StartError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return _text(data, str(path), broken)


def _text(data: bytes, name: str, broken: str = "replace") -> str:
    if len(data) > MAX_BYTES:
        raise StartError(f"{name} is longer than {MAX_BYTES >> 20} MiB", hint="check a part of it")
    return data.decode("utf-8-sig", broken)


Attempt = tuple[str, ScrapeText | ObsctlError]
"""What was to be read, and its text or why there is none."""


def given_scrapes(stack: Stack, sources: Iterable[str]) -> Iterator[Attempt]:
    """The scrapes of the spec's files, then of ``sources``: URLs, stdin (``-``) and globs. All contracts count."""
    metrics = tuple(m for service in stack.services for m in service.contract.metrics)
    for path in user_files(stack.check.scrapes, stack.folder, "check: scrape:"):
        yield _of_file(path, metrics)
    for source in sources:
        if source == STDIN:
            yield "stdin", ScrapeText("stdin", _text(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin"), metrics)
        elif source.startswith(("http://", "https://")):
            yield _of_page(source, metrics)
        else:
            yield from (_of_file(path, metrics) for path in user_files([source], Path(), "--scrape"))


def live_scrapes(services: Sequence[Service], endpoints: Endpoints) -> Iterator[Attempt]:
    """The scrape of every component, where it runs now, held to the contract of its service."""
    for service in services:
        for component in located(service, endpoints).components:
            if component.metrics:
                access, follow = component.access, service.scrape.follow_redirects
                yield _of_page(component.metrics_url, service.contract.metrics, access, follow_redirects=follow)


def _of_file(path: Path, metrics: tuple[Metric, ...]) -> Attempt:
    name = shown_path(path)
    return name, ScrapeText(name, read_text(path), metrics, True if path.suffix in (".om", ".openmetrics") else None)


def _of_page(
    url: str,
    metrics: tuple[Metric, ...],
    access: ComponentAccess = PLAIN,
    *,
    follow_redirects: bool = True,
) -> Attempt:
    """A page as it is now. Its name has no user, no password and no parameters."""
    try:
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        page = fetch_page(url, access, follow_redirects=follow_redirects)
    except ValueError:
        raise UsageError("--scrape: not a valid URL", hint="write it as http://host:port/metrics") from None
    except ObsctlError as error:
        return name, error
    return page.url, ScrapeText(page.url, page.text, metrics, page.openmetrics)
