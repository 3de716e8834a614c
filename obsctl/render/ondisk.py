"""What has to happen to files on disk so that they are as rendered, and what a person's edits forbid. Pure.

A record of what was written last tells an edit from an old version: a file that is as recorded may be replaced, one
that is not was changed by somebody.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from obsctl.render.desired import File

RECORD = ".obsctl-files.json"
_SCHEMA = "obsctl.files/1"
_MOST_LINES = 5000
"""Longer files are not compared line by line; it would take too long."""

State = Literal["same", "new", "changed", "obsolete", "edited"]


@dataclass(frozen=True)
class Change:
    """One file: how it is and how it should be. None means that it is not there, or should not be.

    ``new`` and ``changed`` are written and ``obsolete`` is removed; ``edited`` was changed by somebody and is kept.
    """

    path: str
    state: State
    before: str | None
    after: str | None


def changes(rendered: Sequence[File], disk: Mapping[str, str], record: Mapping[str, str]) -> tuple[Change, ...]:
    """What has to happen, file by file. ``disk`` has the texts that are there, ``record`` the hashes written last."""
    wanted = {file.path: file.text for file in rendered}
    gone = sorted(path for path in record if path not in wanted and path in disk)
    return tuple(_change(path, disk.get(path), wanted.get(path), record.get(path)) for path in (*wanted, *gone))


def _change(path: str, before: str | None, after: str | None, recorded: str | None) -> Change:
    if before == after:
        return Change(path, "same", before, after)
    if before is None:
        return Change(path, "new", before, after)
    if text_hash(before) != recorded:
        return Change(path, "edited", before, after)
    return Change(path, "changed" if after is not None else "obsolete", before, after)


def forced(planned: Sequence[Change]) -> tuple[Change, ...]:
    """The same without regard for edits."""
    return tuple(
        Change(c.path, "changed" if c.after is not None else "obsolete", c.before, c.after)
        if c.state == "edited"
        else c
        for c in planned
    )


def text_hash(text: str) -> str:
    """What a record keeps of a file."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_record(planned: Sequence[Change], record: Mapping[str, str]) -> str:
    """The record once the changes are made. An edited file keeps its old hash, so that it stays known as edited."""
    kept = {c.path: record[c.path] for c in planned if c.state == "edited" and c.path in record}
    written = {c.path: text_hash(c.after) for c in planned if c.state != "edited" and c.after is not None}
    return json.dumps({"schema": _SCHEMA, "files": {**kept, **written}}, indent=1, sort_keys=True) + "\n"


def read_record(text: str) -> Mapping[str, str]:
    """Path -> hash of a record; empty for anything that is none, so that every file counts as edited."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    files = data.get("files") if isinstance(data, dict) and data.get("schema") == _SCHEMA else None
    return {k: v for k, v in files.items() if isinstance(v, str)} if isinstance(files, dict) else {}


def diff(planned: Sequence[Change], output: str) -> str:
    """A unified diff from what is there to what the spec gives, for every file that differs."""
    return "\n".join(line for change in planned if change.state != "same" for line in _diff(change, output))


def _diff(change: Change, output: str) -> Iterator[str]:
    there, wanted = f"{output}/{change.path}", f"{change.path} as the spec gives it"
    if change.before is None:
        yield f"missing: {there}"
        return
    if change.after is None:
        yield f"no longer part of the stack: {there}"
        return
    before, after = change.before.splitlines(), change.after.splitlines()
    if max(len(before), len(after)) > _MOST_LINES:
        yield f"differs: {there} (too long to compare line by line)"
        return
    yield from difflib.unified_diff(before, after, there, wanted, lineterm="")
