"""``check``: everything that can be known without a stack. Spec, contracts, rules, dashboards, scrapes, rule tests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from obsctl import __version__
from obsctl.backends import BACKENDS
from obsctl.errors import ObsctlError, SpecError, StartError, UsageError
from obsctl.lint.catalogue import RULES
from obsctl.lint.contracts import contract_findings
from obsctl.lint.dashboards import dashboard_findings
from obsctl.lint.finding import Finding, Inspection, Look, LookVerdict, Severity, at_least
from obsctl.lint.recorded import with_recorded
from obsctl.lint.rules import rule_findings, spec_findings, syntax_findings
from obsctl.lint.scrape import scrape_findings
from obsctl.lint.series import Known, known_series
from obsctl.lint.suppress import suppressed
from obsctl.ops.check_inputs import ScrapeText, given_scrapes, live_scrapes, read_text, user_files
from obsctl.ops.home import open_home
from obsctl.ops.promtool import installed, run_rule_tests
from obsctl.render.compose import compose
from obsctl.render.desired import OUTPUT, File
from obsctl.render.logpaths import METADATA_FIELDS
from obsctl.render.rulefiles import TESTS
from obsctl.result import Result
from obsctl.schema.findings import shown_path
from obsctl.spec.load import load_stack
from obsctl.spec.presets import load_preset
from obsctl.spec.rule_file import FileRule, parse_rule_file
from obsctl.spec.stack import Stack


@dataclass(frozen=True)
class CheckOptions:
    """What the command line asks for, besides what the spec says under ``check``."""

    rules: Sequence[str] = ()
    dashboards: Sequence[str] = ()
    scrapes: Sequence[str] = ()
    live: bool = False
    rule_tests: bool = True
    fail_on: str = Severity.WARNING


@dataclass(frozen=True)
class _Part:
    """One part of the check. ``verdict`` is None where the findings decide."""

    subject: str
    detail: str
    findings: tuple[Finding, ...] = ()
    verdict: LookVerdict | None = None


def check(folder: Path, options: CheckOptions) -> Inspection:
    """Look at everything. Raises UsageError for options, StartError for a file that cannot be read."""
    fail_on = _severity(options.fail_on)
    try:
        stack = load_stack(folder)
    except SpecError as error:
        look = Look("spec", LookVerdict.FAIL, f"{len(error.parts)} mistake{'s' * (len(error.parts) != 1)}")
        return Inspection((look,), tuple(spec_findings(error)), fail_on=fail_on)
    parts = tuple(_parts(stack, options))
    skipped = () if any(part.subject.startswith("scrape") for part in parts) else ("scrape.",)
    found = (finding for part in parts for finding in part.findings)
    left, accepted, stale = suppressed(found, stack.check.suppressions, skipped=skipped)
    if stack.check.suppressions:
        parts += (_Part("suppressions", f"{len(stack.check.suppressions)} in {stack.source}", stale),)
    left = (*left, *stale)
    looks = tuple(_look(part, frozenset(left), fail_on) for part in parts)
    return Inspection(looks, _sorted(left), accepted, fail_on)


def catalogue() -> Result:
    """Every kind of finding."""
    rules = [{"id": r.id, "severity": str(r.severity), "finds": r.title, "hint": r.hint} for r in RULES]
    return Result("check", {"rules": rules})


def _severity(name: str) -> Severity:
    try:
        return Severity(name)
    except ValueError:
        raise UsageError(
            f"--fail-on {name!r} is none of {', '.join(Severity)}", hint="leave it out for warning"
        ) from None


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then by place."""
    order = tuple(Severity)
    return tuple(sorted(findings, key=lambda f: (order.index(f.rule.severity), f.place.file, f.place.line)))


def _look(part: _Part, left: frozenset[Finding], fail_on: Severity) -> Look:
    if part.verdict is not None:
        return Look(part.subject, part.verdict, part.detail)
    mine = [finding for finding in part.findings if finding in left]
    hidden = len(part.findings) - len(mine)
    counts = [f"{len(mine)} finding{'s' * (len(mine) != 1)}"] if mine else []
    counts += [f"{hidden} suppressed"] if hidden else []
    bad = any(at_least(finding.rule.severity, fail_on) for finding in mine)
    detail = f"{part.detail}: {', '.join(counts)}" if counts else part.detail
    return Look(part.subject, LookVerdict.FAIL if bad else LookVerdict.PASS, detail)


