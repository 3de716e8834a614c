"""The Grafana HTTP API (11 to 13), as far as somebody who may only look can use it."""

from __future__ import annotations

from urllib.parse import quote

from obsctl.access.options import PLAIN, ComponentAccess
from obsctl.clients.http import Http, complaint, understood
from obsctl.json_types import items, mapping

MOST = 5000
"""Most dashboards that one search lists."""


class GrafanaClient:
    """Dashboards and data sources. Every method raises ``BackendError``. Safe to share between threads."""

    def __init__(self, url: str, *, timeout: float = 10.0, access: ComponentAccess = PLAIN) -> None:
        self.url = url
        self.http = Http(url, timeout=timeout, name="Grafana API", access=access)

    def dashboards(self) -> dict[str, str]:
        """Title by uid, of each dashboard that the caller may see."""
        reply = self.http.get_json("/api/search", {"type": "dash-db", "limit": MOST})
        found = reply.json()
        with understood(reply):
            return {str(entry["uid"]): str(entry["title"]) for entry in map(mapping, items(found))}

    def dashboard(self, uid: str) -> str:
        """A dashboard as JSON: ``dashboard`` and ``meta``, as ``/api/dashboards/uid`` answers."""
        return self.http.get_json(f"/api/dashboards/uid/{quote(uid, safe='')}").text

    def source_trouble(self, uid: str) -> str:
        """What a data source says is wrong when Grafana asks its backend; "" when it is well, or cannot tell."""
        reply = self.http.send("GET", f"/api/datasources/uid/{quote(uid, safe='')}/health")
        if reply.status == 200:
            return ""
        said = complaint(reply)
        # 404 is a plugin without a health check, too; only the message tells
        return "" if reply.status == 404 and "data source" not in said.lower() else f"{reply.status}: {said}"
