"""The built pages: files of one folder, looked up by whole names; every other path is a page of the application."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response

from obsctl.ui.answers import refusal

BUILT = Path(__file__).parent / "static"
"""Where ``make ui`` puts the pages."""

_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_FOREVER = "public, max-age=31536000, immutable"
_MISSING = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>obsctl</title>\n</head>\n'
    "<p>The pages are not built: run <code>make ui</code> in the checkout of obsctl (it needs Node), then load this "
    "again.</p>\n</html>\n"
)


class BuiltPages:
    """The files below a folder, and the application's page with the token of this server in its head."""

    def __init__(self, folder: Path, token: str) -> None:
        self._folder = folder
        self._meta = f'<meta name="obsctl-token" content="{html.escape(token)}">'

    def get(self, segments: Sequence[str], headers: Headers) -> Response:
        """The answer to GET for a path."""
        file = self._file(segments)
        if file:
            return _sent(file, headers, forever=segments[0] == "assets")
        if segments[:1] == ("assets",):
            return refusal(404, "there is no such file", "load the page anew: it was built again since")
        return self._page()

    def _page(self) -> Response:
        try:
            text, status = (self._folder / "index.html").read_text(encoding="utf8"), 200
        except OSError:
            text, status = _MISSING, 503
        before, head, after = text.partition("<head>")
        return HTMLResponse(f"{before}{head}{self._meta}{after}" if head else f"{self._meta}{text}", status)

    def _file(self, segments: Sequence[str]) -> Path | None:
        """The file of a path; None for what is none, the page itself included."""
        if not segments or segments == ("index.html",) or not all(map(_NAME.fullmatch, segments)):
            return None
        file = self._folder.joinpath(*segments)
        packed = file.with_name(f"{file.name}.gz")
        return file if file.suffix in _TYPES and (file.is_file() or packed.is_file()) else None


def _sent(file: Path, headers: Headers, *, forever: bool) -> Response:
    """A file, packed where the browser takes that and it is there packed."""
    sent = {"content-type": _TYPES[file.suffix], "vary": "Accept-Encoding"}
    sent["cache-control"] = _FOREVER if forever else "no-cache"
    packed = file.with_name(f"{file.name}.gz")
    if packed.is_file() and "gzip" in headers.get("accept-encoding", ""):
        return Response(packed.read_bytes(), headers={**sent, "content-encoding": "gzip"})
    return Response(file.read_bytes() if file.is_file() else gzip.decompress(packed.read_bytes()), headers=sent)
