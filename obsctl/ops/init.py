"""``init``: the first spec and contract of a project, of the sample or of a service that runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from obsctl.clients.http import Http, is_ready
from obsctl.errors import BackendError, StartError, UsageError
from obsctl.lint.exposition import Scrape, parse_scrape
from obsctl.ops.observed import observed
from obsctl.result import Result
from obsctl.runtime.files import replace_file
from obsctl.spec.draft import Draft, Origin, draft
from obsctl.spec.stack_load import folder_name
from obsctl.spec.starter import init_files

_METRICS = "/metrics"
_READY = ("/readyz", "/healthz", "/health")
_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_SHOWN = 12
_NEXT = "next: go through contract.yaml, list requests under drive: in obsctl.yaml, then obsctl check, obsctl up"


def init(folder: Path, *, force: bool, source: str | None = None, service: str | None = None) -> Result:
    """Write ``obsctl.yaml`` and ``contract.yaml``; a file that is there already is kept, unless ``force``.

    ``source`` is a metrics page that the two are drafted from, ``service`` what to call what is behind it.
    Raises UsageError, StartError, and BackendError for a page that is none.
    """
    if source is None:
        if service is not None:
            raise UsageError("--service names what --from leads to", hint="add --from URL, or leave --service out")
        files = init_files()
        return _written(folder, files, force, {}, ("next: obsctl up",))
    origin = _origin(source, folder, service)
    _refuse_present(folder, ("obsctl.yaml", "contract.yaml"), force)
    made = draft(tuple(observed(_scrape(origin))), origin)
    data = {"families": list(made.families), "metrics": list(made.own), "notes": list(made.notes)}
    return _written(folder, made.files, force, data, _told(made))


def _origin(source: str, folder: Path, service: str | None) -> Origin:
    """Raises UsageError."""
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError:
        raise UsageError("--from: not a valid URL", hint="write it as http://host:port/metrics") from None
    if "@" in parts.netloc:
        raise UsageError("--from: a URL here must not hold a user name or a password", hint="the draft would keep it")
    odd = parts.query or parts.fragment or re.search(r"[^\x21-\x7e]", source)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or odd:
        hint = "write it as http://host:port/metrics, without a query"
        raise UsageError("--from: expected the URL of a metrics page", hint=hint)
    name = service if service is not None else folder_name(folder.resolve())
    if not re.fullmatch(_NAME, name):
        raise UsageError("--service: expected lower-case letters, digits and dashes, at most 63", hint="such as shop")
    url = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path.strip("/") else _METRICS
    return Origin(name, url, path, next((path for path in _READY if is_ready(url + path)[0]), ""))


def _scrape(origin: Origin) -> Scrape:
    """Raises BackendError for a page without metrics."""
    with Http(origin.url, name="The metrics page") as http:
        try:
            text = http.get_text(origin.metrics).text
        except BackendError as error:
            hint = "does the service run, and is the path right? Try it with curl"
            raise BackendError(error.message, hint=hint) from error
    scrape = parse_scrape(text)
    where = f"{origin.url}{origin.metrics}"
    if scrape.problems:
        line, wrong = scrape.problems[0]
        hint = f"{len(scrape.problems)} such lines; `obsctl check --scrape {where}` shows them all"
        raise BackendError(f"{where} is no metrics page: line {line}: {wrong}", hint=hint)
    if not any(family.samples for family in scrape.families.values()):
        raise BackendError(f"{where} has no metrics", hint="send the service some requests, then try again")
    return scrape


def _told(made: Draft) -> tuple[str, ...]:
    """What was made of the page, and what to do now."""
    own = f"{len(made.own)} of its own" if made.own else "none of its own"
    families = f"families {', '.join(made.families)}" if made.families else "no family that is known"
    shown = made.notes if len(made.notes) <= _SHOWN else (*made.notes[:_SHOWN], "more in contract.yaml")
    return f"metrics: {families}; {own}", *shown, _NEXT


def _refuse_present(folder: Path, names: tuple[str, ...], force: bool) -> None:
    present = [name for name in names if (folder / name).exists()]
    if present and not force:
        hint = "choose another folder, or overwrite with --force"
        raise UsageError(f"{', '.join(str(folder / name) for name in present)} exists already", hint=hint)


def _written(
    folder: Path, files: Mapping[str, str], force: bool, data: Mapping[str, object], notes: tuple[str, ...]
) -> Result:
    _refuse_present(folder, tuple(files), force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, text)
    except OSError as error:
        raise StartError(f"cannot write to {folder}: {error.strerror}", hint="choose another folder") from error
    written = [str(folder / name) for name in files]
    return Result("init", {"written": written, **data}, (f"wrote {' and '.join(written)}", *notes))
