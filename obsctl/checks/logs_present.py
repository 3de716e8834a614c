"""Each component that takes part in a driven request has written log lines for it, and they are stored."""

from __future__ import annotations

from collections import Counter

from obsctl.checks._logs import NO_BACKEND, NO_RULE, WRONG_TIME, LogsPoller, nothing_arrived
from obsctl.checks._verdicts import count, failed, few, passed, short, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.log_fields import ParsedLine


class LogsPresent:
    """See ``docs/checks/logs-present.md``."""

    id = "logs.present"
    signal = Signal.LOGS
    title = "every component logs the driven requests"

    def run(self, context: Context) -> Verdict:
        """Wait for lines with the request id or the trace id of each driven request, from each component."""
        if context.logs is None:
            return skipped(NO_BACKEND)
        if context.contract.logs is None:
            return skipped(NO_RULE)
        poller = LogsPoller.of(context, context.logs)
        lines = poller.lines(context.deadline)
        if verdict := nothing_arrived(poller, lines):
            return verdict
        counts = Counter(line.component for line in lines)
        writers = few((f"{name or '(no service_name)'} {number}" for name, number in sorted(counts.items())), limit=8)
        if lacking := poller.lacking(lines):
            last = [Evidence(f"last line, of {writers}", short(str(line))) for line in lines[-1:]]
            if off := poller.misdated():
                return failed(
                    f"{summed(lacking)}, but {', '.join(off)}",
                    [*poller.looked, *last],
                    hint=WRONG_TIME,
                    because=("time.skew",),
                )
            hint = (
                "look at that component's own output (`obsctl logs`): if there is a line for the request, the shipper "
                "does not follow it; if there is none, log one there, or carry the request id that far"
            )
            return failed(summed(lacking), [*poller.looked, *last], hint=hint)
        return passed(f"{count(len(lines), 'line')} of this run: {writers}", [*poller.looked, *_examples(lines)])


def _examples(lines: tuple[ParsedLine, ...]) -> list[Evidence]:
    first = {line.component: line for line in reversed(lines)}
    return [Evidence(f"first line of {name}", short(line.line.line)) for name, line in sorted(first.items())]
