"""``obsctl check``."""

from __future__ import annotations

from typing import Annotated

import typer

from obsctl.cli.options import HERE, Directory, Json
from obsctl.cli.output import finish

Several = list[str] | None


def check(
    directory: Directory = HERE,
    scrape: Annotated[
        Several, typer.Option("--scrape", metavar="FILE|URL|-", help="Text of a /metrics page; may be repeated.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Read /metrics of every component of the spec, too.")] = False,
    rules: Annotated[
        Several, typer.Option("--rules", metavar="GLOB", help="Rule files of your own; may be repeated.")
    ] = None,
    dashboards: Annotated[
        Several, typer.Option("--dashboards", metavar="GLOB", help="Dashboards of your own; may be repeated.")
    ] = None,
    rule_tests: Annotated[
        bool, typer.Option("--rule-tests/--no-rule-tests", help="Run the generated rule tests, if promtool is there.")
    ] = True,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="error|warning|info", help="Least severity that fails.")
    ] = "warning",
    format_: Annotated[
        str, typer.Option("--format", metavar="text|json|github", help="How findings are written.")
    ] = "text",
    list_: Annotated[bool, typer.Option("--list", help="Show every kind of finding, and exit.")] = False,
    json: Json = False,
) -> None:
    """Look for mistakes without a running stack.

    Spec, contracts and SLOs; PromQL of rules and dashboards, held against the contract; text of scrapes. Exit 1 on a
    finding. docs/check.md explains each kind.
    """
    from obsctl.ops.check import CheckOptions, catalogue
    from obsctl.ops.check import check as op
    from obsctl.report.inspection import require_format, show
    from obsctl.report.streams import while_read

    if list_:
        finish(catalogue(), json=json)
    chosen = "json" if json else require_format(format_)
    options = CheckOptions(rules or (), dashboards or (), scrape or (), live, rule_tests, fail_on)
    result = op(directory, options)
    with while_read():
        show(result, chosen)
    raise typer.Exit(result.exit_status)
