"""Every metric is stored with the type that the contract gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from obsctl.checks._metrics import NO_BACKEND, MetricsPoller, not_scraped, nothing_arrived, present, sample_names
from obsctl.checks._verdicts import count, failed, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.promql import PromqlClient
from obsctl.spec.contract import Metric, MetricType
from obsctl.wait import until

QUERY = "GET /api/v1/metadata"


class MetricsTypes:
    """See ``docs/checks/metrics-types.md``."""

    id = "metrics.types"
    signal = Signal.METRICS
    title = "metric types are as the contract says"

    def run(self, context: Context) -> Verdict:
        """Compare the stored type of each metric that is there."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if verdict := nothing_arrived(context, scraped):
            return verdict
        metrics = list({m.name: m for m, _ in present(context.contract, scraped)}.values())
        types = _types(context, context.metrics.client, metrics)
        pulled = {sample.labels["__name__"] for s in scraped for sample in s.series if sample not in s.pushed.series}
        unknown = [m for m in metrics if m.name not in types and not pulled & {*sample_names(m)}]
        metrics = [m for m in metrics if m not in unknown]
        if not metrics:
            return skipped("this backend keeps no types of metrics that are pushed")
        wrong = [(m, types.get(m.name, "")) for m in metrics if types.get(m.name) != m.type]
        if wrong:
            findings = [f"{m.name} is stored as {found or 'no known type'}, not {m.type}" for m, found in wrong]
            looked = [Evidence(f"{QUERY}?metric={m.name}", found or "nothing") for m, found in wrong]
            hint = "give the metric that type where the service defines it, or correct the contract"
            return failed(summed(findings), looked, hint=hint)
        looked = [Evidence(f"{QUERY}?metric={m.name}", types[m.name]) for m in metrics]
        summary = f"{count(len(metrics), 'metric')} of the right type"
        left = (
            f"without {count(len(unknown), 'pushed metric')}, whose type this backend does not keep" if unknown else ""
        )
        return passed(summary + noted([not_scraped(scraped), left]), looked)


def _types(context: Context, client: PromqlClient, metrics: Sequence[Metric]) -> Mapping[str, str]:
    """The stored type of each metric. Metadata may be stored a moment later than the samples: wait for all of it."""
    found: dict[str, str] = {}
    names = {metric.name for metric in metrics}

    def complete() -> bool:
        stored = client.metadata()
        for metric in metrics:
            # a counter's family is named with or without _total, depending on the exposition format
            entry = stored.get(metric.name) or stored.get(metric.name.removesuffix("_total"))
            if entry:
                found[metric.name] = metric.type if _is_of_another(metric, entry[0], names) else entry[0]
        return all(found.get(m.name) == m.type for m in metrics)

    until(complete, context.deadline, interval=0.2)
    return found


def _is_of_another(metric: Metric, stored: str, names: Collection[str]) -> bool:
    """Whether a type is that of a counter whose family has the same name: OpenMetrics takes off its ``_total``.

    So Go's ``go_memstats_alloc_bytes`` and ``go_memstats_alloc_bytes_total`` share an entry: the last one's type.
    """
    return stored == MetricType.COUNTER and metric.type is not MetricType.COUNTER and f"{metric.name}_total" in names
