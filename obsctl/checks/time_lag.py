"""What a run sent is found by queries within the lag that the spec allows for each signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from obsctl.checks._lags import measured_lags
from obsctl.checks._logs import LogsPoller
from obsctl.checks._metrics import MetricsPoller
from obsctl.checks._poller import Poller
from obsctl.checks._traces import DRIVEN, TracesPoller
from obsctl.checks._verdicts import could_not_look, failed, few, noted, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, SignalLag, Verdict
from obsctl.checks.metrics_exact import CountsPoller
from obsctl.errors import BackendError

_HINTS = {
    Signal.METRICS: "scrape more often (`scrape_interval`), or export more often (OTEL_METRIC_EXPORT_INTERVAL)",
    Signal.TRACES: "export sooner (OTEL_BSP_SCHEDULE_DELAY, 5000 ms unless set), and look at the collector's batches",
    Signal.LOGS: "export sooner (OTEL_BLRP_SCHEDULE_DELAY), flush the log file at each line, and look at the shipper",
}
_CAUSES = {
    Signal.METRICS: ("readiness.driven", "metrics.targets", "metrics.present", "metrics.exact"),
    Signal.TRACES: ("readiness.driven", "traces.sampling", "traces.lost", "traces.complete", "traces.shape"),
    Signal.LOGS: ("readiness.driven", "time.skew", "logs.present"),
}


class TimeLag:
    """See ``docs/checks/time-lag.md``."""

    id = "time.lag"
    signal = Signal.TIME
    title = "telemetry is queryable soon after it was sent"

    def run(self, context: Context) -> Verdict:
        """Wait for what was sent, as the checks of each signal do, then hold its lag against the budget."""
        if not any(request.status for request in context.run.requests):
            hint = "see readiness.driven: the service must answer before its telemetry can be late"
            return failed("no driven request was answered, so nothing is waited for", hint=hint, because=DRIVEN)
        allowed = context.service.verify.lag
        stated = {Signal.METRICS: allowed.metrics, Signal.TRACES: allowed.traces, Signal.LOGS: allowed.logs}
        budgets = {signal: seconds for signal, seconds in stated.items() if seconds is not None}
        unread = {signal: error for signal, poller in _pollers(context) if (error := _settle(poller, context))}
        lags = {lag.signal: lag for lag in measured_lags(context.cache) if lag.signal not in unread}
        for signal, error in unread.items():
            if signal in budgets or not lags:
                raise error
        if not lags and not budgets:
            return skipped("nothing is stored here of which the lag could be measured")
        return _verdict(lags, budgets)


def _settle(poller: Poller, context: Context) -> BackendError | None:
    """Wait for what a poller waits for; the error where its backend does not answer."""
    try:
        poller.settle(context.deadline)
    except BackendError as error:
        return error
    return None


def _pollers(context: Context) -> Iterator[tuple[Signal, Poller]]:
    """Whatever waits for telemetry of the run: that of each signal that the stack stores and the contract is about."""
    if context.metrics and context.contract.metrics:
        yield Signal.METRICS, MetricsPoller.of(context, context.metrics)
        counts = CountsPoller.of(context, context.metrics)
        if context.run.expectations and counts.is_possible:
            yield Signal.METRICS, counts
    if context.traces:
        yield Signal.TRACES, TracesPoller.of(context, context.traces)
    if context.logs and context.contract.logs:
        yield Signal.LOGS, LogsPoller.of(context, context.logs)


def _verdict(lags: Mapping[Signal, SignalLag], budgets: Mapping[Signal, float]) -> Verdict:
    looked = [Evidence(f"lag of {lag.signal.value}", f"{lag} ({lag.items} found)") for lag in lags.values()]
    lost = [lag for lag in lags.values() if lag.missing]
    over = [lag for signal, lag in lags.items() if signal in budgets and lag.proven > budgets[signal]]
    if lost:
        because = tuple(name for lag in lost for name in _CAUSES[lag.signal])
        hint = "allow more time (--timeout), if it may take longer than that"
        return failed(summed([_told_lost(lag) for lag in lost]), looked, hint=hint, because=because)
    if over:
        findings = [_told_late(lag, budgets[lag.signal]) for lag in over]
        return failed(summed(findings), looked, hint=_HINTS[over[0].signal])
    unknown = [signal for signal in budgets if signal not in lags]
    if unknown:
        said = f"the lag of {few(signal.value for signal in unknown)} cannot be measured: the run waits for none of it"
        because = tuple(name for signal in unknown for name in _CAUSES[signal])
        return could_not_look(said, looked, hint="state it in the contract, or take it out of `lag`", because=because)
    within = few((f"{signal.value} {seconds:g} s" for signal, seconds in budgets.items()), limit=8)
    told = "; ".join(map(str, lags.values()))
    return passed(f"{told}{noted([f'budget: {within}' if within else 'no budget is stated'])}", looked)


def _told_lost(lag: SignalLag) -> str:
    return f"{lag.missing} of {lag.items + lag.missing} things that are expected in {lag.signal.value} never came"


def _told_late(lag: SignalLag, budget: float) -> str:
    return f"{lag.signal.value} took up to {lag.worst:.2f} s until a query found them, longer than {budget:g} s"
