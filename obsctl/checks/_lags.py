"""How late each signal is, by what the pollers of a run saw."""

from __future__ import annotations

from obsctl.checks._arrivals import lag_of
from obsctl.checks._logs import LogsPoller
from obsctl.checks._metrics import MetricsPoller
from obsctl.checks._poller import RunCache
from obsctl.checks._traces import TracesPoller
from obsctl.checks.base import Signal, SignalLag
from obsctl.checks.metrics_exact import CountsPoller


def measured_lags(cache: RunCache) -> tuple[SignalLag, ...]:
    """The lag of each signal that checks of the run looked for. Counts tell more of metrics than a scrape does."""
    counts, scrapes = cache.made(CountsPoller), cache.made(MetricsPoller)
    traces, logs = cache.made(TracesPoller), cache.made(LogsPoller)
    of_metrics = (counts.arrivals() if counts else ()) or (scrapes.arrivals() if scrapes else ())
    found = (
        lag_of(Signal.METRICS, of_metrics),
        lag_of(Signal.TRACES, traces.arrivals() if traces else ()),
        lag_of(Signal.LOGS, logs.arrivals() if logs else ()),
    )
    return tuple(lag for lag in found if lag)
