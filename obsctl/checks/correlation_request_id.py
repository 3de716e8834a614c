"""One request id from end to end: echoed in every answer, and on the lines of every component that took part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from obsctl.checks._logs import STORED, LogsPoller
from obsctl.checks._verdicts import count, failed, noted, passed, short, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.log_fields import ParsedLine
from obsctl.probes import ProbeRequest


class CorrelationRequestId:
    """See ``docs/checks/correlation-request_id.md``."""

    id = "correlation.request_id"
    signal = Signal.CORRELATION
    title = "the request id comes back, and is in every component's logs"

    def run(self, context: Context) -> Verdict:
        """Compare the header of each answer, then the ids on the lines of each driven trace."""
        header = context.contract.request_id_header
        if not header:
            return skipped("the contract names no request id header")
        if context.run.requests and all(r.protocol == "grpc" for r in context.run.requests):
            return skipped("calls of gRPC have no header of a request id")
        answered = [r for r in context.run.requests if r.status and r.protocol == "http"]
        if not answered:
            hint = "see readiness.driven: the service must answer first"
            return failed(
                "no driven request was answered, so no request id can have come back",
                hint=hint,
                because=("readiness.driven",),
            )
        if bad := [(r, found) for r in answered if (found := _echoed(r, header)) != r.request_id]:
            looked = [Evidence(f"{header} of {r.method} {r.url}", found or "no such header") for r, found in bad]
            hint = f"echo a well-formed {header} in every answer, errors included; a middleware is the place"
            summary = f"{len(bad)} of {count(len(answered), 'answer')} without the request id that was sent"
            return failed(summary, looked, hint=hint)
        echoed = Evidence(f"{header} of {count(len(answered), 'answer')}", "the id that was sent")
        if context.logs is None or context.contract.logs is None:
            note = noted(["this stack has no logs to look for it in"])
            return passed(f"echoed in {count(len(answered), 'answer')}{note}", [echoed])
        return _in_logs(LogsPoller.of(context, context.logs), context, echoed)


def _echoed(request: ProbeRequest, header: str) -> str:
    return next((v for k, v in request.answer_headers.items() if k.lower() == header.lower()), "")


def _in_logs(poller: LogsPoller, context: Context, echoed: Evidence) -> Verdict:
    lines = poller.lines(context.deadline)
    if not lines:
        said = "echoed, but no log line of this run is stored to find it in"
        return failed(said, [echoed, *poller.looked], hint="see logs.present", because=STORED)
    if found := [f for request in poller.judged for f in _foreign_lines(request, lines)]:
        looked = [Evidence(said, short(str(line))) for line, said in found]
        hint = "hand the request id on with every call and message, and put it in the logging context at the other end"
        return failed(
            summed(list(dict.fromkeys(f"{line.component}: {said}" for line, said in found))), looked, hint=hint
        )
    carrying = sorted({line.component for line in lines if line.text("request_id")})
    if not carrying and context.contract.logs and "request_id" in context.contract.logs.fields:
        looked = [echoed, *(Evidence("a line of this run", short(str(line))) for line in lines[:2])]
        said = "echoed, but no log line of this run has a request_id"
        return failed(said, looked, hint="see logs.fields", because=("logs.fields",))
    if not carrying:
        note = noted(["the contract does not list request_id among the fields of log lines"])
        return passed(f"echoed in every answer{note}", [echoed, *poller.looked])
    return passed(f"echoed in every answer and in the logs of {', '.join(carrying)}", [echoed, *poller.looked])


def _foreign_lines(request: ProbeRequest, lines: Sequence[ParsedLine]) -> Iterator[tuple[ParsedLine, str]]:
    """Lines of the request's trace under another request id. One that is empty is the business of ``logs.fields``."""
    for line in lines:
        own = line.text("request_id")
        if line.text("trace_id").lower() == request.trace_id and own not in ("", request.request_id):
            yield line, f"request_id {own!r:.140} instead of the one that was sent"
