"""All traces of a component that began within a time, for judging what is in none of them.

A backend may find what it has stored only later: Tempo leaves out the newest half minute of a search unless it is told
not to, and says nothing. So a search counts only once it finds the traces that are known to be there.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from obsctl.clients.telemetry import Span
from obsctl.clients.traces import TracesClient
from obsctl.errors import IncompleteError
from obsctl.wait import Deadline, until

MOST = 200
"""Traces that are asked for at once. Where there are as many, each half of the time is searched by itself."""

_SHORTEST_NS = 10**9
_AGAIN = 0.5


class TraceWindow:
    """A time in a backend, from ``start_ns`` to ``end_ns`` (nanoseconds since the epoch)."""

    def __init__(self, client: TracesClient, start_ns: int, end_ns: int) -> None:
        self._client, self._start_ns, self._end_ns = client, start_ns, end_ns
        self._server = "the trace backend"

    def spans(self, component: str, known: AbstractSet[str], deadline: Deadline) -> tuple[Span, ...]:
        """The spans of all traces with one of the component, once the ``known`` traces are among them.

        Raises BackendError, and IncompleteError where something may be missing.
        """
        found: dict[str, tuple[Span, ...]] = {}

        def found_known() -> bool:
            found.update(self._traces(component, self._start_ns, self._end_ns))
            return known <= found.keys()

        if not until(found_known, deadline, interval=_AGAIN):
            missing = sorted(known - found.keys())
            said = (
                f"its search does not find trace {missing[0]} of {component}, which it has; {len(missing)} of the "
                f"{len(known)} traces of the run are missing there, so others may be, too"
            )
            raise IncompleteError(self._server, said)
        return tuple(span for spans in found.values() for span in spans)

    def _traces(self, component: str, start_ns: int, end_ns: int) -> Iterator[tuple[str, tuple[Span, ...]]]:
        search = self._client.search(component, start_ns=start_ns, end_ns=end_ns, limit=MOST)
        self._server = search.server or self._server
        traces = search.complete()
        if len(traces) < MOST:
            yield from ((spans[0].trace_id, spans) for spans in traces if spans)
            return
        if end_ns - start_ns <= _SHORTEST_NS:
            said = f"{component} has {MOST} traces or more within a second, and no search gives more"
            raise IncompleteError(self._server, said)
        middle = (start_ns + end_ns) // 2
        yield from self._traces(component, start_ns, middle)
        yield from self._traces(component, middle, end_ns)
