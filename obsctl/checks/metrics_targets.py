"""Every component is a scrape target, reached at the last scrape, and that scrape is of this run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from obsctl.checks._metrics import NO_BACKEND, PUSH_HINT, MetricsPoller, ScrapedComponent
from obsctl.checks._pushed import ago
from obsctl.checks._verdicts import count, failed, few, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.promql import Target

PAGE_HINT = "open the component's /metrics yourself; if it answers, the scraper's target list has another address"
QUERY = "GET /api/v1/targets?state=active"


class MetricsTargets:
    """See ``docs/checks/metrics-targets.md``."""

    id = "metrics.targets"
    signal = Signal.METRICS
    title = "every component is scraped"

    def run(self, context: Context) -> Verdict:
        """Wait until each target was scraped after the run."""
        if context.metrics is None:
            return skipped(NO_BACKEND)
        scraped = MetricsPoller.of(context, context.metrics).scraped(context.deadline)
        if not scraped:
            return skipped("no component of this service has a metrics path or pushes metrics")
        findings = [f for s in scraped if (f := _finding(s, context.run.started_at))]
        looked = [Evidence(s.selectors[0] if s.pushes else QUERY, _described(s)) for s in scraped]
        if findings:
            pushes = all(s.pushes for s in scraped if _finding(s, context.run.started_at))
            hint = PUSH_HINT if pushes else PAGE_HINT
            because = () if any(r.status for r in context.run.requests) else ("readiness.driven",)
            return failed(summed(findings), looked, hint=hint, because=because)
        return passed("; ".join(_reached(scraped)), looked)


def _reached(scraped: Sequence[ScrapedComponent]) -> Iterator[str]:
    """How the metrics of each component came."""
    pulled = [s.name for s in scraped if not s.pushes]
    if pulled:
        yield f"{count(len(pulled), 'component')} scraped since the run: {few(pulled, limit=8)}"
    yield from (f"{s.name} pushed, last seen {ago(s.pushed.last)}" for s in scraped if s.pushes)


def _not_pushed(scraped: ScrapedComponent) -> str:
    if not scraped.pushed.last:
        return f"{scraped.name} has no metrics page, and pushed no metric"
    often = f", about every {scraped.pushed.interval:.0f} s" if scraped.pushed.interval > 1 else ""
    return f"{scraped.name} pushed no metric since this run began, last seen {ago(scraped.pushed.last)}{often}"


def _finding(scraped: ScrapedComponent, since: float) -> str:
    if scraped.pushes:
        return "" if scraped.scraped_since(since) else _not_pushed(scraped)
    if not scraped.targets:
        return f"{scraped.name} is not a scrape target ({scraped.component.metrics_url})"
    down = next((t for t in scraped.targets if t.health != "up"), None)
    if down:
        return f"{scraped.name} is {down.health}: {down.last_error or 'not scraped yet'}"
    if not scraped.scraped_since(since):
        return f"{scraped.name} was last scraped before this run, at {_clock(scraped.targets[0].last_scrape)}"
    return ""


def _described(scraped: ScrapedComponent) -> str:
    if scraped.pushes:
        series = count(len(scraped.series), "series", "series")
        return f"{scraped.name}: {series} pushed, last {_clock(scraped.pushed.last)}"
    return "; ".join(map(_target, scraped.targets)) or f"no target for {scraped.name}"


def _target(target: Target) -> str:
    error = f", last error: {target.last_error}" if target.last_error else ""
    return f"{target.job} {target.url} {target.health}, last scrape {_clock(target.last_scrape)}{error}"


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S.%f")[:-3] + "Z" if moment else "never"
