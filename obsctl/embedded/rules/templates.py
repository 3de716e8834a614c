"""Templates of labels and annotations of alerts."""

from __future__ import annotations

from collections.abc import Mapping

from obsctl.embedded.query.gotemplate import run
from obsctl.embedded.rules.functions import FUNCTIONS, TemplateContext
from obsctl.languages.gotemplate.alert_templates import ALERT_VARIABLES


class AlertTextTemplate:
    """A template of an alert's label or annotation. ``TemplateError`` when it cannot be read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._template = run.Template(source, FUNCTIONS, tuple(ALERT_VARIABLES))
        self.asks = "query" in source
        """Whether it may ask for other series."""

    def expand(self, context: TemplateContext) -> str:
        """The text. ``TemplateError`` when it cannot be had."""
        root = _Root(context)
        fields = root.fields()
        return self._template.expand(context, root, {name: fields[key] for name, key in ALERT_VARIABLES.items()})


class _Root:
    """What a template is about."""

    kind = "the template"

    def __init__(self, context: TemplateContext) -> None:
        self._context = context

    def fields(self) -> Mapping[str, object]:
        return {
            "Labels": self._context.labels,
            "ExternalLabels": self._context.external_labels,
            "ExternalURL": self._context.external_url,
            "Value": self._context.value,
        }
