"""Who is told of alerts, for the embedded server: what the template of the alert manager's own file says."""

from __future__ import annotations

from obsctl import assets
from obsctl.backends import ALERTMANAGER
from obsctl.json_types import Json
from obsctl.render.template import Context, render_template
from obsctl.schema.source import plain
from obsctl.spec.yaml_source import parse_yaml


def alert_routing(values: Context) -> Json:
    """Routes, inhibitions and receivers, with the keys of the file, rendered. Raises SpecError."""
    [min_version] = ALERTMANAGER.variants
    path = assets.templates() / "backends" / ALERTMANAGER.key / min_version / f"{ALERTMANAGER.key}.yml"
    return plain(parse_yaml(render_template(path.read_text(encoding="utf-8"), values), path.name))
