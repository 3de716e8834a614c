"""The dashboard page has every dashboard of the stack, as it was rendered, and reaches the backends behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from obsctl.checks._verdicts import count, failed, passed, skipped, summed
from obsctl.checks.base import Context, Evidence, Signal, Verdict
from obsctl.clients.grafana import GrafanaClient
from obsctl.dashboards.model import Dashboard
from obsctl.dashboards.read import read_dashboard
from obsctl.errors import SpecError
from obsctl.wait import until

SEARCH = "GET /api/search?type=dash-db"


class DashboardsProvisioned:
    """See ``docs/checks/dashboards-provisioned.md``."""

    id = "dashboards.provisioned"
    signal = Signal.DASHBOARDS
    title = "every dashboard is on the page, and its data sources answer"

    def run(self, context: Context) -> Verdict:
        """Compare what is on the page with what was rendered; a page that has just started reads its files first."""
        dashboards, page = context.dashboards.expected, context.dashboards.page
        if page is None:
            return skipped("this stack has no dashboard page")
        if not dashboards:
            return skipped("this stack shows no dashboard of the contract")
        wanted = {board.uid for board in dashboards}
        until(lambda: wanted <= page.dashboards().keys(), context.deadline, interval=0.5)
        have = page.dashboards()
        findings = [f for board in dashboards for f in _findings(page, board, have.keys())]
        sources = _sources(dashboards)
        troubles = {uid: page.source_trouble(uid) for uid in sources}
        findings += [f"data source {uid} does not work: {said}" for uid, said in troubles.items() if said]
        looked = [Evidence(SEARCH, f"{count(len(have), 'dashboard')}, {len(wanted & have.keys())} of them ours")]
        if findings:
            hint = (
                "see the page's own log (`obsctl logs grafana`): it says which file it could not read; `obsctl render` "
                "writes the files, `obsctl up` hands them over"
            )
            return failed(summed(findings), [*looked, *(Evidence("finding", f) for f in findings)], hint=hint)
        looked += [Evidence(f"GET /api/datasources/uid/{uid}/health", "nothing is wrong") for uid in sources]
        summary = f"{count(len(wanted), 'dashboard')} on the page, {count(len(sources), 'data source')} behind them"
        return passed(summary, looked)


def _findings(page: GrafanaClient, board: Dashboard, have: Collection[str]) -> Iterator[str]:
    if board.uid not in have:
        yield f"{board.title} ({board.uid}) is not on the page"
        return
    try:
        there = read_dashboard(page.dashboard(board.uid), board.uid)
    except SpecError as error:
        yield f"{board.title} ({board.uid}) cannot be read from the page: {error.message}"
        return
    if gone := [panel.title for panel in board.panels if panel.title not in {p.title for p in there.panels}]:
        yield f"{board.title} ({board.uid}) is another version: no panel {gone[0]!r}"


def _sources(dashboards: Sequence[Dashboard]) -> tuple[str, ...]:
    """The uids of the data sources behind the panels; a variable stands for the one it has at first."""
    found: dict[str, None] = {}
    for board in dashboards:
        variables = {f"${{{v.name}}}": v.current for v in board.variables if v.type == "datasource"}
        for panel in board.panels:
            for query in panel.queries:
                chosen = variables.get(query.data_source, (query.data_source,))
                found.update(dict.fromkeys(uid for uid in chosen if uid and not uid.startswith(("-", "$"))))
    return tuple(found)
