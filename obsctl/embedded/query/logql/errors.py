"""What only a LogQL query can fail of."""

from __future__ import annotations

from obsctl.embedded.query.vectors.labels import printed
from obsctl.languages.errors import ExecutionError
from obsctl.languages.labels import Labels


class PipelineError(ExecutionError):
    """A line of a metric query that a stage could not read. A log query shows such lines; a number would be wrong."""

    def __init__(self, error: str, labels: Labels) -> None:
        super().__init__(
            f"pipeline error: '{error}' for series: '{printed(labels)}'.\n"
            f'Use a label filter to intentionally skip this error. (e.g | __error__!="{error}").\n'
            'To skip all potential errors you can match empty errors.(e.g __error__="")\n'
            'The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__="" )'
        )


class SeriesLimitError(ExecutionError):
    """More series than a query may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"maximum number of series ({limit}) reached for a single query; consider reducing query cardinality by "
            "adding more specific stream selectors, reducing the time range, or aggregating results with functions "
            "like sum(), count() or topk()"
        )