def _parts(stack: Stack, options: CheckOptions) -> Iterator[_Part]:
    yield _contracts(stack)
    files = compose(stack, load_preset(stack.choices.preset), version=__version__).files
    rule_files = [f for f in files if "/rules/" in f.path and f.path.endswith((".yml", ".yaml"))]
    rules, broken = _rules(_texts(rule_files, stack, stack.check.rules, options.rules, "rules"))
    known = with_recorded(_known(stack), rules)
    found = (*broken, *rule_findings(rules, known))
    yield _Part("rules", f"{len(rules)} rules in {len({rule.place.file for rule in rules})} files", found)
    boards = [f for f in files if "/dashboards/" in f.path and f.path.endswith(".json")]
    yield _dashboards(_texts(boards, stack, stack.check.dashboards, options.dashboards, "dashboards"), known)
    yield from _scrapes(stack, options)
    yield _rule_tests(rule_files, [f for f in files if f.path.startswith(f"{TESTS}/")], _output(stack), options)


def _contracts(stack: Stack) -> _Part:
    contracts = [service.contract for service in stack.services]
    metrics, slos = (sum(map(len, some)) for some in ((c.metrics for c in contracts), (c.slos for c in contracts)))
    detail = f"{len(contracts)} contract{'s' * (len(contracts) != 1)}, {metrics} metrics, {slos} SLOs"
    return _Part("spec", detail, tuple(finding for contract in contracts for finding in contract_findings(contract)))


def _known(stack: Stack) -> Known:
    exposed = (name for backend in BACKENDS for name in backend.exposes)
    return known_series(
        (service.contract for service in stack.services),
        external=(*exposed, *stack.check.external),
        labels=stack.check.labels,
        log_labels=METADATA_FIELDS if stack.choices.log_ids == "labels" else (),
        scrape_interval=stack.scrape_interval,
    )


def _rules(texts: Mapping[str, str]) -> tuple[list[FileRule], list[Finding]]:
    """The rules of all files, and what is wrong with files that are none."""
    rules: list[FileRule] = []
    broken: list[Finding] = []
    for name, text in texts.items():
        try:
            rules += parse_rule_file(text, name)
        except SpecError as error:
            broken += syntax_findings(error)
    return rules, broken


def _texts(
    rendered: Sequence[File], stack: Stack, in_spec: Sequence[str], options: Sequence[str], key: str
) -> dict[str, str]:
    """Texts by the name of their file: the generated ones, and the user's. What was rendered before counts once."""
    texts = {f"{_output(stack)}/{file.path}": file.text for file in rendered}
    found = (*user_files(in_spec, stack.folder, f"check: {key}:"), *user_files(options, Path(), f"--{key}"))
    broken = "surrogateescape" if key == "rules" else "replace"
    return texts | {shown_path(path): read_text(path, broken) for path in found}


def _output(stack: Stack) -> str:
    """Where `render` writes."""
    return shown_path(stack.folder / OUTPUT)


def _dashboards(texts: Mapping[str, str], known: Known) -> _Part:
    found = tuple(finding for name, text in texts.items() for finding in dashboard_findings(text, name, known))
    return _Part("dashboards", f"{len(texts)} dashboard{'s' * (len(texts) != 1)}", found)


def _scrapes(stack: Stack, options: CheckOptions) -> Iterator[_Part]:
    attempts = list(given_scrapes(stack, options.scrapes))
    if options.live:
        attempts += live_scrapes(stack.services, open_home(stack.folder).runtime.endpoints())
    for name, got in attempts:
        yield _scrape(got) if isinstance(got, ScrapeText) else _unread(name, got)


def _unread(name: str, error: ObsctlError) -> _Part:
    return _Part(f"scrape of {name}", error.message, verdict=LookVerdict.ERROR)


def _scrape(scrape: ScrapeText) -> _Part:
    found = tuple(scrape_findings(scrape.text, scrape.name, scrape.metrics, openmetrics=scrape.openmetrics))
    return _Part(f"scrape of {scrape.name}", f"{scrape.text.count(chr(10))} lines", found)


def _rule_tests(rules: Sequence[File], tests: Sequence[File], output: str, options: CheckOptions) -> _Part:
    """A test that was not run has no verdict but skip."""
    tool = installed()
    if not options.rule_tests or tool is None:
        reason = "promtool is not installed" if options.rule_tests else "left out with --no-rule-tests"
        return _Part("rule tests", f"not run: {reason}", verdict=LookVerdict.SKIP)
    try:
        return _Part("rule tests", f"{len(tests)} files run by {tool}", run_rule_tests(tool, rules, tests, output))
    except StartError as error:
        return _Part("rule tests", error.message, verdict=LookVerdict.ERROR)
